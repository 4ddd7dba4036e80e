// SPDX-License-Identifier: BSD-2-Clause
// The overlay: a hash table of pages, open addressing, never more than half full. Pages are allocated one
// by one and do not move, so that translated pointers to them stay good.
#include "session/overlay.h"

#include "base/mem.h"

struct entry {
    uint64_t pfn;
    uint8_t *bytes; // NULL: free
};

struct session_overlay {
    struct entry *entries;
    size_t size; // a power of two
    size_t used;
};

struct session_overlay *overlay_create(void) {
    struct session_overlay *o = mem_zalloc(sizeof(*o));
    if (!o) return NULL;
    o->size = 64;
    o->entries = mem_array(o->size, sizeof(*o->entries));
    if (!o->entries) {
        mem_free(o);
        return NULL;
    }
    return o;
}

void overlay_destroy(struct session_overlay *o) {
    if (!o) return;
    for (size_t i = 0; i < o->size; i++)
        mem_free(o->entries[i].bytes);
    mem_free(o->entries);
    mem_free(o);
}

static struct entry *slot(struct entry *entries, size_t size, uint64_t pfn) {
    size_t i = (size_t)(pfn * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (size - 1);
    while (entries[i].bytes && entries[i].pfn != pfn)
        i = (i + 1) & (size - 1);
    return &entries[i];
}

uint8_t *overlay_find(const struct session_overlay *o, uint64_t pfn) {
    return slot(o->entries, o->size, pfn)->bytes;
}

static bool make_room(struct session_overlay *o) {
    if ((o->used + 1) * 2 <= o->size) return true;
    size_t size = o->size * 2;
    struct entry *entries = mem_array(size, sizeof(*entries));
    if (!entries) return false;
    for (size_t i = 0; i < o->size; i++) {
        if (o->entries[i].bytes) *slot(entries, size, o->entries[i].pfn) = o->entries[i];
    }
    mem_free(o->entries);
    o->entries = entries;
    o->size = size;
    return true;
}

uint8_t *overlay_add(struct session_overlay *o, uint64_t pfn) {
    if (!make_room(o)) return NULL;
    uint8_t *bytes = mem_alloc(OVERLAY_PAGE_SIZE);
    if (!bytes) return NULL;
    *slot(o->entries, o->size, pfn) = (struct entry){.pfn = pfn, .bytes = bytes};
    o->used++;
    return bytes;
}

void overlay_each(const struct session_overlay *o,
                  void (*fn)(void *ctx, uint64_t pfn, const uint8_t *bytes), void *ctx) {
    for (size_t i = 0; i < o->size; i++) {
        if (o->entries[i].bytes) fn(ctx, o->entries[i].pfn, o->entries[i].bytes);
    }
}
