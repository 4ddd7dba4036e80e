// SPDX-License-Identifier: BSD-2-Clause
// Writing images: what every writer is given, and how pages get from the source to it, by all CPUs. The writers are
// kdump_write.h, elf_write.h and raw_write.h.
//
// How to add a format to write: csrc/image/<format>_write.[ch] with a function like these, a line in the table of
// csrc/session/save.c, a round trip in spec/kernels/convert_spec.lua, a row in README's matrix.
#ifndef KVM_IMAGE_WRITE_H
#define KVM_IMAGE_WRITE_H

#include "base/codec.h"
#include "image/image.h"
#include "image/outfile.h"

// The first page frame number (of 4096-byte pages) >= FROM to be written; false when there is none
// left. Asked more than once through the whole list, which must be the same each time. image_trace_next
// has this shape.
typedef bool write_page_next(void *ctx, uint64_t from, uint64_t *pfn);

struct write_source {
    struct image *img; // its facts and notes go into the file; only read
    write_page_next *next;
    void *next_ctx;
    // Copies exactly LEN bytes at PA, like image_copy_by, by any thread; NULL: the image's own.
    int (*copy)(void *ctx, struct image_worker *w, uint64_t pa, void *buf, size_t len, size_t *done,
                struct kvm_err *err);
    void *copy_ctx;
    const struct progress *progress; // NULL: nobody asks
    unsigned threads;                // 0: as many as there are CPUs
    const char *eraseinfo;           // what was erased, in lines of text; NULL: as the image says
    size_t eraseinfo_len;
};

struct write_result {
    uint64_t pages;   // blocks in the file
    uint64_t shared;  // of these, stored as another block's data
    uint64_t missing; // blocks asked for that the source does not have
    uint64_t damaged; // blocks asked for that the source has, but can't give: left out
    uint64_t bytes;   // of the file
    struct kvm_err first_damage;
};

// A block on its way: of page frame NO (of block_size bytes).
struct write_block {
    uint64_t no;
    const uint8_t *bytes;
    uint32_t len;
    enum codec_id codec; // NONE: as it is
};

// Reads (and with CODEC packs, where that makes them smaller) all blocks, many at a time, and gives them to PUT in
// ascending order, by the caller's thread. A block that is memory in part has zeros for the rest of it.
int write_blocks(const struct write_source *src, uint32_t block_size, enum codec_id codec,
                 int (*put)(void *ctx, const struct write_block *b, struct kvm_err *err), void *ctx,
                 struct write_result *res, struct kvm_err *err);
// The next block with a page of the list in it.
bool write_next_block(const struct write_source *src, uint32_t block_size, uint64_t from,
                      uint64_t *no);

#endif
