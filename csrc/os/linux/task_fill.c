// SPDX-License-Identifier: BSD-2-Clause
// One task's fields as /proc/PID/stat and /proc/PID/status print them (do_task_stat and task_state
// in fs/proc/array.c, 5.10 to 7.2), but its times (cputime.c). Every member is read alone; one that
// is not in the dump leaves 0 and a bit in `partial`. comm is the task's own name: /proc appends to
// that of a kworker what it works on.
#include "os/linux/linux.h"

static const uint64_t pf_kthread = 0x00200000; // PF_KTHREAD

struct fill {
    struct os *os;
    const struct linux_task_layout *l;
    struct os_proc *p;
};

static uint64_t get(struct fill *f, uint64_t base, enum linux_task_member m,
                    enum os_proc_part part) {
    uint64_t v = 0;
    if (f->l->at[m].size == 0) return 0;
    if (base == 0 || linux_member_read(&f->os->virt, base, f->l->at[m], &v, NULL))
        f->p->partial |= part;
    return v;
}

static int32_t get_i32(struct fill *f, uint64_t base, enum linux_task_member m,
                       enum os_proc_part part) {
    return (int32_t)get(f, base, m, part);
}

// task_state_index in include/linux/sched.h; the values have not changed since 4.14. A frozen task
// is 'D' as since 6.14 (f718faf3940e): older kernels print 'R' for it.
static char state_letter(uint64_t state, uint64_t exit_state) {
    enum { REPORT = 0x7f, IDLE = 0x402, RTLOCK_WAIT = 0x1000, FROZEN = 0x8000 };
    static const char letters[] = "RSDTtXZP";
    uint64_t report = (state | exit_state) & REPORT;
    if ((state & IDLE) == IDLE) return 'I';
    if (state & (RTLOCK_WAIT | FROZEN)) return 'D';
    int i = 0;
    for (; report; report >>= 1)
        i++;
    return letters[i];
}

static void fill_state(struct fill *f, uint64_t task) {
    uint64_t state, ended;
    if (linux_member_read(&f->os->virt, task, f->l->at[TASK_STATE], &state, NULL) ||
        linux_member_read(&f->os->virt, task, f->l->at[TASK_EXIT_STATE], &ended, NULL)) {
        f->p->state = '?';
        f->p->partial |= OS_PROC_TASK;
    } else {
        f->p->state = state_letter(state, ended);
    }
}

static void fill_task(struct fill *f, uint64_t task) {
    enum { NICE_0 = 120 }; // DEFAULT_PRIO
    const enum os_proc_part part = OS_PROC_TASK;
    struct os_proc *p = f->p;
    p->tid = get_i32(f, task, TASK_PID, part);
    p->pid = get_i32(f, task, TASK_TGID, part);
    p->flags = get(f, task, TASK_FLAGS, part);
    p->cpu = get_i32(f, task, TASK_CPU, part);
    p->prio = get_i32(f, task, TASK_PRIO, part);
    p->rt_priority = get_i32(f, task, TASK_RT_PRIORITY, part);
    p->policy = get_i32(f, task, TASK_POLICY, part);
    int32_t static_prio = get_i32(f, task, TASK_STATIC_PRIO, part);
    p->nice = static_prio ? static_prio - NICE_0 : 0;
    p->start_ns = get(f, task, TASK_START, part);
    p->leader = get(f, task, TASK_GROUP_LEADER, part);
    fill_state(f, task);
    if (linux_member_string(&f->os->virt, task, f->l->at[TASK_COMM], p->comm, sizeof(p->comm),
                            NULL)) {
        p->comm[0] = '\0';
        p->partial |= part;
    }
    uint64_t parent = get(f, task, TASK_REAL_PARENT, part);
    if (parent) p->ppid = get_i32(f, parent, TASK_TGID, part);
}

