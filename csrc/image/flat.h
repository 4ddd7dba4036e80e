// SPDX-License-Identifier: BSD-2-Clause
// Formats whose pages stand in their files as they are: a list of ranges is all that there is to know. The ops
// below serve any image whose priv begins with a struct flat.
#ifndef KVM_IMAGE_FLAT_H
#define KVM_IMAGE_FLAT_H

#include "image/formats.h"
#include "image/spans.h"

struct flat {
    struct spans data;   // what is in the files
    struct spans memory; // what existed
};

// Settles the spans and fills facts.phys_end and facts.pages. FORMAT: there is no memory.
int flat_settle(struct image *img, struct kvm_err *err);
void flat_deinit(struct flat *f);

int flat_find(struct image *img, uint64_t pa, struct image_run *run, struct kvm_err *err);
int flat_copy(struct image *img, struct image_worker *w, uint64_t pa, uint8_t *buf, size_t len,
              size_t *n, struct kvm_err *err);
bool flat_next_region(struct image *img, uint64_t pa, struct image_region *region);
bool flat_next_memory(struct image *img, uint64_t pa, struct image_region *region);
bool flat_file_offset(struct image *img, uint64_t pa, uint64_t len, uint64_t *offset);
// Whether [pa, pa + len) is all there, so that a write to it is done whole or not begun.
int flat_check(struct image *img, uint64_t pa, uint64_t len, struct kvm_err *err);
// Writes where find would read.
int flat_write(struct image *img, uint64_t pa, const void *buf, size_t len, struct kvm_err *err);

#endif
