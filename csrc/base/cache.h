// SPDX-License-Identifier: BSD-2-Clause
// A bounded cache of decompressed pages. Slots never move; each has a stamp that changes when the
// slot is given to another page, so a borrower can tell in one compare whether its pointer is still
// good.
#ifndef KVM_BASE_CACHE_H
#define KVM_BASE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cache;
struct cache_slot {
    uint8_t *bytes;
    const uint32_t *stamp;
};

// SLOTS (>= 1) pages of PAGE_SIZE bytes; the pages' memory is committed as slots are first used.
// NULL when out of memory.
struct cache *cache_create(size_t page_size, size_t slots);
void cache_destroy(struct cache *c); // NULL-safe

// True and the slot when KEY is cached.
bool cache_find(struct cache *c, uint64_t key, struct cache_slot *out);
// A slot for KEY (which is not cached), evicting the one least recently used or near it (CLOCK).
// The caller fills bytes at once, or calls cache_drop.
void cache_take(struct cache *c, uint64_t key, struct cache_slot *out);
void cache_drop(struct cache *c, uint64_t key);

#endif
