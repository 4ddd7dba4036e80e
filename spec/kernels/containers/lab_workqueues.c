// SPDX-License-Identifier: BSD-2-Clause
// Workqueues with a work that does not end, works behind it that may not start yet, a work that waits for its time: for
// workqueue_spec.lua.
#include "lab.h"

#include <linux/sched.h>
#include <linux/version.h>
#include <linux/workqueue.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
#define WQ_PERCPU 0
#endif

static struct workqueue_struct *lab_wq __used;      // one at a time, with a rescuer
static struct workqueue_struct *lab_ordered __used; // unbound

static void lab_work_stuck(struct work_struct *work) {
    set_worker_desc("lab-%s", "stuck");
    for (;;)
        schedule_timeout_idle(MAX_SCHEDULE_TIMEOUT);
}
static void lab_work_behind(struct work_struct *work) {
}
static void lab_work_later(struct work_struct *work) {
}

static DECLARE_WORK(lab_stuck, lab_work_stuck);
static DECLARE_WORK(lab_behind, lab_work_behind);
static DECLARE_WORK(lab_ordered_stuck, lab_work_stuck);
static DECLARE_WORK(lab_ordered_1, lab_work_behind);
static DECLARE_WORK(lab_ordered_2, lab_work_behind);
static DECLARE_DELAYED_WORK(lab_later, lab_work_later); // in 10,000 s
static DECLARE_WORK(lab_idle, lab_work_behind);         // in no queue

void lab_workqueues(void) {
    lab_wq = alloc_workqueue("lab_wq", WQ_PERCPU | WQ_MEM_RECLAIM | WQ_HIGHPRI, 1);
    lab_ordered = alloc_ordered_workqueue("lab_ordered", 0);
    if (!lab_wq || !lab_ordered) return;
    queue_work_on(0, lab_wq, &lab_stuck);
    queue_work_on(0, lab_wq, &lab_behind);
    queue_work(lab_ordered, &lab_ordered_stuck);
    queue_work(lab_ordered, &lab_ordered_1);
    queue_work(lab_ordered, &lab_ordered_2);
    queue_delayed_work_on(1, lab_wq, &lab_later, 10000 * HZ);
    (void)work_pending(&lab_idle);
    flush_work(&lab_idle);
}