static int32_t pid_nr(struct fill *f, uint64_t signal, uint32_t offset) {
    const struct linux_at at = {offset, f->os->virt.word_size};
    uint64_t pid;
    if (linux_member_read(&f->os->virt, signal, at, &pid, NULL)) {
        f->p->partial |= OS_PROC_SIGNAL;
        return 0;
    }
    return pid ? get_i32(f, pid, PID_NR, OS_PROC_SIGNAL) : 0;
}

// tty_devnum in include/linux/tty.h.
static void fill_tty(struct fill *f, uint64_t tty) {
    struct os_proc *p = f->p;
    uint64_t driver = get(f, tty, TTY_DRIVER, OS_PROC_TTY);
    if (driver) {
        p->tty_major = get_i32(f, driver, DRIVER_MAJOR, OS_PROC_TTY);
        p->tty_minor = get_i32(f, driver, DRIVER_MINOR_START, OS_PROC_TTY) +
                       get_i32(f, tty, TTY_INDEX, OS_PROC_TTY);
    }
    if (linux_member_string(&f->os->virt, tty, f->l->at[TTY_NAME], p->tty, sizeof(p->tty), NULL)) {
        p->tty[0] = '\0';
        p->partial |= OS_PROC_TTY;
    }
}

static void fill_signal(struct fill *f, uint64_t task) {
    uint64_t signal = get(f, task, TASK_SIGNAL, OS_PROC_SIGNAL);
    if (!signal) {
        f->p->partial |= OS_PROC_SIGNAL | OS_PROC_TTY;
        return;
    }
    f->p->threads = get_i32(f, signal, SIGNAL_NR_THREADS, OS_PROC_SIGNAL);
    f->p->pgid = pid_nr(f, signal, f->l->pgid_offset);
    f->p->sid = pid_nr(f, signal, f->l->sid_offset);
    uint64_t tty = get(f, signal, SIGNAL_TTY, OS_PROC_TTY);
    if (tty) fill_tty(f, tty);
}

// The objective credentials, as /proc/PID/status: task->cred is what the task itself may stand in
// for a while.
static void fill_cred(struct fill *f, uint64_t task) {
    uint64_t cred = get(f, task, TASK_REAL_CRED, OS_PROC_CRED);
    f->p->uid = (uint32_t)get(f, cred, CRED_EUID, OS_PROC_CRED);
    f->p->ruid = (uint32_t)get(f, cred, CRED_UID, OS_PROC_CRED);
    f->p->svuid = (uint32_t)get(f, cred, CRED_SUID, OS_PROC_CRED);
    f->p->gid = (uint32_t)get(f, cred, CRED_EGID, OS_PROC_CRED);
    f->p->rgid = (uint32_t)get(f, cred, CRED_GID, OS_PROC_CRED);
    f->p->svgid = (uint32_t)get(f, cred, CRED_SGID, OS_PROC_CRED);
}

// A kernel thread may borrow a process's memory (kthread_use_mm); it has none of its own
// (get_task_mm).
static void fill_mm(struct fill *f, uint64_t task) {
    struct os_proc *p = f->p;
    if (p->flags & pf_kthread) return;
    p->mm = get(f, task, TASK_MM, OS_PROC_MM);
    if (!p->mm) return;
    uint64_t pages = 0;
    p->vsz_bytes = get(f, p->mm, MM_TOTAL_VM, OS_PROC_MM) * f->os->facts.page_size;
    if (linux_rss(f->os, p->mm, &pages, NULL)) {
        pages = 0;
        p->partial |= OS_PROC_MM;
    }
    p->rss_bytes = pages * f->os->facts.page_size;
}

void linux_task_fill(struct os *os, uint64_t task, struct os_proc *out) {
    struct fill f = {os, &linux_priv(os)->task, out};
    *out = (struct os_proc){.addr = task};
    fill_task(&f, task);
    fill_signal(&f, task);
    fill_cred(&f, task);
    fill_mm(&f, task);
}
