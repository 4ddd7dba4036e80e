// SPDX-License-Identifier: BSD-2-Clause
// kvm_walk_pages: every page that the kernel's page tables map and the dump holds, in ascending order of
// virtual addresses, after FreeBSD's kvm_walk_pages (KVM_WALK_PAGES_VERSION 2). A large page is one call when
// all of it is in the dump, and a page that is mapped in two places is visited twice.
#include "session/public.h"

struct walk {
    kvm_t *kd;
    kvm_walk_pages_cb_t *fn;
    void *arg;
    uint64_t direct_start, direct_end; // of the direct map; equal: unknown
};

enum { STOPPED = 1 };

static int prot_of(const struct mmu_page *page) {
    return (page->prot & MMU_READ ? KVM_PROT_READ : 0) |
           (page->prot & MMU_WRITE ? KVM_PROT_WRITE : 0) |
           (page->prot & MMU_EXECUTE ? KVM_PROT_EXECUTE : 0);
}

static int call(struct walk *w, uint64_t va, uint64_t pa, uint64_t len,
                const struct mmu_page *mapping) {
    struct kvm_page page = {
        .kp_version = KVM_WALK_PAGES_VERSION,
        .kp_paddr = pa,
        .kp_prot = prot_of(mapping),
        .kp_len = (size_t)len,
    };
    uint64_t direct = w->direct_end - w->direct_start;
    if (va - w->direct_start < direct) {
        page.kp_dmap_vaddr = va;
    } else {
        page.kp_kmap_vaddr = va;
        if (pa < direct) page.kp_dmap_vaddr = w->direct_start + pa;
    }
    const struct image *img = w->kd->image;
    if (img->ops->file_offset) img->ops->file_offset(w->kd->image, pa, len, &page.kp_offset);
    return w->fn(&page, w->arg) ? 0 : STOPPED;
}

// The parts of one mapping that are in the dump.
static int visit(void *ctx, uint64_t va, const struct mmu_page *mapping) {
    struct walk *w = ctx;
    uint64_t at = mapping->pa, end = mapping->pa + mapping->size;
    struct image_region r;
    while (at < end && image_next_region(w->kd->image, at, &r) && r.start < end) {
        if (r.start > at) at = r.start;
        uint64_t stop = r.end < end ? r.end : end;
        int rc = call(w, va + (at - mapping->pa), at, stop - at, mapping);
        if (rc) return rc;
        at = stop;
    }
    return 0;
}

int kvm_walk_pages(kvm_t *kd, kvm_walk_pages_cb_t *cb, void *arg) {
    struct walk w = {.kd = kd, .fn = cb, .arg = arg};
    struct os *os = &kd->os;
    if (os->ops->direct_map) os->ops->direct_map(os, &w.direct_start, &w.direct_end);
    int rc = mmu_each(&os->mmu, os->mmu.root, os->facts.kernel_start, ~UINT64_C(0), visit, &w);
    return rc ? 0 : 1;
}
