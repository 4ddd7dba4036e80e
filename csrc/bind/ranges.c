// SPDX-License-Identifier: BSD-2-Clause
// Ranges of an address space. A walk over page tables can't be suspended; it is run anew from where
// the last batch ended, which costs one descent to there.
#include "bind/ranges.h"

void ranges_init(struct ranges *r, struct session_space space, uint64_t from, uint64_t to) {
    r->space = space;
    r->at = from;
    r->to = to;
    r->ended = from > to;
    r->count = r->next = 0;
}

void ranges_init_all(const kvm_t *kd, struct ranges *r, struct session_space space) {
    ranges_init(r, space, 0, space.kind == SPACE_USER ? kd->os.facts.kernel_start - 1 : UINT64_MAX);
}

// Joins [first, last] to the last range, or starts a new one. False when the batch is full.
static bool add(struct ranges *r, uint64_t first, uint64_t last) {
    if (first < r->at) first = r->at;
    if (last > r->to) last = r->to;
    struct range *tail = r->count ? &r->batch[r->count - 1] : NULL;
    if (tail && tail->last + 1 == first) {
        tail->last = last;
        return true;
    }
    if (r->count == RANGES_BATCH) return false;
    r->batch[r->count++] = (struct range){first, last};
    return true;
}

struct visit {
    struct ranges *r;
    uint64_t rest; // where the walk is to go on
};

static int visit_page(void *ctx, uint64_t va, const struct mmu_page *page) {
    struct visit *v = ctx;
    if (add(v->r, va, va + (page->size - 1))) return 0;
    v->rest = va;
    return 1;
}

static void fill_virtual(kvm_t *kd, struct ranges *r) {
    uint64_t root = r->space.kind == SPACE_USER ? r->space.root : kd->os.mmu.root;
    struct visit v = {r, 0};
    if (mmu_each(&kd->os.mmu, root, r->at, r->to, visit_page, &v) == 0)
        r->ended = true;
    else
        r->at = v.rest;
}

static void fill_physical(kvm_t *kd, struct ranges *r) {
    struct image_region region;
    uint64_t at = r->at;
    while (image_next_region(kd->image, at, &region) && region.start <= r->to) {
        if (!add(r, region.start, region.end - 1)) {
            r->at = at > region.start ? at : region.start;
            return;
        }
        at = region.end;
        if (at > r->to || at == 0) break;
    }
    r->ended = true;
}

bool ranges_next(kvm_t *kd, struct ranges *r, struct range *out) {
    if (r->next == r->count && !r->ended) {
        r->count = r->next = 0;
        if (r->space.kind == SPACE_PHYSICAL)
            fill_physical(kd, r);
        else
            fill_virtual(kd, r);
    }
    if (r->next == r->count) return false;
    *out = r->batch[r->next++];
    return true;
}
