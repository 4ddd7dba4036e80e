// SPDX-License-Identifier: BSD-2-Clause
// A set of ranges of physical addresses, perhaps with the place of each in the file: added in any
// order, overlapping or not, then settled into a sorted list without overlaps.
#ifndef KVM_IMAGE_SPANS_H
#define KVM_IMAGE_SPANS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
    uint64_t start;
    uint64_t end;  // exclusive, > start
    uint64_t off;  // of start in the file
    uint32_t part; // which file of the image
};

struct spans {
    struct span *v;
    size_t count, cap;
};

// Empty ranges are passed over. False when out of memory.
bool spans_add(struct spans *s, uint64_t start, uint64_t end, uint64_t off, uint32_t part);
// Sorts; of overlapping ranges the one that starts first keeps the common part. Neighbours are
// joined where they follow each other in the file too, or, with ADDRESSES_ONLY, always.
void spans_settle(struct spans *s, bool addresses_only);
// Of settled spans: the first with end > pa, or NULL.
const struct span *spans_find(const struct spans *s, uint64_t pa);
void spans_deinit(struct spans *s);

#endif
