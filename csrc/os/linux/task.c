// SPDX-License-Identifier: BSD-2-Clause
// All tasks: the list of thread group leaders that begins at init_task (for_each_process in
// include/linux/sched/signal.h), and each group's threads from signal_struct.thread_head
// (__for_each_thread), 5.10 to 7.2. The idle tasks (init_task and those of the other CPUs) are in
// no list but as its head, and /proc does not show them either. A dump has a few tasks more than a
// list printed before it.
#include "os/linux/cputime.h"
#include "os/linux/linux.h"

struct walk {
    struct os *os;
    const struct linux_task_layout *l;
    bool threads;
    os_proc_visit *fn;
    void *ctx;
    struct kvm_err first; // damage of one group's list, told when all groups are done
};

static int read_task(const struct walk *w, uint64_t base, enum linux_task_member m, uint64_t *out) {
    *out = 0;
    return w->l->at[m].size ? linux_member_read(&w->os->virt, base, w->l->at[m], out, NULL) : 0;
}

static int add_times(const struct walk *w, uint64_t base, enum linux_task_member utime,
                     enum linux_task_member stime, enum linux_task_member runtime,
                     struct linux_cputime *sum) {
    uint64_t u, s, r;
    if (read_task(w, base, utime, &u) || read_task(w, base, stime, &s) ||
        read_task(w, base, runtime, &r))
        return KVM_FAULT;
    sum->utime += u;
    sum->stime += s;
    sum->runtime += r;
    return 0;
}

// The threads of LEADER's group. The head of their list lies in another page than they do.
static int each_thread(const struct walk *w, uint64_t leader, uint64_t signal, linux_list_visit *fn,
                       void *ctx, struct kvm_err *err) {
    return linux_list_each_around(&w->os->virt, signal + w->l->at[SIGNAL_THREAD_HEAD].offset,
                                  leader + w->l->at[TASK_THREAD_NODE].offset, "threads", fn, ctx,
                                  err);
}

struct sum {
    const struct walk *w;
    struct linux_cputime times;
};

static int add_thread(void *ctx, uint64_t node) {
    struct sum *s = ctx;
    uint64_t task = node - s->w->l->at[TASK_THREAD_NODE].offset;
    return add_times(s->w, task, TASK_UTIME, TASK_STIME, TASK_RUNTIME, &s->times);
}

// thread_group_cputime: what the dead threads left in the signal_struct, and every living one.
static int group_times(const struct walk *w, const struct os_proc *p, uint64_t signal,
                       struct linux_cputime *out) {
    struct sum s = {.w = w};
    int rc = add_times(w, signal, SIGNAL_UTIME, SIGNAL_STIME, SIGNAL_RUNTIME, &s.times);
    if (rc == 0 && p->threads == 1)
        rc = add_times(w, p->addr, TASK_UTIME, TASK_STIME, TASK_RUNTIME, &s.times);
    else if (rc == 0)
        rc = each_thread(w, p->addr, signal, add_thread, &s, NULL);
    *out = s.times;
    return rc;
}

// Of the whole group, or of the task alone.
static void fill_times(const struct walk *w, bool group, struct os_proc *p) {
    struct linux_cputime t = {0}, prev = {0};
    uint64_t signal;
    int rc = 0;
    if (group) {
        rc = read_task(w, p->addr, TASK_SIGNAL, &signal);
        if (rc == 0) rc = group_times(w, p, signal, &t);
        if (rc == 0) rc = read_task(w, signal, SIGNAL_PREV_UTIME, &prev.utime);
        if (rc == 0) rc = read_task(w, signal, SIGNAL_PREV_STIME, &prev.stime);
    } else {
        rc = add_times(w, p->addr, TASK_UTIME, TASK_STIME, TASK_RUNTIME, &t);
        if (rc == 0) rc = read_task(w, p->addr, TASK_PREV_UTIME, &prev.utime);
        if (rc == 0) rc = read_task(w, p->addr, TASK_PREV_STIME, &prev.stime);
    }
    if (rc) {
        p->partial |= OS_PROC_TIMES;
        return;
    }
    // Kernels that account exactly (CONFIG_VIRT_CPU_ACCOUNTING_NATIVE) have no prev_cputime and no
    // need of it.
    if (w->l->at[TASK_PREV_UTIME].size) t = linux_cputime_adjust(&t, &prev);
    p->utime_ns = t.utime;
    p->stime_ns = t.stime;
}

