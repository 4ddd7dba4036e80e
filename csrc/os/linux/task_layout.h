// SPDX-License-Identifier: BSD-2-Clause
// Where the members are that make a task.
#ifndef KVM_OS_LINUX_TASK_LAYOUT_H
#define KVM_OS_LINUX_TASK_LAYOUT_H

#include "os/linux/member.h"

struct os;

// In the order of the table in task_layout.c.
enum linux_task_member {
    TASK_TASKS,
    TASK_THREAD_NODE,
    TASK_SIGNAL,
    TASK_PID,
    TASK_TGID,
    TASK_STATE,
    TASK_EXIT_STATE,
    TASK_FLAGS,
    TASK_COMM,
    TASK_PRIO,
    TASK_STATIC_PRIO,
    TASK_RT_PRIORITY,
    TASK_POLICY,
    TASK_CPU,
    TASK_REAL_PARENT,
    TASK_GROUP_LEADER,
    TASK_REAL_CRED,
    TASK_MM,
    TASK_START,
    TASK_UTIME,
    TASK_STIME,
    TASK_RUNTIME,
    TASK_PREV_UTIME,
    TASK_PREV_STIME,
    SIGNAL_THREAD_HEAD,
    SIGNAL_NR_THREADS,
    SIGNAL_PIDS,
    SIGNAL_TTY,
    SIGNAL_UTIME,
    SIGNAL_STIME,
    SIGNAL_RUNTIME,
    SIGNAL_PREV_UTIME,
    SIGNAL_PREV_STIME,
    PID_NR,
    CRED_UID,
    CRED_GID,
    CRED_SUID,
    CRED_SGID,
    CRED_EUID,
    CRED_EGID,
    TTY_NAME,
    TTY_INDEX,
    TTY_DRIVER,
    DRIVER_MAJOR,
    DRIVER_MINOR_START,
    MM_TOTAL_VM,
    MM_RSS_COUNT,
    MM_RSS_COUNT_1, // of the second counter, for their distance
    MM_RSS_PERCPU,
    LINUX_TASK_MEMBERS
};

struct linux_task_layout {
    bool loaded;
    struct linux_at at[LINUX_TASK_MEMBERS];
    uint32_t pgid_offset, sid_offset; // of the elements of signal_struct.pids
    uint64_t init_task;               // address
};

// The layout, looked up once. UNSUPPORTED names what the kernel's types or symbols lack.
int linux_task_layout_get(struct os *os, const struct linux_task_layout **out, struct kvm_err *err);

#endif
