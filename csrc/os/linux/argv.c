// SPDX-License-Identifier: BSD-2-Clause
// Arguments and environment of a process, out of its own memory: between arg_start and arg_end,
// env_start and env_end of its mm_struct. A program that writes a title over its arguments
// (setproctitle) is read as /proc/PID/cmdline does it (get_mm_cmdline in fs/proc/base.c, since 5.3
// and to 7.2): when the last byte of the arguments is no NUL, the title is the string at arg_start,
// up to one page, into the environment if that follows. Pages that were swapped out are not in a
// dump.
#include "os/linux/linux.h"

#include "base/mem.h"

// Arguments and environment together take at most three quarters of _STK_LIM, 6 MB (fs/exec.c).
enum { STRINGS_MAX = 16 * 1024 * 1024 };

struct area {
    uint64_t start, end;
};

enum { ARG_START, ARG_END, ENV_START, ENV_END, PGD, MEMBERS };
static const struct linux_member members[MEMBERS] = {
    [ARG_START] = {"struct mm_struct", "arg_start", NULL, false},
    [ARG_END] = {"struct mm_struct", "arg_end", NULL, false},
    [ENV_START] = {"struct mm_struct", "env_start", NULL, false},
    [ENV_END] = {"struct mm_struct", "env_end", NULL, false},
    [PGD] = {"struct mm_struct", "pgd", NULL, false},
};

static int has_memory(const struct os_proc *p, struct kvm_err *err) {
    if (p->mm) return 0;
    return err_set(err, KVM_NOTFOUND,
                   "process %d is a kernel thread, or has exited: it has no memory", p->pid);
}

// With page table isolation mm->pgd is the kernel's half of the pair, which maps the process's
// memory too.
int linux_proc_root(struct os *os, const struct os_proc *p, uint64_t *root, struct kvm_err *err) {
    struct linux_at at[MEMBERS];
    struct mmu_page page;
    uint64_t pgd;
    int rc = has_memory(p, err);
    if (rc) return rc;
    rc = linux_members_find(os->types, members, MEMBERS, at, err);
    if (rc == 0) rc = linux_member_read(&os->virt, p->mm, at[PGD], &pgd, err);
    if (rc == 0) rc = mmu_walk(&os->mmu, os->mmu.root, pgd, &page, err);
    if (rc) return err_prepend(err, rc, "page tables of process %d", p->pid);
    *root = page.pa;
    return 0;
}

static int find_areas(struct os *os, const struct os_proc *p, struct area *arg, struct area *env,
                      struct kvm_err *err) {
    struct linux_at at[MEMBERS];
    uint64_t v[PGD];
    int rc = linux_members_find(os->types, members, MEMBERS, at, err);
    for (int i = ARG_START; rc == 0 && i < PGD; i++)
        rc = linux_member_read(&os->virt, p->mm, at[i], &v[i], err);
    if (rc) return rc;
    *arg = (struct area){v[ARG_START], v[ARG_END]};
    *env = (struct area){v[ENV_START], v[ENV_END]};
    return 0;
}

static int read_area(struct os *os, uint64_t root, struct area a, size_t max, char **out,
                     size_t *len, struct kvm_err *err) {
    uint64_t size = a.end > a.start ? a.end - a.start : 0;
    if (size > max) size = max;
    if (size > STRINGS_MAX)
        return err_at(err, KVM_FORMAT, a.start, "%llu bytes of strings", (unsigned long long)size);
    char *b = mem_alloc(size + 1);
    if (!b) return err_nomem(err, "strings of a process");
    size_t done;
    int rc = size ? os->read_space(os->ctx, root, a.start, b, (size_t)size, &done, err) : 0;
    if (rc) {
        mem_free(b);
        return rc;
    }
    b[size] = '\0';
    *out = b;
    *len = (size_t)size;
    return 0;
}

// The area of a title that was written over the arguments; false when there is none.
static bool has_title(struct os *os, uint64_t root, struct area arg, struct area env,
                      struct area *out) {
    char last;
    size_t done;
    if (arg.start >= arg.end || os->read_space(os->ctx, root, arg.end - 1, &last, 1, &done, NULL) ||
        last == '\0')
        return false;
    bool joined = env.start == arg.end && env.end >= env.start;
    *out = (struct area){arg.start, joined ? env.end : arg.end};
    if (out->end - out->start > os->facts.page_size) out->end = out->start + os->facts.page_size;
    return true;
}

// The first string in the area, its NUL included where there is one. It may end on a page behind
// which nothing is there.
static int read_title(struct os *os, uint64_t root, struct area a, size_t max, char **out,
                      size_t *len, struct kvm_err *err) {
    size_t size = (size_t)(a.end - a.start), done;
    char *b = mem_alloc(size + 1);
    if (!b) return err_nomem(err, "the title of a process");
    int rc = os->read_space(os->ctx, root, a.start, b, size, &done, err);
    if (rc && !memchr(b, 0, done)) {
        mem_free(b);
        return rc;
    }
    b[done] = '\0';
    *len = strlen(b);
    if (*len < done) ++*len;
    if (*len > max) *len = max;
    *out = b;
    return 0;
}

int linux_proc_strings(struct os *os, const struct os_proc *p, enum os_proc_strings what,
                       size_t max, char **out, size_t *len, struct kvm_err *err) {
    struct area arg = {0}, env = {0}, title;
    uint64_t root = 0;
    int rc = linux_proc_root(os, p, &root, err);
    if (rc) return rc;
    rc = find_areas(os, p, &arg, &env, err);
    if (rc == 0) {
        if (what == OS_ENVIRON)
            rc = read_area(os, root, env, max, out, len, err);
        else if (has_title(os, root, arg, env, &title))
            rc = read_title(os, root, title, max, out, len, err);
        else
            rc = read_area(os, root, arg, max, out, len, err);
    }
    return rc ? err_prepend(err, rc, "%s of process %d",
                            what == OS_ENVIRON ? "environment" : "arguments", p->pid)
              : 0;
}
