// SPDX-License-Identifier: BSD-2-Clause
// Opening, in named stages. What a stage needs was made by the ones before it; a failure ends with
// "open CORE: ..." and the ordinary close.
#include "session/files.h"
#include "session/overlay.h"
#include "session/phys.h"

#include "base/mem.h"

#define DEBUG_DIR "/usr/lib/debug"

static int read_virt(void *ctx, uint64_t addr, void *buf, size_t len, struct kvm_err *err) {
    size_t done;
    return session_read(ctx, (struct session_space){.kind = SPACE_KERNEL}, addr, buf, len, &done,
                        err);
}

static int read_space(void *ctx, uint64_t root, uint64_t addr, void *buf, size_t len, size_t *done,
                      struct kvm_err *err) {
    struct session_space space = {.kind = SPACE_USER, .root = root};
    return session_read(ctx, space, addr, buf, len, done, err);
}

static int open_image(kvm_t *kd, struct kvm_err *err) {
    if (!kd->opt.core)
        return err_set(err, KVM_UNSUPPORTED,
                       "the live kernel is not read by this release: name a crash dump");
    bool in_place = kd->opt.write && !kd->opt.overlay;
    struct image_options opt = {
        .writable = in_place, .cache_bytes = kd->opt.cache_bytes, .progress = kd->opt.progress};
    int rc = image_open(kd->opt.core, kd->opt.core_count, &opt, &kd->image, err);
    if (rc) return rc;
    if (in_place && !kd->image->ops->write)
        return err_set(err, KVM_UNSUPPORTED, "%s: this format can't be written in place",
                       kd->image->facts.format);
    return kd->opt.trace ? image_trace_start(kd->image, err) : 0;
}

// Without memory there is nothing but the namelist.
static int describe(kvm_t *kd, struct kvm_err *err) {
    return kd->image->facts.no_memory ? session_namelist_describe(kd, err) : 0;
}

static int find_kernel(kvm_t *kd, struct kvm_err *err) {
    struct os *os = &kd->os;
    int rc = os_find(kd->image, &os->ops, err);
    if (rc) return rc;
    os->image = kd->image;
    os->read_space = read_space;
    os->ctx = kd;
    bool big = kd->image->facts.big;
    uint8_t word = kd->image->facts.elf_class == 1 ? 4 : 8;
    kd->phys = (struct reader){kd, phys_read, big, word};
    os->virt = (struct reader){kd, read_virt, big, word};
    os->mmu.phys = kd->phys;
    rc = os->ops->locate(os, err);
    return rc && kd->opt.vmcoreinfo ? err_prepend(err, rc, "%s", kd->opt.vmcoreinfo) : rc;
}

static int add_symbols(kvm_t *kd, struct kvm_err *err) {
    int rc = kd->namelist ? session_namelist_add(kd, err) : 0;
    return rc ? rc : kd->os.ops->add_symbols(&kd->os, err);
}

static int (*const stages[])(kvm_t *kd, struct kvm_err *err) = {
    open_image,
    describe,
    session_vmcoreinfo_find,
    find_kernel,
    add_symbols,
};

static int prepare(kvm_t *kd, const struct session_options *opt, struct kvm_err *err) {
    kd->opt = *opt;
    kd->opt.namelist = NULL;
    kd->tlb = mem_array(SESSION_TLB_SETS * SESSION_TLB_WAYS, sizeof(*kd->tlb));
    kd->os.symbols = symtab_create();
    kd->debug_dir = mem_strdup(opt->debug_dir ? opt->debug_dir : DEBUG_DIR);
    kd->opt.debug_dir = NULL;
    if (!kd->tlb || !kd->os.symbols || !kd->debug_dir) return err_nomem(err, "a handle");
    int rc = session_types_create(kd, err);
    if (rc) return rc;
    if (!opt->namelist) return 0;
    kd->namelist = mem_strdup(opt->namelist);
    return kd->namelist ? 0 : err_nomem(err, "a file name");
}

int session_open(const struct session_options *opt, kvm_t **out, struct kvm_err *err) {
    kvm_t *kd = mem_zalloc(sizeof(*kd));
    if (!kd) return err_nomem(err, "a handle");
    int rc = prepare(kd, opt, err);
    for (size_t i = 0; rc == 0 && i < sizeof(stages) / sizeof(stages[0]); i++)
        rc = stages[i](kd, err);
    kd->opt.core = NULL; // these are the caller's
    kd->opt.progress = NULL;
    kd->opt.vmcoreinfo = NULL;
    if (rc) {
        session_close(kd);
        return rc;
    }
    *out = kd;
    return 0;
}

void session_close(kvm_t *kd) {
    if (!kd) return;
    session_results_free(kd);
    session_types_destroy(kd);
    symtab_destroy(kd->os.symbols);
    if (kd->os.ops) kd->os.ops->destroy(&kd->os);
    overlay_destroy(kd->overlay);
    image_close(kd->image);
    mem_free(kd->vmcoreinfo);
    mem_free(kd->tlb);
    mem_free(kd->namelist);
    mem_free(kd->debug_dir);
    mem_free(kd->program);
    mem_free(kd);
}

void session_results_free(kvm_t *kd) {
    mem_free(kd->procs);
    kd->procs = NULL;
    for (int i = 0; i < 2; i++) {
        mem_free(kd->strings[i]);
        kd->strings[i] = NULL;
    }
}
