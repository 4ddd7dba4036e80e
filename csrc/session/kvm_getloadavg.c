// SPDX-License-Identifier: BSD-2-Clause
// kvm_getloadavg(3), kvm_getswapinfo(3) and kvm_getmaxcpu: figures of the whole system.
#include "session/public.h"

#include <stdio.h>

int kvm_getloadavg(kvm_t *kd, double loadavg[], int nelem) {
    struct kvm_err err = {0};
    double avg[3];
    if (kd->os.ops->loadavg(&kd->os, avg, &err)) return public_fail(kd, &err);
    int n = nelem < 3 ? nelem : 3;
    for (int i = 0; i < n; i++)
        loadavg[i] = avg[i];
    return n > 0 ? n : 0;
}

struct areas {
    struct kvm_swap *swap;
    int max, count;
    struct kvm_swap total;
};

static int add(void *ctx, const struct os_swap *s) {
    struct areas *a = ctx;
    a->total.ksw_used += s->used_pages;
    a->total.ksw_total += s->total_pages;
    if (a->count >= a->max - 1) return 0; // counted in the total only
    struct kvm_swap *out = &a->swap[a->count++];
    *out = (struct kvm_swap){
        .ksw_used = s->used_pages, .ksw_total = s->total_pages, .ksw_flags = (int)s->flags};
    snprintf(out->ksw_devname, sizeof(out->ksw_devname), "%s", s->name);
    return 0;
}

int kvm_getswapinfo(kvm_t *kd, struct kvm_swap *swap, int maxswap, int flags) {
    struct kvm_err err = {0};
    if (flags != 0) {
        err_set(&err, KVM_INVAL, "flags must be 0");
        return public_fail(kd, &err);
    }
    if (maxswap < 1) return 0;
    struct areas a = {.swap = swap, .max = maxswap};
    if (kd->os.ops->each_swap(&kd->os, add, &a, &err)) return public_fail(kd, &err);
    swap[a.count] = a.total;
    return a.count;
}

int kvm_getmaxcpu(kvm_t *kd) {
    struct kvm_err err = {0};
    int n;
    return kd->os.ops->max_cpu(&kd->os, &n, &err) ? public_fail(kd, &err) : n;
}
