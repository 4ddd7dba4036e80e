// SPDX-License-Identifier: BSD-2-Clause
// kvm_getargv(3), kvm_getenvv(3): the strings of a process as a NULL-terminated vector. Vector and
// bytes are one allocation that the handle owns until the next call of the same function.
#include "session/public.h"

#include "base/mem.h"

// Strings in LEN bytes: each ends with a NUL, but for the last where it was cut off.
static size_t count_strings(const char *bytes, size_t len) {
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += bytes[i] == '\0';
    return n + (len > 0 && bytes[len - 1] != '\0');
}

static char **vector(const char *bytes, size_t len, struct kvm_err *err) {
    size_t n = count_strings(bytes, len);
    char **v = mem_array(1, (n + 1) * sizeof(char *) + len + 1); // n <= len <= 16 MB: no overflow
    if (!v) {
        err_nomem(err, "strings of a process");
        return NULL;
    }
    char *at = (char *)(v + n + 1);
    memcpy(at, bytes, len);
    for (size_t i = 0; i < n; i++) {
        v[i] = at;
        at += strlen(at) + 1;
    }
    return v;
}

static char **strings(kvm_t *kd, const struct kinfo_proc *p, int nchr, enum os_proc_strings what) {
    struct kvm_err err = {0};
    struct os_proc proc = {
        .pid = p->ki_pid, .tid = p->ki_tid, .addr = p->ki_paddr, .mm = p->ki_vmspace};
    char *bytes = NULL;
    size_t len = 0;
    mem_free(kd->strings[what]);
    kd->strings[what] = NULL;
    if (nchr < 0) {
        err_set(&err, KVM_INVAL, "%d characters", nchr);
        public_fail(kd, &err);
        return NULL;
    }
    size_t max = nchr ? (size_t)nchr : SIZE_MAX;
    int rc = kd->os.ops->proc_strings(&kd->os, &proc, what, max, &bytes, &len, &err);
    if (rc == 0) kd->strings[what] = vector(bytes, len, &err);
    mem_free(bytes);
    if (err.code == KVM_NOTFOUND)
        kd->err = err; // a process without memory is nothing to print about
    else if (!kd->strings[what])
        public_fail(kd, &err);
    return kd->strings[what];
}

char **kvm_getargv(kvm_t *kd, const struct kinfo_proc *p, int nchr) {
    return strings(kd, p, nchr, OS_ARGV);
}

char **kvm_getenvv(kvm_t *kd, const struct kinfo_proc *p, int nchr) {
    return strings(kd, p, nchr, OS_ENVIRON);
}
