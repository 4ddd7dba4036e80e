// SPDX-License-Identifier: BSD-2-Clause
// kvm_getprocs(3): the selected processes in one array that the handle owns until the next call.
// Where the kernel's lists are damaged, those that could be reached are returned and the reason is
// in kvm_geterr.
#include "session/public.h"

#include "base/mem.h"

#include <limits.h>

struct list {
    const kvm_t *kd;
    struct kinfo_proc *procs;
    size_t count, cap;
};

static int add(void *ctx, const struct os_proc *p) {
    struct list *l = ctx;
    if (l->count == INT_MAX || !mem_grow(&l->procs, &l->cap, l->count + 1, sizeof(*l->procs)))
        return KVM_NOMEM;
    session_kinfo(l->kd, p, &l->procs[l->count++]);
    return 0;
}

struct kinfo_proc *kvm_getprocs(kvm_t *kd, int op, int arg, int *cnt) {
    struct kvm_err err = {0};
    struct list l = {.kd = kd};
    mem_free(kd->procs);
    kd->procs = NULL;
    int rc = session_procs(kd, op, arg, add, &l, &err);
    if (rc == KVM_NOMEM && err.code == 0) err_nomem(&err, "processes");
    if (rc) public_fail(kd, &err);
    if (rc == KVM_NOMEM || l.count == 0) {
        mem_free(l.procs);
        *cnt = rc ? -1 : 0;
        return NULL;
    }
    kd->procs = l.procs;
    *cnt = (int)l.count;
    return kd->procs;
}
