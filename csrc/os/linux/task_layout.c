// SPDX-License-Identifier: BSD-2-Clause
// Members of task_struct, signal_struct, pid, cred, tty_struct and mm_struct. Checked against the
// types of Linux 5.10.223, 6.1.192, 6.12.117 and 7.2.13. What changed between them:
//   task_struct.state, a long, became __state, an unsigned int, in 5.14 (2f064a59a11f);
//   task_struct.cpu moved into thread_info in 5.16 (bcf9033e5449);
//   thread_group went in 6.7 (8e1f385104ac), so threads are found through thread_head of the
//   signal_struct, which is there since 3.14;
//   mm_struct.rss_stat became an array of percpu_counter in 6.2 (f1a7941243c1).
#include "os/linux/linux.h"

static const struct linux_member members[LINUX_TASK_MEMBERS] = {
    [TASK_TASKS] = {"struct task_struct", "tasks", NULL, false},
    [TASK_THREAD_NODE] = {"struct task_struct", "thread_node", NULL, false},
    [TASK_SIGNAL] = {"struct task_struct", "signal", NULL, false},
    [TASK_PID] = {"struct task_struct", "pid", NULL, false},
    [TASK_TGID] = {"struct task_struct", "tgid", NULL, false},
    [TASK_STATE] = {"struct task_struct", "__state", "state", false},
    [TASK_EXIT_STATE] = {"struct task_struct", "exit_state", NULL, false},
    [TASK_FLAGS] = {"struct task_struct", "flags", NULL, false},
    [TASK_COMM] = {"struct task_struct", "comm", NULL, false},
    [TASK_PRIO] = {"struct task_struct", "prio", NULL, false},
    [TASK_STATIC_PRIO] = {"struct task_struct", "static_prio", NULL, false},
    [TASK_RT_PRIORITY] = {"struct task_struct", "rt_priority", NULL, false},
    [TASK_POLICY] = {"struct task_struct", "policy", NULL, false},
    // Neither: a kernel for one CPU (without CONFIG_SMP).
    [TASK_CPU] = {"struct task_struct", "thread_info.cpu", "cpu", true},
    [TASK_REAL_PARENT] = {"struct task_struct", "real_parent", NULL, false},
    [TASK_GROUP_LEADER] = {"struct task_struct", "group_leader", NULL, false},
    [TASK_REAL_CRED] = {"struct task_struct", "real_cred", NULL, false},
    [TASK_MM] = {"struct task_struct", "mm", NULL, false},
    [TASK_START] = {"struct task_struct", "start_boottime", "real_start_time", false},
    [TASK_UTIME] = {"struct task_struct", "utime", NULL, false},
    [TASK_STIME] = {"struct task_struct", "stime", NULL, false},
    [TASK_RUNTIME] = {"struct task_struct", "se.sum_exec_runtime", NULL, false},
    // Without CONFIG_VIRT_CPU_ACCOUNTING_NATIVE only.
    [TASK_PREV_UTIME] = {"struct task_struct", "prev_cputime.utime", NULL, true},
    [TASK_PREV_STIME] = {"struct task_struct", "prev_cputime.stime", NULL, true},
    [SIGNAL_THREAD_HEAD] = {"struct signal_struct", "thread_head", NULL, false},
    [SIGNAL_NR_THREADS] = {"struct signal_struct", "nr_threads", NULL, false},
    [SIGNAL_PIDS] = {"struct signal_struct", "pids", NULL, false},
    [SIGNAL_TTY] = {"struct signal_struct", "tty", NULL, false},
    [SIGNAL_UTIME] = {"struct signal_struct", "utime", NULL, false},
    [SIGNAL_STIME] = {"struct signal_struct", "stime", NULL, false},
    [SIGNAL_RUNTIME] = {"struct signal_struct", "sum_sched_runtime", NULL, false},
    [SIGNAL_PREV_UTIME] = {"struct signal_struct", "prev_cputime.utime", NULL, true},
    [SIGNAL_PREV_STIME] = {"struct signal_struct", "prev_cputime.stime", NULL, true},
    [PID_NR] = {"struct pid", "numbers[0].nr", NULL, false},
    [CRED_UID] = {"struct cred", "uid", NULL, false},
    [CRED_GID] = {"struct cred", "gid", NULL, false},
    [CRED_SUID] = {"struct cred", "suid", NULL, false},
    [CRED_SGID] = {"struct cred", "sgid", NULL, false},
    [CRED_EUID] = {"struct cred", "euid", NULL, false},
    [CRED_EGID] = {"struct cred", "egid", NULL, false},
    // Without CONFIG_TTY there are no terminals.
    [TTY_NAME] = {"struct tty_struct", "name", NULL, true},
    [TTY_INDEX] = {"struct tty_struct", "index", NULL, true},
    [TTY_DRIVER] = {"struct tty_struct", "driver", NULL, true},
    [DRIVER_MAJOR] = {"struct tty_driver", "major", NULL, true},
    [DRIVER_MINOR_START] = {"struct tty_driver", "minor_start", NULL, true},
    [MM_TOTAL_VM] = {"struct mm_struct", "total_vm", NULL, false},
    [MM_RSS_COUNT] = {"struct mm_struct", "rss_stat[0].count", "rss_stat.count[0]", false},
    [MM_RSS_COUNT_1] = {"struct mm_struct", "rss_stat[1].count", "rss_stat.count[1]", false},
    // Before 6.2, and without CONFIG_SMP, the count is all.
    [MM_RSS_PERCPU] = {"struct mm_struct", "rss_stat[0].counters", NULL, true},
};

