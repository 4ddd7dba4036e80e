// SPDX-License-Identifier: BSD-2-Clause
// The table of page codecs (base/codec.h) and what holds for all of them: names in front of the
// messages, and that a page comes out whole.
#include "base/codec_ops.h"

#include <string.h>

static const struct codec_ops codec_ops_none = {.name = "none"};

static const struct codec_ops *const table[CODEC_COUNT] = {
    [CODEC_NONE] = &codec_ops_none, [CODEC_ZLIB] = &codec_ops_zlib,
    [CODEC_LZO] = &codec_ops_lzo,   [CODEC_SNAPPY] = &codec_ops_snappy,
    [CODEC_ZSTD] = &codec_ops_zstd,
};

static const struct codec_ops *ops_of(enum codec_id id) {
    return id < CODEC_COUNT ? table[id] : &codec_ops_none;
}

void codec_deinit(struct codec *c) {
    for (int i = 0; i < CODEC_COUNT; i++) {
        if (c->unpack[i] && table[i]->free_unpack) table[i]->free_unpack(c->unpack[i]);
        if (c->pack[i] && table[i]->free_pack) table[i]->free_pack(c->pack[i]);
        c->unpack[i] = c->pack[i] = NULL;
    }
}

const char *codec_name(enum codec_id id) {
    return ops_of(id)->name;
}

bool codec_built_in(enum codec_id id) {
    return id == CODEC_NONE || ops_of(id)->decompress != NULL;
}

bool codec_can_compress(enum codec_id id) {
    return ops_of(id)->compress != NULL;
}

static int left_out(const struct codec_ops *ops, struct kvm_err *err) {
    return err_set(err, KVM_UNSUPPORTED, "%s: this build has no such codec", ops->name);
}

int codec_decompress(struct codec *c, enum codec_id id, const uint8_t *in, size_t in_len,
                     uint8_t *out, size_t out_len, struct kvm_err *err) {
    const struct codec_ops *ops = ops_of(id);
    if (id == CODEC_NONE) {
        if (in_len != out_len) return err_set(err, KVM_FORMAT, "page is %zu bytes", in_len);
        memcpy(out, in, in_len);
        return 0;
    }
    if (!ops->decompress) return left_out(ops, err);
    size_t got = out_len;
    int rc = ops->decompress(&c->unpack[id], in, in_len, out, &got, err);
    if (rc) return err_prepend(err, rc, "%s", ops->name);
    if (got != out_len)
        return err_set(err, KVM_FORMAT, "%s: %zu bytes came out, not %zu", ops->name, got, out_len);
    return 0;
}

int codec_compress(struct codec *c, enum codec_id id, const uint8_t *in, size_t in_len,
                   uint8_t *out, size_t *out_len, struct kvm_err *err) {
    const struct codec_ops *ops = ops_of(id);
    if (!ops->compress) return left_out(ops, err);
    int rc = ops->compress(&c->pack[id], in, in_len, out, out_len, err);
    return rc ? err_prepend(err, rc, "%s", ops->name) : 0;
}
