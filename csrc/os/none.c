// SPDX-License-Identifier: BSD-2-Clause
// A kernel of which there is only a namelist: it has symbols and types, but no processes and
// nothing else that is in memory. What the namelist tells about the system is the session's to fill in.
#include "os/none.h"

static int probe(const struct image *img, struct kvm_err *err) {
    (void)err;
    return img->facts.no_memory ? IMAGE_MATCH : IMAGE_NOMATCH;
}

static int no_memory(const struct os *os, const char *what, struct kvm_err *err) {
    return err_set(err, KVM_UNSUPPORTED, "%s: no memory: the core is %s", what,
                   os->image->file->path);
}

static int locate(struct os *os, struct kvm_err *err) {
    (void)os, (void)err;
    return 0;
}

static int add_symbols(struct os *os, struct kvm_err *err) {
    (void)os, (void)err;
    return 0;
}

static int load_types(struct os *os, struct type_source **out, struct kvm_err *err) {
    (void)out;
    return err_set(err, KVM_NOTFOUND, "no memory: the core is %s", os->image->file->path);
}

static int each_proc(struct os *os, bool threads, os_proc_visit *fn, void *ctx,
                     struct kvm_err *err) {
    (void)threads, (void)fn, (void)ctx;
    return no_memory(os, "processes", err);
}

static int find_proc(struct os *os, int32_t tid, struct os_proc *out, struct kvm_err *err) {
    (void)tid, (void)out;
    return no_memory(os, "processes", err);
}

static int proc_root(struct os *os, const struct os_proc *p, uint64_t *root, struct kvm_err *err) {
    (void)p, (void)root;
    return no_memory(os, "processes", err);
}

static int proc_strings(struct os *os, const struct os_proc *p, enum os_proc_strings what,
                        size_t max, char **out, size_t *len, struct kvm_err *err) {
    (void)p, (void)what, (void)max, (void)out, (void)len;
    return no_memory(os, "processes", err);
}

static int loadavg(struct os *os, double avg[3], struct kvm_err *err) {
    (void)avg;
    return no_memory(os, "load average", err);
}

static int each_swap(struct os *os, int (*fn)(void *ctx, const struct os_swap *s), void *ctx,
                     struct kvm_err *err) {
    (void)fn, (void)ctx;
    return no_memory(os, "swap devices", err);
}

static int max_cpu(struct os *os, int *out, struct kvm_err *err) {
    (void)out;
    return no_memory(os, "CPUs", err);
}

static int each_module(struct os *os, os_module_visit *fn, void *ctx, struct kvm_err *err) {
    (void)fn, (void)ctx;
    return no_memory(os, "modules", err);
}

static void destroy(struct os *os) {
    (void)os;
}

const struct os_ops os_none = {
    .name = "none",
    .probe = probe,
    .locate = locate,
    .add_symbols = add_symbols,
    .load_types = load_types,
    .each_proc = each_proc,
    .find_proc = find_proc,
    .proc_root = proc_root,
    .proc_strings = proc_strings,
    .loadavg = loadavg,
    .each_swap = each_swap,
    .max_cpu = max_cpu,
    .each_module = each_module,
    .destroy = destroy,
};