// The value of an enumerator of enum pid_type: signal_struct.pids is indexed by it.
static int pid_type(struct type_db *types, const char *name, uint64_t *out, struct kvm_err *err) {
    type_id id;
    struct type_info info;
    int rc = type_find(types, "enum pid_type", &id, err);
    if (rc == 0) rc = type_info(types, id, &info, err);
    for (uint64_t i = 0; rc == 0 && i < info.count; i++) {
        struct type_enumerator e;
        rc = type_enumerator(types, id, i, &e, err);
        if (rc == 0 && strcmp(e.name, name) == 0) {
            *out = (uint64_t)e.value;
            return 0;
        }
    }
    return rc ? rc : err_set(err, KVM_NOTFOUND, "enum pid_type has no %s", name);
}

static int pids_offset(const struct os *os, const char *name, uint32_t *out, struct kvm_err *err) {
    const struct linux_at *pids = &linux_priv(os)->task.at[SIGNAL_PIDS];
    uint64_t i = 0, word = os->virt.word_size;
    int rc = pid_type(os->types, name, &i, err);
    if (rc) return rc;
    if (i >= pids->size / word)
        return err_set(err, KVM_FORMAT, "types: signal_struct.pids has no element %s", name);
    *out = pids->offset + (uint32_t)(i * word);
    return 0;
}

int linux_task_layout_get(struct os *os, const struct linux_task_layout **out,
                          struct kvm_err *err) {
    struct linux_task_layout *l = &linux_priv(os)->task;
    *out = l;
    if (l->loaded) return 0;
    int rc = linux_members_find(os->types, members, LINUX_TASK_MEMBERS, l->at, err);
    if (rc == 0) rc = pids_offset(os, "PIDTYPE_PGID", &l->pgid_offset, err);
    if (rc == 0) rc = pids_offset(os, "PIDTYPE_SID", &l->sid_offset, err);
    if (rc == 0) rc = symtab_value(os->symbols, "init_task", &l->init_task, err);
    if (rc == KVM_NOTFOUND) { // not to be mistaken for a task that is not there
        rc = KVM_UNSUPPORTED;
        if (err) err->code = rc;
    }
    if (rc) return err_prepend(err, rc, "tasks");
    l->loaded = true;
    return 0;
}
