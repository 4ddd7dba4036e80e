// SPDX-License-Identifier: BSD-2-Clause
// CPU times as /proc shows them (cputime_adjust in kernel/sched/cputime.c, the same in 5.10 and
// 7.2): user and system time are sampled by ticks, or accounted at the border of user mode; the
// scheduler's runtime is exact and is divided in their ratio.
#include "os/linux/cputime.h"

// a * b / c for a <= c: the product may need 128 bits, the quotient fits. Exact to 2^-53 of the
// result at least.
static uint64_t scale(uint64_t a, uint64_t b, uint64_t c) {
    return (uint64_t)((long double)a * (long double)b / (long double)c);
}

struct linux_cputime linux_cputime_adjust(const struct linux_cputime *t,
                                          const struct linux_cputime *prev) {
    struct linux_cputime out = {prev->utime, prev->stime, 0};
    uint64_t shown, sum;
    // Sums that overflow come from damage; what was shown before is all there is to say then.
    if (__builtin_add_overflow(prev->stime, prev->utime, &shown) || shown >= t->runtime ||
        __builtin_add_overflow(t->stime, t->utime, &sum))
        return out;
    if (t->stime == 0)
        out.stime = 0;
    else if (t->utime == 0)
        out.stime = t->runtime;
    else
        out.stime = scale(t->stime, t->runtime, sum);
    if (out.stime > t->runtime) out.stime = t->runtime;
    if (out.stime < prev->stime) out.stime = prev->stime;
    out.utime = t->runtime - out.stime;
    if (out.utime < prev->utime) {
        out.utime = prev->utime;
        out.stime = t->runtime - out.utime;
    }
    return out;
}
