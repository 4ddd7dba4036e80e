// SPDX-License-Identifier: BSD-2-Clause
// Page codecs, one file and one table line each. A codec that was left out at build (WITH_LZO=0 and
// the like) keeps its line, so that its name can be told.
#ifndef KVM_BASE_CODEC_H
#define KVM_BASE_CODEC_H

#include "base/err.h"

#include <stddef.h>

enum codec_id { CODEC_NONE, CODEC_ZLIB, CODEC_LZO, CODEC_SNAPPY, CODEC_ZSTD, CODEC_COUNT };

// What the codecs keep between pages (their work areas, 10 to 200 kB each), made on first use. One
// for each user: no two threads may share it. Zeroed by its owner; codec_deinit frees what is in
// it.
struct codec {
    void *unpack[CODEC_COUNT];
    void *pack[CODEC_COUNT];
};
void codec_deinit(struct codec *c);

const char *codec_name(enum codec_id id); // "zlib"; "none" for CODEC_NONE
bool codec_built_in(enum codec_id id);
bool codec_can_compress(enum codec_id id); // built in, and for pages that compress
// Exactly out_len bytes must come out, or FORMAT ("zlib: incorrect data check"); UNSUPPORTED when
// not built in.
int codec_decompress(struct codec *c, enum codec_id id, const uint8_t *in, size_t in_len,
                     uint8_t *out, size_t out_len, struct kvm_err *err);
// *out_len: the room at out, then what was used. NOTFOUND when the result would be larger than the
// room (store the page as it is).
int codec_compress(struct codec *c, enum codec_id id, const uint8_t *in, size_t in_len,
                   uint8_t *out, size_t *out_len, struct kvm_err *err);

#endif
