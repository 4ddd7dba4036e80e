// SPDX-License-Identifier: BSD-2-Clause
// Files that are not read: formats known by their first bytes, one line each with what to do, and a
// guess in words at everything else, so that nobody is left with "not a dump". Signatures from
// makedumpfile 1.7.2 (sadump_mod.h), crash 8.0.2 (lkcd and xendump headers, vmware_vmss.h),
// s390-tools' df_s390.h, Volatility 3's layers for VMware, dissect.hypervisor, NetBSD's sys/kcore.h, and
// file(1) 5.44.
#include "image/formats.h"

#include "fmt/elf.h"

#include <stdio.h>
#include <string.h>

enum { LOOK = 512 }; // bytes

struct known {
    uint16_t offset;
    uint8_t len;
    const char *magic;
    const char *name;
    const char *advice;
};

#define UNPACK       "unpack it first"
#define NOT_LINUX    "only Linux kernel dumps are read"
#define CONVERT_QEMU "dump the guest with QEMU's dump-guest-memory or virsh dump --memory-only"

static const struct known table[] = {
    {0, 8, "sadump\0\0", "SADUMP (Fujitsu stand-alone dump)",
     "convert it first: makedumpfile -c -d 0 -x VMLINUX FILE OUT"},
    {0, 8, "\xed\x23\x8f\x61\x73\x01\x19\xa8", "LKCD dump", "formats of before 2008 are not read"},
    {0, 8, "\xcd\x23\x8f\x61\x73\x01\x19\xa8", "LKCD live dump",
     "formats of before 2008 are not read"},
    {0, 8, "\xa8\x19\x01\x73\x61\x8f\x23\xfd", "s390 stand-alone dump",
     "convert it first: zgetdump -f elf FILE > OUT"},
    {0, 8, "\xa8\x19\x01\x73\x61\x8f\x23\xfe", "s390 stand-alone dump, extended",
     "convert it first: zgetdump -f elf FILE > OUT"},
    {0, 4, "\xed\xeb\x0f\xf0", "Xen domain core (before 2007)", "take it anew with xl dump-core"},
    {0, 4, "\xee\xeb\x0f\xf0", "Xen domain core (before 2007)", "take it anew with xl dump-core"},
    {0, 16, "LinuxGuestRecord", "Xen saved domain", "dump the domain with xl dump-core"},
    {0, 4, "\xd0\xbe\xd0\xbe", "VMware memory state (vmss, vmsn)",
     "convert it first: vmss2core -N FILE"},
    {0, 4, "\xd0\xbe\xd2\xbe", "VMware memory state (vmss, vmsn)",
     "convert it first: vmss2core -N FILE"},
    {0, 4, "\xd1\xba\xd1\xba", "VMware memory state (vmss, vmsn)",
     "convert it first: vmss2core -N FILE"},
    {0, 4, "\xd2\xbe\xd2\xbe", "VMware memory state (vmss, vmsn)",
     "convert it first: vmss2core -N FILE"},
    {0, 4, "\xd3\xbe\xd3\xbe", "VMware memory state (vmss, vmsn)",
     "convert it first: vmss2core -N FILE"},
    {0, 4, "\x14\x20\x28\x01", "Hyper-V saved state (vmrs)",
     "let the guest take the dump itself, with kdump"},
    {0, 4, "hibr", "Windows hibernation file", NOT_LINUX},
    {0, 4, "HIBR", "Windows hibernation file", NOT_LINUX},
    {0, 4, "wake", "Windows hibernation file", NOT_LINUX},
    {0, 4, "WAKE", "Windows hibernation file", NOT_LINUX},
    {2, 2, "\x8f\xca", "NetBSD or OpenBSD kernel core (kcore)", NOT_LINUX},
    {0, 4, "QFI\xfb", "qcow2 disk image", CONVERT_QEMU},
    {0, 17, "minidump FreeBSD/", "FreeBSD minidump", NOT_LINUX},
    {0, 19, "FreeBSD Kernel Dump", "FreeBSD dump device", NOT_LINUX},
    {0, 4, "\xed\xc8\xfe\xde", "illumos or Solaris crash dump", NOT_LINUX},
    {0, 8, "PAGEDU64", "Windows crash dump", NOT_LINUX},
    {0, 8, "PAGEDUMP", "Windows crash dump", NOT_LINUX},
    {0, 4, "MDMP", "Windows minidump", NOT_LINUX},
    {0, 4, "\x02\x21\x4c\x18", "lz4 file of legacy frames (lz4 -l)", UNPACK},
    {0, 9, "\x89LZO\0\r\n\x1a\n", "lzop file", UNPACK},
    {0, 4, "PK\3\4", "zip file", UNPACK},
    {0, 6, "7z\xbc\xaf\x27\x1c", "7-Zip file", UNPACK},
    {257, 5, "ustar", "tar file", UNPACK},
};

// An ELF file that is no core.
static int describe_elf(const struct file *f, struct kvm_err *err) {
    struct elf_header h;
    if (elf_header_parse(f, &h, err)) return KVM_FORMAT;
    const char *kind = h.type == ELF_ET_REL    ? "ELF object file"
                       : h.type == ELF_ET_EXEC ? "ELF executable"
                       : h.type == ELF_ET_DYN  ? "ELF shared object or executable"
                                               : "ELF file";
    return err_set(err, KVM_FORMAT, "not a dump: %s, not a core", kind);
}

static bool is_text(const uint8_t *p, size_t len) {
    for (size_t i = 0; i < len; i++) {
        bool control = p[i] < 0x20 && !(p[i] >= '\t' && p[i] <= '\r') && p[i] != 0x1b;
        if (control || p[i] == 0x7f) return false;
    }
    return true;
}

static bool is_zero(const uint8_t *p, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (p[i]) return false;
    return true;
}

static int describe_bytes(const uint8_t *p, size_t len, struct kvm_err *err) {
    if (is_zero(p, len)) return err_set(err, KVM_FORMAT, "not a dump: it begins with zeros");
    if (is_text(p, len)) return err_set(err, KVM_FORMAT, "not a dump: text");
    char hex[3 * 8 + 1] = "";
    for (size_t i = 0; i < 8 && i < len; i++)
        snprintf(hex + 3 * i, 4, " %02x", p[i]);
    return err_set(err, KVM_FORMAT, "not a dump: unknown format, begins with%s", hex);
}

static const struct known *find_known(const uint8_t *head, size_t len) {
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const struct known *k = &table[i];
        if ((size_t)k->offset + k->len <= len && memcmp(head + k->offset, k->magic, k->len) == 0)
            return k;
    }
    return NULL;
}

bool image_known(const struct file *f) {
    uint8_t head[LOOK];
    size_t len = file_head(f, head, LOOK);
    if (is_zero(head, len)) return false;
    return find_known(head, len) || elf_magic(head, len) || is_text(head, len);
}

int image_unsupported(const struct file *f, struct kvm_err *err) {
    uint8_t head[LOOK];
    size_t len = file_head(f, head, LOOK);
    const struct known *k = find_known(head, len);
    if (k)
        return err_set(err, KVM_UNSUPPORTED, "%s: this format is not read; %s", k->name, k->advice);
    if (elf_magic(head, len)) return describe_elf(f, err);
    return describe_bytes(head, len, err);
}

int image_unmarked(const struct image *img, struct kvm_err *err) {
    struct kvm_err what = {0};
    image_unsupported(img->file, &what);
    return err_set(err, KVM_FORMAT, "%s: %s, and no kernel was found in it as raw memory",
                   img->file->path, what.text);
}
