// SPDX-License-Identifier: BSD-2-Clause
// Locks that are held and waited for, wait queues with waiters, reference counts, lists without a head, readers of SRCU: for
// locks_spec.lua. The thread lab-owner holds the locks and sleeps; a thread that waits is called like what it waits for.
#include "lab.h"

#include <linux/completion.h>
#include <linux/kref.h>
#include <linux/kthread.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/percpu-rwsem.h>
#include <linux/plist.h>
#include <linux/refcount.h>
#include <linux/rtmutex.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/semaphore.h>
#include <linux/seqlock.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include <linux/swait.h>
#include <linux/version.h>
#include <linux/wait.h>

static __used DEFINE_MUTEX(lab_mutex);
static __used DEFINE_MUTEX(lab_mutex_free);
// Held by two readers, a writer waits, a reader behind it.
static __used DECLARE_RWSEM(lab_rwsem_read);
static __used DECLARE_RWSEM(lab_rwsem_write); // held by a writer, a reader waits
static __used struct semaphore lab_semaphore; // 1, taken; one waits
static __used struct semaphore lab_semaphore_free;
static __used struct rt_mutex lab_rt_mutex; // held, two wait
static __used struct rt_mutex lab_rt_mutex_free;
static __used struct percpu_rw_semaphore lab_percpu_rwsem; // three readers, a writer waits
static __used struct percpu_rw_semaphore lab_percpu_rwsem_free;
static __used DECLARE_WAIT_QUEUE_HEAD(lab_wait); // two wait, one of them exclusively
static __used DECLARE_SWAIT_QUEUE_HEAD(lab_swait);
static __used DECLARE_COMPLETION(lab_completion);     // one waits
static __used DECLARE_COMPLETION(lab_completion_two); // completed twice
static __used DECLARE_COMPLETION(lab_completion_all); // for all
static __used DEFINE_RAW_SPINLOCK(lab_spin_free);
static __used DEFINE_RAW_SPINLOCK(lab_spin);      // held
static __used DEFINE_RAW_SPINLOCK(lab_spin_tail); // as if CPU 1 waited behind one that waits
static __used seqcount_t lab_seq = SEQCNT_ZERO(lab_seq);
static __used seqcount_t lab_seq_writing = SEQCNT_ZERO(lab_seq_writing);
static __used refcount_t lab_refcount = REFCOUNT_INIT(3);
static __used refcount_t lab_refcount_zero = REFCOUNT_INIT(0);
static __used refcount_t lab_refcount_saturated = REFCOUNT_INIT(REFCOUNT_SATURATED);
static __used struct kref lab_kref = KREF_INIT(7);
static __used struct srcu_struct lab_srcu; // three readers
static bool lab_never;

// --- lists
struct lab_link {
    long id;
    struct llist_node node;
};
static __used LLIST_HEAD(lab_llist);     // 4 to 0
static __used LLIST_HEAD(lab_llist_bad); // 4 to 0, and 4 again
static __used LLIST_HEAD(lab_llist_empty);

struct lab_prio {
    long id;
    struct plist_node node;
};
// The ids 0 to 9, two of each priority; in the second 8 has a higher number than 9.
static __used struct plist_head lab_plist, lab_plist_bad;
static __used struct plist_head lab_plist_empty = PLIST_HEAD_INIT(lab_plist_empty);

static void links(struct llist_head *head, bool bad) {
    struct llist_node *first = NULL;
    long i;
    for (i = 0; i < 5; i++) {
        struct lab_link *l = kzalloc(sizeof(*l), GFP_KERNEL);
        l->id = i;
        if (!first) first = &l->node;
        llist_add(&l->node, head);
    }
    if (bad) first->next = head->first;
}

// As plist_add makes it, which modules can't call.
static void priorities(struct plist_head *head, bool bad) {
    struct list_head *first_prio = NULL;
    long i;
    plist_head_init(head);
    for (i = 0; i < 10; i++) {
        struct lab_prio *p = kzalloc(sizeof(*p), GFP_KERNEL);
        p->id = i;
        plist_node_init(&p->node, bad && i == 8 ? 100 : (int)(i / 2 * 10));
        list_add_tail(&p->node.node_list, &head->node_list);
        if (i % 2) continue;
        if (!first_prio)
            first_prio = &p->node.prio_list;
        else
            list_add_tail(&p->node.prio_list, first_prio);
    }
}

