// SPDX-License-Identifier: BSD-2-Clause
// What the file of a compression library gives to the driver in unpack.c. `run` is NULL where the library was left
// out at build (WITH_LZMA=0 and the like): the file is still recognised then, and told by name.
#ifndef KVM_BASE_UNPACK_OPS_H
#define KVM_BASE_UNPACK_OPS_H

#include "base/err.h"

#include <stddef.h>

struct unpack_io {
    const uint8_t *in; // moves on as bytes are taken
    size_t in_left;    // at most 1 MB
    uint8_t *out;      // moves on as bytes are given
    size_t out_left;   // at most 1 MB
    bool ended;        // the member is complete, and its checksum (where it has one) right
};

struct unpack_ops {
    const char *name; // "gzip"
    // Whether a member begins with these bytes, the first of a file or those behind a member.
    bool (*begins)(const uint8_t *p, size_t len);
    // Begins a member. *state is NULL at first, then that of the member before; `close` is given it in the end,
    // however this ended.
    int (*open)(void **state, struct kvm_err *err);
    // Takes and gives as much as it can; neither: it needs more input. FORMAT: damaged.
    int (*run)(void *state, struct unpack_io *io, struct kvm_err *err);
    void (*close)(void *state); // not called with NULL
};

extern const struct unpack_ops unpack_gzip;
extern const struct unpack_ops unpack_zlib;
extern const struct unpack_ops unpack_zstd;
extern const struct unpack_ops unpack_xz;
extern const struct unpack_ops unpack_bzip2;
extern const struct unpack_ops unpack_lz4;

// Behind the skippable frames (0x184d2a50 to 5f, with their length) that files of LZ4 and zstd may begin with; few
// of them are passed over. *LEN is what is left. NULL when they end behind the bytes.
const uint8_t *unpack_skip_frames(const uint8_t *p, size_t *len);

#endif
