// SPDX-License-Identifier: BSD-2-Clause
// gzip members (RFC 1952) and zlib streams (RFC 1950) of any length, through zlib 1.2 and later. Files of zlib streams
// have no magic worth its name: they are taken where LiME's first header comes out of them, as its compress=1
// writes it (src/deflate.c of 2021: one stream, window of 2 kB, header and all).
#include "base/unpack_ops.h"

#include "base/mem.h"

#include <string.h>
#include <zlib.h>

enum { GZIP_BITS = 15 + 16, ZLIB_BITS = 15 };

static int open_bits(void **state, int bits, struct kvm_err *err) {
    z_stream *z = *state;
    if (z) return inflateReset(z) == Z_OK ? 0 : err_set(err, KVM_INVAL, "zlib does not begin anew");
    z = mem_zalloc(sizeof(*z));
    if (!z || inflateInit2(z, bits) != Z_OK) {
        mem_free(z);
        return err_nomem(err, "a decompressor");
    }
    *state = z;
    return 0;
}

static int run(void *state, struct unpack_io *io, struct kvm_err *err) {
    z_stream *z = state;
    z->next_in = (z_const Bytef *)(uintptr_t)io->in;
    z->avail_in = (uInt)io->in_left;
    z->next_out = io->out;
    z->avail_out = (uInt)io->out_left;
    int rc = inflate(z, Z_NO_FLUSH);
    io->in = z->next_in;
    io->in_left = z->avail_in;
    io->out = z->next_out;
    io->out_left = z->avail_out;
    io->ended = rc == Z_STREAM_END;
    if (rc == Z_OK || rc == Z_STREAM_END || rc == Z_BUF_ERROR) return 0;
    if (rc == Z_MEM_ERROR) return err_nomem(err, "a decompressor");
    return err_set(err, KVM_FORMAT, "%s", z->msg ? z->msg : "a preset dictionary is asked for");
}

static void close_stream(void *state) {
    inflateEnd(state);
    mem_free(state);
}

static bool gzip_begins(const uint8_t *p, size_t len) {
    return len >= 2 && p[0] == 0x1f && p[1] == 0x8b;
}

static int gzip_open(void **state, struct kvm_err *err) {
    return open_bits(state, GZIP_BITS, err);
}

static bool zlib_begins(const uint8_t *p, size_t len) {
    enum { METHOD = 0x0f, DEFLATE = 8, DICTIONARY = 0x20 };
    char out[4];
    if (len < 8 || (p[0] & METHOD) != DEFLATE || (p[0] << 8 | p[1]) % 31 || (p[1] & DICTIONARY))
        return false;
    void *state = NULL;
    struct unpack_io io = {p, len, (uint8_t *)out, sizeof(out), false};
    if (open_bits(&state, ZLIB_BITS, NULL)) return false;
    bool lime = run(state, &io, NULL) == 0 && !io.out_left && memcmp(out, "EMiL", 4) == 0;
    close_stream(state);
    return lime;
}

static int zlib_open(void **state, struct kvm_err *err) {
    return open_bits(state, ZLIB_BITS, err);
}

const struct unpack_ops unpack_gzip = {
    .name = "gzip",
    .begins = gzip_begins,
    .open = gzip_open,
    .run = run,
    .close = close_stream,
};

const struct unpack_ops unpack_zlib = {
    .name = "zlib",
    .begins = zlib_begins,
    .open = zlib_open,
    .run = run,
    .close = close_stream,
};
