// SPDX-License-Identifier: BSD-2-Clause
// The bit maps of a kdump file: is a page frame memory, is it in the file, and the how-manieth is
// it there.
#ifndef KVM_IMAGE_KDUMP_INDEX_H
#define KVM_IMAGE_KDUMP_INDEX_H

#include "image/kdump_format.h"

enum { KDUMP_SECTION = 512 }; // frames; 64 bytes of a map

struct kdump_index {
    const uint8_t *memory; // bit map 1
    const uint8_t *dumped; // bit map 2; the same where the file has only one
    uint64_t frames;       // bits in each
    uint64_t *ranks;       // dumped frames before each section, and before the end
    uint64_t total;        // dumped frames
};

// MAP: the bit maps in the file (borrowed). Reads bit map 2 once, but for its holes.
int kdump_index_init(struct kdump_index *x, const struct kdump_header *h, const struct file *f,
                     const uint8_t *map, struct kvm_err *err);
void kdump_index_deinit(struct kdump_index *x);

static inline bool kdump_index_bit(const uint8_t *map, uint64_t pfn) {
    return map[pfn / 8] >> (pfn % 8) & 1;
}
// Dumped frames before pfn (< frames).
uint64_t kdump_index_rank(const struct kdump_index *x, uint64_t pfn);
// The first run of set bits [*start, *end) with *end > pfn, in A or in B. False when there is none.
bool kdump_index_run(const struct kdump_index *x, const uint8_t *a, const uint8_t *b, uint64_t pfn,
                     uint64_t *start, uint64_t *end);

#endif
