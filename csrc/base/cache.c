// SPDX-License-Identifier: BSD-2-Clause
// The page cache of base/cache.h: a fixed array of slots, an open-addressed table from keys to
// slots (linear probing, deletion by shifting back, never more than half full) and a CLOCK hand
// for eviction. One block holds all pages; the host's kernel gives its memory as slots are first
// written.
#include "base/cache.h"

#include "base/mem.h"

#include <string.h>

enum { EMPTY = 0 }; // table entries are slot index + 1

struct cache {
    size_t page_size;
    uint32_t slots;
    uint32_t used; // slots that have been handed out at least once
    uint32_t hand;
    uint32_t mask; // table size - 1
    uint32_t *table;
    uint64_t *keys;
    uint32_t *stamps;
    uint8_t *live; // the slot holds a key
    uint8_t *seen; // looked up since the hand came by
    uint8_t *pages;
};

struct cache *cache_create(size_t page_size, size_t slots) {
    size_t total;
    if (slots < 1 || slots > (1u << 28) || __builtin_mul_overflow(slots, page_size, &total))
        return NULL;
    struct cache *c = mem_zalloc(sizeof(*c));
    if (!c) return NULL;
    size_t size = 4;
    while (size < slots * 2)
        size *= 2;
    c->page_size = page_size;
    c->slots = (uint32_t)slots;
    c->mask = (uint32_t)(size - 1);
    c->table = mem_array(size, sizeof(*c->table));
    c->keys = mem_array(slots, sizeof(*c->keys));
    c->stamps = mem_array(slots, sizeof(*c->stamps));
    c->live = mem_array(slots, 1);
    c->seen = mem_array(slots, 1);
    c->pages = mem_alloc(total);
    if (c->table && c->keys && c->stamps && c->live && c->seen && c->pages) return c;
    cache_destroy(c);
    return NULL;
}

void cache_destroy(struct cache *c) {
    if (!c) return;
    mem_free(c->table);
    mem_free(c->keys);
    mem_free(c->stamps);
    mem_free(c->live);
    mem_free(c->seen);
    mem_free(c->pages);
    mem_free(c);
}

static uint32_t home(const struct cache *c, uint64_t key) {
    // Fibonacci hashing: keys are file offsets or page numbers, whose low bits say little.
    return (uint32_t)((key * 0x9e3779b97f4a7c15u) >> 32) & c->mask;
}

// The table index that holds KEY, or the empty one where it would go.
static uint32_t locate(const struct cache *c, uint64_t key) {
    uint32_t i = home(c, key);
    while (c->table[i] != EMPTY && c->keys[c->table[i] - 1] != key)
        i = (i + 1) & c->mask;
    return i;
}

static void unlink_key(struct cache *c, uint64_t key) {
    uint32_t hole = locate(c, key);
    if (c->table[hole] == EMPTY) return;
    for (uint32_t i = (hole + 1) & c->mask; c->table[i] != EMPTY; i = (i + 1) & c->mask) {
        uint32_t want = home(c, c->keys[c->table[i] - 1]);
        // The entry may move into the hole unless its home lies cyclically in (hole, i].
        if (((i - want) & c->mask) < ((i - hole) & c->mask)) continue;
        c->table[hole] = c->table[i];
        hole = i;
    }
    c->table[hole] = EMPTY;
}

static void fill(struct cache *c, uint32_t slot, struct cache_slot *out) {
    out->bytes = c->pages + (size_t)slot * c->page_size;
    out->stamp = &c->stamps[slot];
}

bool cache_find(struct cache *c, uint64_t key, struct cache_slot *out) {
    uint32_t i = locate(c, key);
    if (c->table[i] == EMPTY) return false;
    uint32_t slot = c->table[i] - 1;
    c->seen[slot] = 1;
    fill(c, slot, out);
    return true;
}

static uint32_t pick(struct cache *c) {
    if (c->used < c->slots) return c->used++;
    for (;;) { // ends: a slot that was passed once is taken on the second round
        uint32_t slot = c->hand;
        c->hand = c->hand + 1 == c->slots ? 0 : c->hand + 1;
        if (!c->live[slot] || !c->seen[slot]) return slot;
        c->seen[slot] = 0;
    }
}

void cache_take(struct cache *c, uint64_t key, struct cache_slot *out) {
    uint32_t slot = pick(c);
    if (c->live[slot]) unlink_key(c, c->keys[slot]);
    c->stamps[slot]++;
    c->keys[slot] = key;
    c->live[slot] = 1;
    c->seen[slot] = 0;
    c->table[locate(c, key)] = slot + 1;
    fill(c, slot, out);
}

void cache_drop(struct cache *c, uint64_t key) {
    uint32_t i = locate(c, key);
    if (c->table[i] == EMPTY) return;
    uint32_t slot = c->table[i] - 1;
    unlink_key(c, key);
    c->live[slot] = 0;
    c->seen[slot] = 0;
    c->stamps[slot]++;
}
