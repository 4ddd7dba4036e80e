// SPDX-License-Identifier: BSD-2-Clause
// 200 MB that nothing leads to any more.
#include "lab_faults.h"

#include <linux/sched.h>
#include <linux/slab.h>

static noinline void lab_slab_leak(unsigned int count) {
    char *p;

    for (; count > 0; count--) {
        p = kmalloc(1024, GFP_KERNEL);
        if (!p) return;
        p[0] = 1;
        cond_resched();
    }
}
void lab_slab_leak_fault(void) {
    lab_slab_leak(200 * 1024);
}