// --- threads
static int owner(void *unused) {
    mutex_lock(&lab_mutex);
    down_read(&lab_rwsem_read);
    down_write(&lab_rwsem_write);
    down(&lab_semaphore);
    rt_mutex_lock(&lab_rt_mutex);
    percpu_down_read(&lab_percpu_rwsem);
    percpu_down_read(&lab_percpu_rwsem);
    percpu_down_read(&lab_percpu_rwsem);
    for (;;)
        schedule_timeout_interruptible(MAX_SCHEDULE_TIMEOUT);
    return 0;
}
static int reader(void *unused) {
    down_read(&lab_rwsem_read);
    for (;;)
        schedule_timeout_interruptible(MAX_SCHEDULE_TIMEOUT);
    return 0;
}
static int wait_mutex(void *unused) {
    return mutex_lock_interruptible(&lab_mutex);
}
static int wait_read(void *unused) {
    down_read(&lab_rwsem_read);
    return 0;
}
static int wait_write(void *unused) {
    down_write(&lab_rwsem_read);
    return 0;
}
static int wait_other(void *unused) {
    down_read(&lab_rwsem_write);
    return 0;
}
static int wait_semaphore(void *unused) {
    return down_interruptible(&lab_semaphore);
}
static int wait_rt_mutex(void *unused) {
    return rt_mutex_lock_interruptible(&lab_rt_mutex);
}
static int wait_percpu(void *unused) {
    percpu_down_write(&lab_percpu_rwsem);
    return 0;
}
static int wait_queue(void *unused) {
    return wait_event_interruptible(lab_wait, READ_ONCE(lab_never));
}
static int wait_exclusive(void *unused) {
    return wait_event_interruptible_exclusive(lab_wait, READ_ONCE(lab_never));
}
static int wait_simple(void *unused) {
    return swait_event_interruptible_exclusive(lab_swait, READ_ONCE(lab_never));
}
static int wait_completion(void *unused) {
    return wait_for_completion_interruptible(&lab_completion);
}

// In this order, each once the one before it sleeps: the order of the waiters is known.
static const struct {
    int (*fn)(void *);
    const char *name;
} threads[] = {
    {owner, "lab-owner"},         {reader, "lab-reader"},
    {wait_mutex, "lab-mutex"},    {wait_write, "lab-write"},
    {wait_read, "lab-read"},      {wait_other, "lab-other"},
    {wait_semaphore, "lab-sema"}, {wait_rt_mutex, "lab-rt-1"},
    {wait_rt_mutex, "lab-rt-2"},  {wait_percpu, "lab-percpu"},
    {wait_queue, "lab-wait"},     {wait_exclusive, "lab-exclusive"},
    {wait_simple, "lab-swait"},   {wait_completion, "lab-completion"},
};

void lab_locks(void) {
    size_t i;
    sema_init(&lab_semaphore, 1);
    sema_init(&lab_semaphore_free, 5);
    rt_mutex_init(&lab_rt_mutex);
    rt_mutex_init(&lab_rt_mutex_free);
    links(&lab_llist, false);
    links(&lab_llist_bad, true);
    init_llist_head(&lab_llist_empty);
    priorities(&lab_plist, false);
    priorities(&lab_plist_bad, true);
    plist_head_init(&lab_plist_empty);
    if (percpu_init_rwsem(&lab_percpu_rwsem) || percpu_init_rwsem(&lab_percpu_rwsem_free)) return;
    if (init_srcu_struct(&lab_srcu)) return;
    for (i = 0; i < 3; i++)
        (void)srcu_read_lock(&lab_srcu);
    arch_spin_lock(&lab_spin.raw_lock);
    atomic_set(&lab_spin_tail.raw_lock.val, (1 + 1) << 18 | 2 << 16 | 1);
    raw_write_seqcount_begin(&lab_seq_writing);
    complete(&lab_completion_two);
    complete(&lab_completion_two);
    complete_all(&lab_completion_all);
    for (i = 0; i < ARRAY_SIZE(threads); i++) {
        kthread_run(threads[i].fn, NULL, "%s", threads[i].name);
        schedule_timeout_uninterruptible(HZ / 50);
    }
}
