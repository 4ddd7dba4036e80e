// SPDX-License-Identifier: BSD-2-Clause
// Functions that are traced and probed: for check_hooks_spec.lua. Those are system calls that no guest makes.
#include "lab.h"

#include <linux/ftrace.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/version.h>
#include <linux/workqueue.h>

static int lab_pre(struct kprobe *p, struct pt_regs *regs) {
    return 0;
}
static void lab_post(struct kprobe *p, struct pt_regs *regs, unsigned long flags) {
}
static int lab_return(struct kretprobe_instance *i, struct pt_regs *regs) {
    return 0;
}

// Two of one place, one of a function's return.
static struct kprobe lab_probe = {.symbol_name = "__x64_sys_swapoff", .pre_handler = lab_pre};
static struct kprobe lab_probe_again = {.symbol_name = "__x64_sys_swapoff",
                                        .post_handler = lab_post};
static struct kretprobe lab_returning = {.kp.symbol_name = "__x64_sys_acct", .handler = lab_return};

#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 11, 0)
static void lab_trace(unsigned long ip, unsigned long parent, struct ftrace_ops *ops,
                      struct ftrace_regs *regs) {
}
#else
static void lab_trace(unsigned long ip, unsigned long parent, struct ftrace_ops *ops,
                      struct pt_regs *regs) {
}
#endif
static struct ftrace_ops lab_traced = {.func = lab_trace};

static void lab_start(struct work_struct *work) {
    static unsigned char names[][32] = {"__x64_sys_setfsgid", "__x64_sys_setfsuid"};
    unsigned i;
    if (register_kprobe(&lab_probe) || register_kprobe(&lab_probe_again) ||
        register_kretprobe(&lab_returning))
        pr_warn("lab: no kprobes\n");
    for (i = 0; i < ARRAY_SIZE(names); i++)
        if (ftrace_set_filter(&lab_traced, names[i], strlen(names[i]), i == 0))
            pr_warn("lab: can't trace %s\n", names[i]);
    if (register_ftrace_function(&lab_traced)) pr_warn("lab: no ftrace\n");
}

// While functions are traced, ftrace keeps the names of a module's init functions for /proc/kallsyms:
// the tracing starts when those of this module are gone.
static DECLARE_DELAYED_WORK(lab_starting, lab_start);
void lab_probes(void) {
    schedule_delayed_work(&lab_starting, 3 * HZ);
}
