// SPDX-License-Identifier: BSD-2-Clause
// Which 4096-byte pages of an image were asked for: a sorted array of bit maps of 128 MB of memory
// each, made as they are touched, so that a dump's claim about its size costs nothing.
#include "image/formats.h"

#include "base/mem.h"

#include <string.h>

enum { PAGE_SHIFT = 12, CHUNK_BITS = 15, WORDS = (1 << CHUNK_BITS) / 64 };

struct chunk {
    uint64_t base; // pfn >> CHUNK_BITS
    uint64_t *bits;
};

struct image_trace {
    struct chunk *chunks;
    size_t count, cap;
    size_t last; // the chunk that was used last
};

int image_trace_create(struct image_trace **out, struct kvm_err *err) {
    *out = mem_zalloc(sizeof(**out));
    return *out ? 0 : err_nomem(err, "the trace of pages");
}

void image_trace_destroy(struct image_trace *t) {
    if (!t) return;
    for (size_t i = 0; i < t->count; i++)
        mem_free(t->chunks[i].bits);
    mem_free(t->chunks);
    mem_free(t);
}

// Index of the first chunk with base >= BASE.
static size_t lower_bound(const struct image_trace *t, uint64_t base) {
    size_t lo = 0;
    size_t hi = t->count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (t->chunks[mid].base < base)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static uint64_t *chunk_bits(struct image_trace *t, uint64_t base) {
    if (t->last < t->count && t->chunks[t->last].base == base) return t->chunks[t->last].bits;
    size_t i = lower_bound(t, base);
    t->last = i;
    if (i < t->count && t->chunks[i].base == base) return t->chunks[i].bits;
    if (!mem_grow(&t->chunks, &t->cap, t->count + 1, sizeof(*t->chunks))) return NULL;
    uint64_t *bits = mem_array(WORDS, sizeof(*bits));
    if (!bits) return NULL;
    memmove(&t->chunks[i + 1], &t->chunks[i], (t->count - i) * sizeof(*t->chunks));
    t->chunks[i] = (struct chunk){base, bits};
    t->count++;
    return bits;
}

int image_trace_mark(struct image_trace *t, uint64_t pa, uint64_t len, struct kvm_err *err) {
    uint64_t last = (pa + (len - 1)) >> PAGE_SHIFT;
    for (uint64_t pfn = pa >> PAGE_SHIFT; pfn <= last; pfn++) {
        uint64_t *bits = chunk_bits(t, pfn >> CHUNK_BITS);
        if (!bits) return err_nomem(err, "the trace of pages");
        bits[(pfn / 64) % WORDS] |= (uint64_t)1 << (pfn % 64);
    }
    return 0;
}

int image_trace_start(struct image *img, struct kvm_err *err) {
    return img->trace ? 0 : image_trace_create(&img->trace, err);
}

bool image_trace_next(const struct image_trace *t, uint64_t pfn, uint64_t *out) {
    if (!t) return false;
    for (size_t i = lower_bound(t, pfn >> CHUNK_BITS); i < t->count; i++) {
        uint64_t first = t->chunks[i].base << CHUNK_BITS;
        uint64_t bit = pfn > first ? pfn - first : 0;
        for (uint64_t w = bit / 64; w < WORDS; w++) {
            uint64_t word = t->chunks[i].bits[w];
            if (w == bit / 64) word &= ~(uint64_t)0 << (bit % 64);
            if (!word) continue;
            *out = first + w * 64 + (uint64_t)__builtin_ctzll(word);
            return true;
        }
    }
    return false;
}
