// SPDX-License-Identifier: BSD-2-Clause
// The files of one kdump image: one, or the parts that `makedumpfile --split` wrote, each with the
// headers and bit maps of the whole and the pages of its own range of page frames.
#ifndef KVM_IMAGE_KDUMP_SET_H
#define KVM_IMAGE_KDUMP_SET_H

#include "image/image.h"
#include "image/kdump_index.h"

struct kdump_part {
    struct kdump_header header;
    const struct file *file;
    uint64_t first; // how many dumped frames of the image come before its own
    uint64_t count; // descriptors in it
    uint64_t key;   // of the file's first byte among the bytes of all parts
};

struct kdump_set {
    struct kdump_part *v; // by start_pfn; the ranges do not overlap
    size_t count;         // >= 1
    // Ranges of page frames that are in none of the parts though pages of them were dumped: how many
    // there are, and the first.
    size_t gaps;
    uint64_t gap_start, gap_end;
};

// Reads the headers of all parts of the image and checks that they belong together (else INVAL,
// which names the two files).
int kdump_set_open(struct kdump_set *s, const struct image *img, struct kvm_err *err);
// Fills what the bit maps tell of each part.
void kdump_set_settle(struct kdump_set *s, const struct kdump_index *x);
void kdump_set_deinit(struct kdump_set *s);

// The part that has the frame, or NULL.
static inline const struct kdump_part *kdump_set_find(const struct kdump_set *s, uint64_t pfn) {
    for (size_t i = 0; i < s->count; i++)
        if (pfn < s->v[i].header.end_pfn) return pfn >= s->v[i].header.start_pfn ? &s->v[i] : NULL;
    return NULL;
}

#endif
