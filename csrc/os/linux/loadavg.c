// SPDX-License-Identifier: BSD-2-Clause
// The load averages over 1, 5 and 15 minutes: unsigned long avenrun[3], fixed point with 11 bits
// behind the point (FSHIFT in include/linux/sched/loadavg.h, the same since 2.6).
#include "os/linux/linux.h"

enum { FIXED_1 = 1 << 11 };

int linux_loadavg(struct os *os, double avg[3], struct kvm_err *err) {
    uint64_t addr, v[3];
    int rc = symtab_value(os->symbols, "avenrun", &addr, err);
    for (int i = 0; rc == 0 && i < 3; i++)
        rc = reader_word(&os->virt, addr + (uint64_t)(i * os->virt.word_size), &v[i], err);
    if (rc) return err_prepend(err, rc, "load average");
    for (int i = 0; i < 3; i++)
        avg[i] = (double)v[i] / FIXED_1;
    return 0;
}
