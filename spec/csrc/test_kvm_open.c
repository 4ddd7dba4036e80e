// SPDX-License-Identifier: BSD-2-Clause
// kvm_open(3), kvm_openfiles, kvm_open2, kvm_close, kvm_geterr: the cases of FreeBSD's lib/libkvm/tests, and
// what the manual says beyond them.
#include "kvm.h"
#include "sample.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

static char buf[KVM_ERRBUF_SIZE];

// What kvm_open(exec, core, ..., errstr) prints on stderr.
static const char *printed_by_open(const char *exec, const char *core, const char *errstr) {
    static char text[4096];
    int p[2], saved = dup(2);
    if (saved < 0 || pipe(p) != 0) return "pipe failed";
    dup2(p[1], 2);
    kvm_t *kd = kvm_open(exec, core, NULL, O_RDONLY, errstr);
    dup2(saved, 2);
    close(saved);
    close(p[1]);
    ssize_t n = read(p[0], text, sizeof(text) - 1);
    close(p[0]);
    text[n > 0 ? n : 0] = '\0';
    if (kd) kvm_close(kd);
    return text;
}

static void opens_wrongly(void) {
    const char *core = sample_core();
    ok(!kvm_openfiles(NULL, "/nonexistent", NULL, O_RDONLY, buf), "a core that is not there");
    has_text(buf, "/nonexistent: No such file or directory", "the buffer names it and says why");
    ok(!kvm_openfiles(NULL, "/nonexistent", NULL, O_RDONLY, NULL), "a NULL buffer is allowed");
    ok(!kvm_openfiles("/nonexistent2", "/nonexistent", NULL, O_RDONLY, buf), "both missing");
    has_text(buf, "/nonexistent:", "the core is named first");
    ok(!kvm_openfiles("/nonexistent2", core, NULL, O_RDONLY, buf),
       "an exec file that is not there");
    has_text(buf, "/nonexistent2: No such file", "the buffer names it");
    ok(!kvm_openfiles(core, core, NULL, O_RDONLY, buf), "an exec file that is not ELF");
    has_text(buf, "ELF", "the buffer says so");
    ok(!kvm_openfiles(NULL, "/bin/sh", NULL, O_RDONLY, buf), "/bin/sh as a core");
    ok(!kvm_openfiles(NULL, "/etc/passwd", NULL, O_RDONLY, buf), "a text file as a core");
    has_text(buf, "/etc/passwd: not a dump", "the buffer says what it is not");
    ok(!kvm_openfiles(NULL, "/", NULL, O_RDONLY, buf), "a directory as a core");
    ok(!kvm_openfiles(NULL, "/dev/zero", NULL, O_RDONLY, buf), "a character device as a core");
    ok(!kvm_openfiles(NULL, core, NULL, O_WRONLY, buf), "O_WRONLY");
    is_str(buf, "bad flags arg", "its message");
    ok(!kvm_openfiles(NULL, core, NULL, O_RDWR | O_TRUNC, buf), "flags beyond O_RDWR");
    char name[PATH_MAX + 2];
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    ok(!kvm_open2(name, core, O_RDONLY, buf, NULL), "an exec file name that is too long");
    is_str(buf, "exec file name too long", "its message");
}

static void prints(void) {
    has_text(printed_by_open(NULL, "/nonexistent", "prog"), "prog: /nonexistent: No such file",
             "kvm_open with an errstr prints it and the message");
    is_str(printed_by_open(NULL, "/nonexistent", NULL), "", "kvm_open without one is silent");
    is_str(printed_by_open(NULL, sample_core(), "prog"), "", "a good open prints nothing");
}

static int resolver(const char *name, kvaddr_t *addr) {
    if (strcmp(name, "answer") != 0) return -1;
    *addr = 42;
    return 0;
}

static void resolves(void) {
    kvm_t *kd = kvm_open2(NULL, sample_core(), O_RDONLY, buf, resolver);
    struct kvm_nlist nl[] = {{.n_name = "_answer"}, {.n_name = "init_task"}, {.n_name = NULL}};
    is_int(kvm_nlist2(kd, nl), 1, "a resolver replaces the symbol lookup altogether");
    is_int((int64_t)nl[0].n_value, 42, "its value");
    is_int(nl[0].n_type, N_DATA | N_EXT, "its type");
    kvm_close(kd);
}

// This program as the namelist of a kernel without memory.
static void no_memory(void) {
    ok(!kvm_openfiles(NULL, "/dev/null", NULL, O_RDONLY, buf), "/dev/null without an exec file");
    is_str(buf, "/dev/null has no memory: name a namelist", "its message");
    kvm_t *kd = kvm_openfiles("/proc/self/exe", "/dev/null", NULL, O_RDONLY, buf);
    if (!ok(kd != NULL, "with one it opens")) return;
    struct kvm_nlist nl[] = {{.n_name = "main"}, {.n_name = NULL}};
    is_int(kvm_nlist2(kd, nl), 0, "symbols of the exec file");
    is_int(nl[0].n_type, N_TEXT | N_EXT, "their type");
    is_int(kvm_native(kd), 1, "the machine is the exec file's");
    char byte;
    int count = 0;
    is_int(kvm_read2(kd, nl[0].n_value, &byte, 1), -1, "memory can't be read");
    has_text(kvm_geterr(kd), "no memory: the core is /dev/null", "its message");
    ok(!kvm_getprocs(kd, KERN_PROC_ALL, 0, &count), "there are no processes");
    is_int(kvm_getmaxcpu(kd), -1, "nor CPUs");
    is_int(kvm_close(kd), 0, "kvm_close");
}

int main(void) {
    errno = 0;
    is_int(kvm_close(NULL), -1, "kvm_close(NULL)");
    is_int(errno, EINVAL, "sets EINVAL");
    is_str(kvm_geterr(NULL), "", "kvm_geterr(NULL) is empty");
    opens_wrongly();
    prints();
    no_memory();
    if (access(sample_core(), R_OK) != 0) {
        skip("opening a dump", "there is no examples/panic.kdump");
        return done();
    }
    strcpy(buf, "untouched");
    kvm_t *kd = kvm_openfiles(NULL, sample_core(), NULL, O_RDONLY, buf);
    if (!ok(kd != NULL, "the sample opens")) return done();
    is_str(buf, "untouched", "the buffer is untouched on success");
    is_str(kvm_geterr(kd), "", "no error at first");
    is_int(kvm_close(kd), 0, "kvm_close");
    resolves();
    return done();
}
