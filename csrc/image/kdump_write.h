// SPDX-License-Identifier: BSD-2-Clause
// Writes a kdump-compressed file (version 6) with chosen pages of an image: what `luakvm slim`
// makes. It opens with crash, drgn and makedumpfile as a dump of makedumpfile itself does.
#ifndef KVM_IMAGE_KDUMP_WRITE_H
#define KVM_IMAGE_KDUMP_WRITE_H

#include "base/codec.h"
#include "image/image.h"

// The first page frame number (of 4096-byte pages) >= FROM to be written; false when there is none
// left. Asked twice through the whole list, which must be the same both times. image_trace_next has
// this shape.
typedef bool kdump_page_next(void *ctx, uint64_t from, uint64_t *pfn);

struct kdump_write_options {
    const char *path;    // written beside itself and renamed when it is whole
    enum codec_id codec; // CODEC_NONE: zstd if built in, else zlib
    uint32_t block_size; // page size of the target; 0: 4096
    // utsname; NULL: the source's own where it has one (kdump), else the release from VMCOREINFO,
    // the machine from the image's, and "unknown" for the version (drgn does not take an empty one).
    const char *release, *machine, *version, *nodename;
};

struct kdump_write_result {
    uint64_t pages;   // blocks in the file
    uint64_t shared;  // of these, stored as another block's data
    uint64_t missing; // blocks asked for that the source does not have
    uint64_t bytes;   // of the file
};

// Blocks that the source filtered out or lacks are passed over and counted; any other error ends the
// writing and leaves nothing behind. The source is only read; what was traced stays as it was.
int kdump_write(struct image *src, const struct kdump_write_options *opt, kdump_page_next *next,
                void *ctx, struct kdump_write_result *res, struct kvm_err *err);

#endif
