// SPDX-License-Identifier: BSD-2-Clause
// Bit maps of kdump files (image/kdump_index.h): bit n of byte m is page frame 8m + n, in files of
// either byte order, so words are always loaded as little-endian. The count of set bits before
// every 4096th frame is the only thing of a dump that is computed when it is opened: 2 MB and one
// pass over 128 MB of bits for 4 TB of memory.
#include "image/kdump_index.h"

#include "base/bytes.h"
#include "base/mem.h"

enum { SECTION = 4096, WORD = 64 };

static uint64_t word_at(const uint8_t *map, uint64_t word) {
    return bytes_u64(map + word * 8, false);
}

// Set bits in [from, to), both in one section, from at its start.
static uint64_t count(const uint8_t *map, uint64_t from, uint64_t to) {
    uint64_t n = 0;
    uint64_t w = from / WORD;
    for (; w < to / WORD; w++)
        n += (uint64_t)__builtin_popcountll(word_at(map, w));
    if (to % WORD) {
        uint64_t mask = ((uint64_t)1 << (to % WORD)) - 1;
        n += (uint64_t)__builtin_popcountll(word_at(map, w) & mask);
    }
    return n;
}

int kdump_index_init(struct kdump_index *x, const struct kdump_header *h, const uint8_t *map,
                     struct kvm_err *err) {
    // A map is a whole number of blocks, so whole words of it can be loaded. Old dumps of all
    // memory have one map.
    uint64_t map_bytes = (h->max_mapnr + 7) / 8;
    uint64_t blocks = (map_bytes + h->block_size - 1) / h->block_size;
    bool two = h->bitmap_len / h->block_size >= 2 * blocks;
    x->memory = map;
    x->dumped = two ? map + h->bitmap_len / 2 : map;
    x->frames = h->max_mapnr;
    uint64_t sections = (x->frames + SECTION - 1) / SECTION;
    x->ranks = mem_array((size_t)sections, sizeof(*x->ranks));
    if (!x->ranks) return err_nomem(err, "the index of pages");
    for (uint64_t i = 0; i < sections; i++) {
        uint64_t end = (i + 1) * SECTION < x->frames ? (i + 1) * SECTION : x->frames;
        x->ranks[i] = x->total;
        x->total += count(x->dumped, i * SECTION, end);
    }
    return 0;
}

void kdump_index_deinit(struct kdump_index *x) {
    mem_free(x->ranks);
    *x = (struct kdump_index){0};
}

uint64_t kdump_index_rank(const struct kdump_index *x, uint64_t pfn) {
    uint64_t section = pfn / SECTION;
    return x->ranks[section] + count(x->dumped, section * SECTION, pfn);
}

// The first frame >= pfn whose bit, in a or b, is WANT; frames when there is none.
static uint64_t seek(const struct kdump_index *x, const uint8_t *a, const uint8_t *b, uint64_t pfn,
                     bool want) {
    for (uint64_t w = pfn / WORD; w * WORD < x->frames; w++) {
        uint64_t bits = word_at(a, w) | word_at(b, w);
        if (!want) bits = ~bits;
        if (w == pfn / WORD) bits &= ~(uint64_t)0 << (pfn % WORD);
        if (!bits) continue;
        uint64_t at = w * WORD + (uint64_t)__builtin_ctzll(bits);
        return at < x->frames ? at : x->frames;
    }
    return x->frames;
}

bool kdump_index_run(const struct kdump_index *x, const uint8_t *a, const uint8_t *b, uint64_t pfn,
                     uint64_t *start, uint64_t *end) {
    if (pfn >= x->frames) return false;
    *start = seek(x, a, b, pfn, true);
    if (*start >= x->frames) return false;
    *end = seek(x, a, b, *start, false);
    return true;
}
