// SPDX-License-Identifier: BSD-2-Clause
// kvm_read(3): reading and writing. A read or write returns the bytes done before the first page that can't
// be reached, -1 when there are none; the reason is in kvm_geterr in both cases.
#include "session/public.h"

#include <limits.h>

static const struct session_space kernel = {.kind = SPACE_KERNEL};

static ssize_t result(kvm_t *kd, int rc, size_t done, const struct kvm_err *err) {
    if (rc) public_fail(kd, err);
    return rc && done == 0 ? -1 : (ssize_t)done;
}

static ssize_t read_some(kvm_t *kd, struct session_space space, uint64_t addr, void *buf,
                         size_t n) {
    struct kvm_err err = {0};
    size_t done = 0;
    int rc = n > SSIZE_MAX ? err_set(&err, KVM_INVAL, "%zu bytes are too many", n)
                           : session_read(kd, space, addr, buf, n, &done, &err);
    return result(kd, rc, done, &err);
}

ssize_t kvm_read2(kvm_t *kd, kvaddr_t addr, void *buf, size_t nbytes) {
    return read_some(kd, kernel, addr, buf, nbytes);
}

ssize_t kvm_read(kvm_t *kd, unsigned long addr, void *buf, size_t nbytes) {
    return kvm_read2(kd, addr, buf, nbytes);
}

ssize_t kvm_physread(kvm_t *kd, uint64_t paddr, void *buf, size_t nbytes) {
    return read_some(kd, (struct session_space){.kind = SPACE_PHYSICAL}, paddr, buf, nbytes);
}

ssize_t kvm_uread(kvm_t *kd, const struct kinfo_proc *p, kvaddr_t uaddr, void *buf, size_t nbytes) {
    struct kvm_err err = {0};
    struct os_proc proc = {
        .pid = p->ki_pid, .tid = p->ki_tid, .addr = p->ki_paddr, .mm = p->ki_vmspace};
    struct session_space space;
    if (session_proc_space(kd, &proc, &space, &err)) return public_fail(kd, &err);
    return read_some(kd, space, uaddr, buf, nbytes);
}

ssize_t kvm_write(kvm_t *kd, unsigned long addr, const void *buf, size_t nbytes) {
    struct kvm_err err = {0};
    size_t done = 0;
    int rc = nbytes > SSIZE_MAX ? err_set(&err, KVM_INVAL, "%zu bytes are too many", nbytes)
                                : session_write(kd, kernel, addr, buf, nbytes, &done, &err);
    return result(kd, rc, done, &err);
}
