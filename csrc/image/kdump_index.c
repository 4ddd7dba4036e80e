// SPDX-License-Identifier: BSD-2-Clause
// Bit maps of kdump files (image/kdump_index.h): bit n of byte m is page frame 8m + n, in files of
// either byte order, so words are always loaded as little-endian. The count of set bits before each
// section is the only thing of a dump that is computed when it is opened: 16 MB and one pass over
// 128 MB of bits for 4 TB of memory. Holes of the file are not looked at, and where the processor
// counts bits it is let.
#include "image/kdump_index.h"

#include "base/bytes.h"
#include "base/mem.h"

enum {
    WORD = 64,
    SECTION_BYTES = KDUMP_SECTION / 8,
    SPAN = 1 << 16, // sections that are counted at once: 4 MB of the map
};

static uint64_t word_at(const uint8_t *map, uint64_t word) {
    return bytes_u64(map + word * 8, false);
}

// Set bits of a word, without a library's table.
static inline uint64_t bits_of(uint64_t w) {
    w -= w >> 1 & 0x5555555555555555u;
    w = (w & 0x3333333333333333u) + (w >> 2 & 0x3333333333333333u);
    w = (w + (w >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return w * 0x0101010101010101u >> 56;
}

// Set bits in [from, to), both in one section, from at its start.
static uint64_t count(const uint8_t *map, uint64_t from, uint64_t to) {
    uint64_t n = 0;
    uint64_t w = from / WORD;
    for (; w < to / WORD; w++)
        n += bits_of(word_at(map, w));
    if (to % WORD) {
        uint64_t mask = ((uint64_t)1 << (to % WORD)) - 1;
        n += bits_of(word_at(map, w) & mask);
    }
    return n;
}

// Fills the ranks of the whole sections [from, to), and returns the total behind them.
static uint64_t count_sections(uint64_t *ranks, const uint8_t *map, uint64_t from, uint64_t to,
                               uint64_t total) {
    for (uint64_t i = from; i < to; i++) {
        ranks[i] = total;
        total += count(map, i * KDUMP_SECTION, (i + 1) * KDUMP_SECTION);
    }
    return total;
}

#if defined(__x86_64__) && defined(__GNUC__)
// The same, by the instruction that all but the first of these processors have.
__attribute__((target("popcnt"))) static uint64_t count_sections_popcnt(uint64_t *ranks,
                                                                        const uint8_t *map,
                                                                        uint64_t from, uint64_t to,
                                                                        uint64_t total) {
    for (uint64_t i = from; i < to; i++) {
        ranks[i] = total;
        for (uint64_t w = i * (KDUMP_SECTION / WORD); w < (i + 1) * (KDUMP_SECTION / WORD); w++)
            total += (uint64_t)__builtin_popcountll(word_at(map, w));
    }
    return total;
}
#define FASTEST (__builtin_cpu_supports("popcnt") ? count_sections_popcnt : count_sections)
#else
#define FASTEST count_sections
#endif

// How many sections from FROM on, at most N, lie in a hole of the file. OFF: of the map.
static uint64_t empty_sections(const struct file *f, uint64_t off, uint64_t from, uint64_t n) {
    uint64_t at = off + from * SECTION_BYTES;
    uint64_t hole = (file_skip_hole(f, at) - at) / SECTION_BYTES;
    return hole < n ? hole : n;
}

// OFF: of bit map 2 in the file.
static void fill_ranks(struct kdump_index *x, const struct file *f, uint64_t off) {
    uint64_t (*const fill)(uint64_t *, const uint8_t *, uint64_t, uint64_t, uint64_t) = FASTEST;
    uint64_t whole = x->frames / KDUMP_SECTION;
    for (uint64_t i = 0; i < whole;) {
        uint64_t left = whole - i < SPAN ? whole - i : SPAN;
        uint64_t empty = empty_sections(f, off, i, whole - i);
        for (uint64_t end = i + empty; i < end; i++)
            x->ranks[i] = x->total;
        if (empty) continue;
        file_will_read(f, off + i * SECTION_BYTES, left * SECTION_BYTES);
        x->total = fill(x->ranks, x->dumped, i, i + left, x->total);
        i += left;
    }
    x->ranks[whole] = x->total;
    if (x->frames % KDUMP_SECTION) {
        x->total += count(x->dumped, whole * KDUMP_SECTION, x->frames);
        x->ranks[whole + 1] = x->total;
    }
}

int kdump_index_init(struct kdump_index *x, const struct kdump_header *h, const struct file *f,
                     const uint8_t *map, struct kvm_err *err) {
    // A map is a whole number of blocks, so whole words of it can be loaded. Old dumps of all
    // memory have one map.
    uint64_t map_bytes = (h->max_mapnr + 7) / 8;
    uint64_t blocks = (map_bytes + h->block_size - 1) / h->block_size;
    bool two = h->bitmap_len / h->block_size >= 2 * blocks;
    uint64_t second = two ? h->bitmap_len / 2 : 0;
    x->memory = map;
    x->dumped = map + second;
    x->frames = h->max_mapnr;
    uint64_t sections = (x->frames + KDUMP_SECTION - 1) / KDUMP_SECTION;
    x->ranks = mem_array((size_t)sections + 1, sizeof(*x->ranks));
    if (!x->ranks) return err_nomem(err, "the index of pages");
    fill_ranks(x, f, h->bitmap_off + second);
    return 0;
}

void kdump_index_deinit(struct kdump_index *x) {
    mem_free(x->ranks);
    *x = (struct kdump_index){0};
}

uint64_t kdump_index_rank(const struct kdump_index *x, uint64_t pfn) {
    uint64_t section = pfn / KDUMP_SECTION;
    return x->ranks[section] + count(x->dumped, section * KDUMP_SECTION, pfn);
}

// Whether no (WANT) or every (else) frame of the section that begins at pfn is dumped.
static bool is_dull(const struct kdump_index *x, uint64_t pfn, bool want) {
    uint64_t i = pfn / KDUMP_SECTION;
    return x->ranks[i + 1] - x->ranks[i] == (want ? 0 : KDUMP_SECTION);
}

// The first frame >= pfn whose bit, in a or b, is WANT; frames when there is none.
static uint64_t seek(const struct kdump_index *x, const uint8_t *a, const uint8_t *b, uint64_t pfn,
                     bool want) {
    bool ranked = a == x->dumped && b == x->dumped;
    for (uint64_t w = pfn / WORD; w * WORD < x->frames; w++) {
        if (ranked && w % (KDUMP_SECTION / WORD) == 0 && is_dull(x, w * WORD, want)) {
            w += KDUMP_SECTION / WORD - 1;
            continue;
        }
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
