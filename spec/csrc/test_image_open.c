// SPDX-License-Identifier: BSD-2-Clause
// image/open and image/unsupported: files that are no dumps, each in one clear line.
#include "dump_build.h"
#include "image/image.h"
#include "tap.h"

#include <unistd.h>

static void refuse(const void *bytes, size_t len, int code, const char *text) {
    struct dump_file f = dump_file(bytes, len);
    struct image *img = NULL;
    struct kvm_err err = {0};
    int rc = image_open(&(const char *){f.path}, 1, NULL, &img, &err);
    ok(rc == code && !img, "%s", text);
    char want[256];
    snprintf(want, sizeof(want), "%s: %s", f.path, text);
    has_text(err.text, want, "behind the name of the file");
    ok(!strchr(err.text, '\n'), "in one line");
    dump_forget(&f);
}

// MAGIC with zeros behind it.
static void known(const char *magic, size_t len, const char *name) {
    uint8_t file[600] = {0};
    memcpy(file, magic, len);
    refuse(file, sizeof(file), KVM_UNSUPPORTED, name);
    refuse(file, len, KVM_UNSUPPORTED, name);
}

static void path_refused(const char *path, int code, const char *text) {
    struct image *img = NULL;
    struct kvm_err err = {0};
    is_int(image_open(&(const char *){path}, 1, NULL, &img, &err), code, path);
    has_text(err.text, text, "says why");
    is_int(image_open(&(const char *){path}, 1, NULL, &img, NULL), code,
           "and needs no room for the text");
}

int main(void) {
    known("sadump\0\0", 8, "SADUMP");
    known("\xed\x23\x8f\x61\x73\x01\x19\xa8", 8, "LKCD dump");
    known("\xa8\x19\x01\x73\x61\x8f\x23\xfd", 8, "s390 stand-alone dump");
    known("\xd2\xbe\xd2\xbe", 4, "VMware memory state");
    known("LinuxGuestRecord", 16, "Xen saved domain");
    known("minidump FreeBSD/amd64", 22, "FreeBSD minidump");
    known("\x14\x20\x28\x01", 4, "Hyper-V saved state");
    known("\x04\x00\x8f\xca", 4, "NetBSD or OpenBSD kernel core");
    known("hibr", 4, "Windows hibernation file");
    known("\xed\xc8\xfe\xde", 4, "illumos or Solaris crash dump");
    known("PAGEDU64", 8, "Windows crash dump");
    known("\x02\x21\x4c\x18", 4, "lz4 file of legacy frames (lz4 -l): this format is not read");
    refuse("", 0, KVM_FORMAT, "empty file");
    refuse("root:x:0:0:root\n", 16, KVM_FORMAT, "not a dump: text");
    refuse("caf\xc3\xa9\n", 6, KVM_FORMAT, "not a dump: text");
    refuse("\0\0\0\0\0\0", 6, KVM_FORMAT, "not a dump: it begins with zeros");
    refuse("\1\2\3", 3, KVM_FORMAT, "not a dump: unknown format, begins with 01 02 03");
    refuse("\1\2\3\4\5\6\7\x08\x09", 9, KVM_FORMAT,
           "not a dump: unknown format, begins with 01 02 03 04 05 06 07 08");
    refuse("\177ELF", 4, KVM_FORMAT, "ELF: header is cut short at 4 bytes");
    refuse("KDUMP   ", 8, KVM_FORMAT, "kdump: header is cut short at 8 of 4096 bytes");
    path_refused("/nonexistent/vmcore", KVM_IO, "/nonexistent/vmcore: No such file or directory");
    path_refused("/", KVM_FORMAT, "/: a directory, not a dump");
    path_refused("/dev/zero", KVM_FORMAT, "/dev/zero: a character device, not a dump");
    path_refused("/proc/self/exe", KVM_FORMAT, "not a core");
    return done();
}
