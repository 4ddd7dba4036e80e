// SPDX-License-Identifier: BSD-2-Clause
// What a codec's file gives to the table in codec.c. Functions are NULL where the codec was left
// out at build.
#ifndef KVM_BASE_CODEC_OPS_H
#define KVM_BASE_CODEC_OPS_H

#include "base/codec.h"

struct codec_ops {
    const char *name;
    // *state is NULL at first; what is put there is given to the free function below in the end.
    // The number of bytes that came out is compared by the caller.
    int (*decompress)(void **state, const uint8_t *in, size_t in_len, uint8_t *out, size_t *out_len,
                      struct kvm_err *err);
    int (*compress)(void **state, const uint8_t *in, size_t in_len, uint8_t *out, size_t *out_len,
                    struct kvm_err *err);
    void (*free_unpack)(void *state);
    void (*free_pack)(void *state);
};

extern const struct codec_ops codec_ops_zlib;
extern const struct codec_ops codec_ops_lzo;
extern const struct codec_ops codec_ops_snappy;
extern const struct codec_ops codec_ops_zstd;

#endif
