// SPDX-License-Identifier: BSD-2-Clause
// Faults of tasks that do not get on.
#include "lab_faults.h"

#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/version.h>
#include <linux/workqueue.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
#define WQ_PERCPU 0
#endif

static void start_on(int (*fn)(void *), void *arg, const char *name, int cpu) {
    struct task_struct *task = kthread_create(fn, arg, "%s", name);

    if (IS_ERR(task)) return;
    kthread_bind(task, cpu);
    wake_up_process(task);
}

// --- locks taken in two orders
static DEFINE_MUTEX(lab_mutex_a);
static DEFINE_MUTEX(lab_mutex_b);

static noinline void lab_lock_both(struct mutex *first, struct mutex *second) {
    mutex_lock(first);
    msleep(300);
    mutex_lock(second);
    mutex_unlock(second);
    mutex_unlock(first);
}
static int lab_a_then_b(void *unused) {
    lab_lock_both(&lab_mutex_a, &lab_mutex_b);
    return 0;
}
static int lab_b_then_a(void *unused) {
    lab_lock_both(&lab_mutex_b, &lab_mutex_a);
    return 0;
}
void lab_ab_ba(void) {
    kthread_run(lab_a_then_b, NULL, "lab-ab");
    kthread_run(lab_b_then_a, NULL, "lab-ba");
}

static struct rw_semaphore lab_semaphores[3];

static noinline int lab_rwsem_cycle_task(void *number) {
    long i = (long)number;

    down_write(&lab_semaphores[i]);
    msleep(300);
    down_write(&lab_semaphores[(i + 1) % 3]);
    up_write(&lab_semaphores[(i + 1) % 3]);
    up_write(&lab_semaphores[i]);
    return 0;
}
void lab_rwsem_cycle(void) {
    long i;

    for (i = 0; i < 3; i++)
        init_rwsem(&lab_semaphores[i]);
    for (i = 0; i < 3; i++)
        kthread_run(lab_rwsem_cycle_task, (void *)i, "lab-cycle-%ld", i);
}

// --- a wait that nothing ends
static DECLARE_COMPLETION(lab_never);

static noinline int lab_hung_task(void *unused) {
    wait_for_completion(&lab_never);
    return 0;
}
void lab_hung(void) {
    kthread_run(lab_hung_task, NULL, "lab-hung");
}

// --- CPUs that do nothing else any more
static noinline int lab_soft_lockup(void *unused) {
    preempt_disable();
    for (;;)
        cpu_relax();
    return 0;
}
void lab_softlockup(void) {
    start_on(lab_soft_lockup, NULL, "lab-soft", 1);
}

static noinline int lab_hard_lockup(void *unused) {
    local_irq_disable();
    for (;;)
        cpu_relax();
    return 0;
}
void lab_hardlockup(void) {
    start_on(lab_hard_lockup, NULL, "lab-hard", 1);
}

// --- grace periods that do not end
static int lab_rcu_waiter(void *unused) {
    msleep(100);
    synchronize_rcu();
    return 0;
}
static noinline int lab_rcu_spin(void *unused) {
    rcu_read_lock();
    preempt_disable();
    for (;;)
        cpu_relax();
    return 0;
}
void lab_rcu_stall(void) {
    start_on(lab_rcu_spin, NULL, "lab-rcu", 1);
    start_on(lab_rcu_waiter, NULL, "lab-rcu-waiter", 0);
}

static noinline int lab_rcu_sleep(void *unused) {
    rcu_read_lock();
    for (;;)
        schedule_timeout_uninterruptible(MAX_SCHEDULE_TIMEOUT);
    return 0;
}
void lab_rcu_reader(void) {
    start_on(lab_rcu_sleep, NULL, "lab-reader", 1);
    start_on(lab_rcu_waiter, NULL, "lab-rcu-waiter", 0);
}

// --- a work that does not end
static struct workqueue_struct *lab_wq;

static noinline void lab_stuck_work(struct work_struct *work) {
    for (;;)
        schedule_timeout_uninterruptible(MAX_SCHEDULE_TIMEOUT);
}
static void lab_work_behind(struct work_struct *work) {
}
static DECLARE_WORK(lab_stuck, lab_stuck_work);
static DECLARE_WORK(lab_behind, lab_work_behind);

void lab_stuck_work_fault(void) {
    lab_wq = alloc_workqueue("lab_stuck_wq", WQ_PERCPU, 1);
    if (!lab_wq) return;
    queue_work_on(0, lab_wq, &lab_stuck);
    queue_work_on(0, lab_wq, &lab_behind);
}
