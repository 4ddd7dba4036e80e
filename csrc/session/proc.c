// SPDX-License-Identifier: BSD-2-Clause
// Processes as kvm_getprocs selects and describes them. The operations are FreeBSD's (sys/sysctl.h
// and lib/libkvm/kvm_proc.c, 14.0).
#include "session/session.h"

#include <stdio.h>

struct filter {
    int op;
    int arg;
    os_proc_visit *fn;
    void *ctx;
};

static bool selected(const struct filter *f, const struct os_proc *p) {
    switch (f->op) {
    case KERN_PROC_PID: return p->pid == f->arg;
    case KERN_PROC_PGRP: return p->pgid == f->arg;
    case KERN_PROC_SESSION: return p->sid == f->arg;
    case KERN_PROC_TTY:
        return (p->tty_major || p->tty_minor) && (p->tty_major << 8 | p->tty_minor) == f->arg;
    case KERN_PROC_UID: return p->uid == (uint32_t)f->arg;
    case KERN_PROC_RUID: return p->ruid == (uint32_t)f->arg;
    case KERN_PROC_GID: return p->gid == (uint32_t)f->arg;
    case KERN_PROC_RGID: return p->rgid == (uint32_t)f->arg;
    default: return true; // KERN_PROC_ALL, KERN_PROC_PROC
    }
}

static int visit(void *ctx, const struct os_proc *p) {
    const struct filter *f = ctx;
    return selected(f, p) ? f->fn(f->ctx, p) : 0;
}

static bool known(int op) {
    return (op >= KERN_PROC_ALL && op <= KERN_PROC_RUID) || op == KERN_PROC_PROC ||
           op == KERN_PROC_RGID || op == KERN_PROC_GID;
}

int session_procs(kvm_t *kd, int op, int arg, os_proc_visit *fn, void *ctx, struct kvm_err *err) {
    bool threads = op & KERN_PROC_INC_THREAD;
    struct filter f = {op & ~KERN_PROC_INC_THREAD, arg, fn, ctx};
    if (!known(f.op)) return err_set(err, KVM_INVAL, "no such selection of processes: %d", op);
    if (f.op == KERN_PROC_PROC && threads)
        return err_set(err, KVM_INVAL, "KERN_PROC_PROC has no threads");
    if (f.op != KERN_PROC_PID || threads)
        return kd->os.ops->each_proc(&kd->os, threads, visit, &f, err);
    // One process: the others' fields need not be read.
    struct os_proc p;
    struct kvm_err why = {0};
    int rc = kd->os.ops->find_proc(&kd->os, arg, &p, &why);
    if (rc == KVM_NOTFOUND) return 0;
    if (rc && err) *err = why;
    return rc ? rc : visit(&f, &p);
}

int session_proc_space(kvm_t *kd, const struct os_proc *p, struct session_space *out,
                       struct kvm_err *err) {
    out->kind = SPACE_USER;
    return kd->os.ops->proc_root(&kd->os, p, &out->root, err);
}

static char stat_of(char state) {
    switch (state) {
    case 'R': return SRUN;
    case 'S':
    case 'I':
    case 'P': return SSLEEP;
    case 'T':
    case 't': return SSTOP;
    case 'Z':
    case 'X': return SZOMB;
    case 'D': return SWAIT;
    default: return 0; // not in the dump
    }
}

void session_kinfo(const kvm_t *kd, const struct os_proc *p, struct kinfo_proc *out) {
    uint32_t page = kd->os.facts.page_size;
    *out = (struct kinfo_proc){
        .ki_structsize = sizeof(*out),
        .ki_pid = p->pid,
        .ki_tid = p->tid,
        .ki_ppid = p->ppid,
        .ki_pgid = p->pgid,
        .ki_sid = p->sid,
        .ki_uid = p->uid,
        .ki_ruid = p->ruid,
        .ki_svuid = p->svuid,
        .ki_gid = p->gid,
        .ki_rgid = p->rgid,
        .ki_svgid = p->svgid,
        .ki_stat = stat_of(p->state),
        .ki_state = p->state,
        .ki_nice = (signed char)p->nice,
        .ki_numthreads = p->threads,
        .ki_oncpu = p->cpu,
        .ki_tdev = (uint64_t)((uint32_t)p->tty_major << 8 | (uint32_t)p->tty_minor),
        .ki_start = p->start_ns,
        .ki_runtime = p->utime_ns + p->stime_ns,
        .ki_utime = p->utime_ns,
        .ki_stime = p->stime_ns,
        .ki_size = p->vsz_bytes,
        .ki_rssize = page ? p->rss_bytes / page : 0,
        .ki_paddr = p->addr,
        .ki_vmspace = p->mm,
        .ki_flag = p->flags,
        .ki_partial = p->partial,
    };
    snprintf(out->ki_comm, sizeof(out->ki_comm), "%.*s", KI_COMMLEN, p->comm);
    snprintf(out->ki_tty, sizeof(out->ki_tty), "%.*s", KI_TTYLEN, p->tty);
}
