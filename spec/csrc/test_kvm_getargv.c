// SPDX-License-Identifier: BSD-2-Clause
// kvm_getargv(3), kvm_getenvv(3): vectors, bounds and ownership over strings made here, then the
// dump that ships, whose user pages were left out.
#include "sample.h"
#include "session/session.h"
#include "tap.h"

#include "base/mem.h"

#include <fcntl.h>

static const char *bytes; // of the process; NULL: there are none
static size_t bytes_len;
static enum os_proc_strings asked;
static uint64_t asked_mm;

static int proc_strings(struct os *os, const struct os_proc *p, enum os_proc_strings what,
                        size_t max, char **out, size_t *len, struct kvm_err *err) {
    (void)os;
    asked = what;
    asked_mm = p->mm;
    if (!bytes) return err_at(err, KVM_EXCLUDED, 0x7fff1000, "not in the dump");
    *len = bytes_len < max ? bytes_len : max;
    *out = mem_alloc(*len + 1);
    if (!*out) return err_nomem(err, "strings");
    memcpy(*out, bytes, *len);
    return 0;
}

static const struct os_ops ops = {.name = "strings", .proc_strings = proc_strings};
static const struct kinfo_proc proc = {.ki_pid = 5, .ki_vmspace = 0x1234};

// The vector as text: "a,b,"; "NULL" where there is none.
static const char *joined(char **v) {
    static char text[256];
    size_t used = 0;
    text[0] = '\0';
    if (!v) return "NULL";
    for (; *v; v++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s,", *v);
    return text;
}

static void give(const char *s, size_t len) {
    bytes = s;
    bytes_len = len;
}

static void test_vectors(kvm_t *kd) {
    give("ls\0-l\0\0/tmp\0", 12);
    is_str(joined(kvm_getargv(kd, &proc, 0)), "ls,-l,,/tmp,", "no bound");
    ok(asked == OS_ARGV && asked_mm == 0x1234, "arguments of that process");
    is_str(joined(kvm_getargv(kd, &proc, 12)), "ls,-l,,/tmp,", "just enough");
    is_str(joined(kvm_getargv(kd, &proc, 9)), "ls,-l,,/t,", "the last one is cut off");
    is_str(joined(kvm_getargv(kd, &proc, 3)), "ls,", "a bound behind a NUL");
    is_str(joined(kvm_getargv(kd, &proc, 1)), "l,", "one character");
    is_str(joined(kvm_getargv(kd, &proc, -1)), "NULL", "a negative bound");
    has_text(kvm_geterr(kd), "-1 characters", "text");
    give("", 0);
    char **v = kvm_getargv(kd, &proc, 0);
    ok(v && !v[0], "no arguments are an empty vector");
    give("\0", 1);
    v = kvm_getargv(kd, &proc, 0);
    ok(v && v[0] && !v[0][0] && !v[1], "an empty argument is one");
}

static void test_owner(kvm_t *kd) {
    give("A=1\0B=2\0", 8);
    char **env = kvm_getenvv(kd, &proc, 0);
    ok(asked == OS_ENVIRON, "environment");
    give("prog\0", 5);
    char **argv = kvm_getargv(kd, &proc, 0);
    is_str(joined(env), "A=1,B=2,", "a later kvm_getargv does not free it");
    is_str(joined(argv), "prog,", "arguments");
    give(NULL, 0);
    ok(!kvm_getargv(kd, &proc, 0), "pages that are not in the dump");
    has_text(kvm_geterr(kd), "not in the dump", "text");
    is_int(kd->err.code, KVM_EXCLUDED, "code");
    is_str(joined(env), "A=1,B=2,", "the environment is still there");
    give("prog\0", 5);
    for (unsigned long n = 1; n <= 2; n++) {
        mem_fail_from(n);
        ok(!kvm_getargv(kd, &proc, 0), "allocation %lu fails", n);
        mem_fail_from(0);
        has_text(kvm_geterr(kd), "out of memory", "text");
    }
    is_str(joined(kvm_getargv(kd, &proc, 0)), "prog,", "then it works");
}

static void test_sample(void) {
    char errbuf[KVM_ERRBUF_SIZE] = "";
    int cnt = 0;
    kvm_t *kd = kvm_openfiles(NULL, sample_core(), NULL, O_RDONLY, errbuf);
    ok(kd != NULL, "the dump opens %s", errbuf);
    if (!kd) return;
    struct kinfo_proc *p = kvm_getprocs(kd, KERN_PROC_PID, 1, &cnt);
    ok(p != NULL, "init");
    if (p) {
        ok(!kvm_getargv(kd, p, 0), "its arguments were left out");
        is_int(kd->err.code, KVM_EXCLUDED, "code");
        has_text(kvm_geterr(kd), "arguments of process 1", "text");
        ok(!kvm_getenvv(kd, p, 0), "and its environment");
        char byte;
        is_int(kvm_uread(kd, p, kd->err.addr, &byte, 1), -1, "nor can they be read");
    }
    p = kvm_getprocs(kd, KERN_PROC_PID, 2, &cnt);
    ok(p != NULL, "kthreadd");
    if (p) {
        ok(!kvm_getargv(kd, p, 0), "a kernel thread has none");
        is_int(kd->err.code, KVM_NOTFOUND, "code");
    }
    kvm_close(kd);
}

int main(void) {
    kvm_t *kd = mem_zalloc(sizeof(*kd));
    kd->os.ops = &ops;
    test_vectors(kd);
    test_owner(kd);
    mem_free(kd->strings[0]);
    mem_free(kd->strings[1]);
    mem_free(kd);
    test_sample();
    return done();
}
