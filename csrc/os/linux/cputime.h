// SPDX-License-Identifier: BSD-2-Clause
// CPU times of a task or a thread group.
#ifndef KVM_OS_LINUX_CPUTIME_H
#define KVM_OS_LINUX_CPUTIME_H

#include <stdint.h>

struct linux_cputime {
    uint64_t utime, stime; // nanoseconds as they were sampled or accounted
    uint64_t runtime;      // nanoseconds on a CPU, measured by the scheduler
};

// What /proc shows: the runtime, divided as utime and stime are, and never less than what was shown
// before (PREV). Only utime and stime of the result are set.
struct linux_cputime linux_cputime_adjust(const struct linux_cputime *t,
                                          const struct linux_cputime *prev);

#endif