static int deliver(struct walk *w, uint64_t task, bool group) {
    struct os_proc p;
    linux_task_fill(w->os, task, &p);
    fill_times(w, group, &p);
    return w->fn(w->ctx, &p);
}

static int visit_thread(void *ctx, uint64_t node) {
    struct walk *w = ctx;
    return deliver(w, node - w->l->at[TASK_THREAD_NODE].offset, false);
}

static int visit_leader(void *ctx, uint64_t node) {
    struct walk *w = ctx;
    uint64_t task = node - w->l->at[TASK_TASKS].offset, signal;
    if (!w->threads) return deliver(w, task, true);
    if (read_task(w, task, TASK_SIGNAL, &signal)) return deliver(w, task, false);
    struct kvm_err why = {0};
    int rc = each_thread(w, task, signal, visit_thread, w, &why);
    if (rc == 0 || why.code == 0) return rc;
    if (w->first.code == 0) w->first = why;
    return 0;
}

static int each(struct walk *w, linux_list_visit *fn, void *ctx, struct kvm_err *err) {
    int rc = linux_task_layout_get(w->os, &w->l, err);
    if (rc) return rc;
    return linux_list_each(&w->os->virt, w->l->init_task + w->l->at[TASK_TASKS].offset, "tasks", fn,
                           ctx, err);
}

int linux_each_proc(struct os *os, bool threads, os_proc_visit *fn, void *ctx,
                    struct kvm_err *err) {
    struct walk w = {.os = os, .threads = threads, .fn = fn, .ctx = ctx};
    int rc = each(&w, visit_leader, &w, err);
    if (rc || w.first.code == 0) return rc;
    if (err) *err = w.first;
    return w.first.code;
}

struct search {
    struct walk walk;
    int32_t tid;
    uint64_t task;
};

static int is_it(struct search *s, uint64_t task) {
    uint64_t pid;
    if (read_task(&s->walk, task, TASK_PID, &pid) || (int32_t)pid != s->tid) return 0;
    s->task = task;
    return 1;
}

static int match_thread(void *ctx, uint64_t node) {
    struct search *s = ctx;
    return is_it(s, node - s->walk.l->at[TASK_THREAD_NODE].offset);
}

static int match_leader(void *ctx, uint64_t node) {
    struct search *s = ctx;
    return is_it(s, node - s->walk.l->at[TASK_TASKS].offset);
}

static int match_group(void *ctx, uint64_t node) {
    struct search *s = ctx;
    const struct linux_task_layout *l = s->walk.l;
    uint64_t task = node - l->at[TASK_TASKS].offset, signal, count;
    if (read_task(&s->walk, task, TASK_SIGNAL, &signal)) return 0;
    if (read_task(&s->walk, signal, SIGNAL_NR_THREADS, &count) == 0 && count == 1) return 0;
    int rc = each_thread(&s->walk, task, signal, match_thread, s, NULL);
    return rc == 1 ? rc : 0; // the damage of one group does not hide the others
}

int linux_find_proc(struct os *os, int32_t tid, struct os_proc *out, struct kvm_err *err) {
    struct search s = {.walk = {.os = os}, .tid = tid};
    int rc = each(&s.walk, match_leader, &s, err);
    bool leader = rc == 1;
    if (rc == 0) rc = each(&s.walk, match_group, &s, err);
    if (rc == 0) return err_set(err, KVM_NOTFOUND, "no task has the id %d", tid);
    if (rc < 0) return rc;
    linux_task_fill(os, s.task, out);
    fill_times(&s.walk, leader, out);
    return 0;
}
