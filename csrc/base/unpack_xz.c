// SPDX-License-Identifier: BSD-2-Clause
// .xz streams (file format 1.1.0, all checks), through liblzma 5.2 and later. Dictionaries of more than 256 MB (xz -9
// has 64) are refused. The older .lzma files have no magic and are left out.
#include "base/unpack_ops.h"

#include <string.h>

static bool begins(const uint8_t *p, size_t len) {
    return len >= 6 && memcmp(p,
                              "\xfd"
                              "7zXZ",
                              6) == 0;
}

#if HAVE_LZMA
#include "base/mem.h"

#include <lzma.h>

#define MEMORY_MOST ((uint64_t)300 << 20)

static int open_stream(void **state, struct kvm_err *err) {
    lzma_stream *s = *state;
    if (!s) {
        s = *state = mem_zalloc(sizeof(*s)); // as LZMA_STREAM_INIT is
        if (!s) return err_nomem(err, "a decompressor");
    }
    return lzma_stream_decoder(s, MEMORY_MOST, 0) == LZMA_OK ? 0 : err_nomem(err, "a decompressor");
}

static const char *reason(lzma_ret rc) {
    switch (rc) {
    case LZMA_DATA_ERROR: return "damaged data, or a wrong checksum";
    case LZMA_FORMAT_ERROR: return "damaged header";
    case LZMA_OPTIONS_ERROR: return "unknown options in its headers";
    default: return "it does not go on";
    }
}

static int run(void *state, struct unpack_io *io, struct kvm_err *err) {
    lzma_stream *s = state;
    s->next_in = io->in;
    s->avail_in = io->in_left;
    s->next_out = io->out;
    s->avail_out = io->out_left;
    lzma_ret rc = lzma_code(s, LZMA_RUN);
    io->in = s->next_in;
    io->in_left = s->avail_in;
    io->out = s->next_out;
    io->out_left = s->avail_out;
    io->ended = rc == LZMA_STREAM_END;
    if (rc == LZMA_OK || rc == LZMA_STREAM_END || rc == LZMA_BUF_ERROR) return 0;
    if (rc == LZMA_MEM_ERROR) return err_nomem(err, "a decompressor");
    if (rc == LZMA_MEMLIMIT_ERROR)
        return err_set(err, KVM_UNSUPPORTED,
                       "it takes %llu MB of memory to unpack; unpack it first: xz -d FILE",
                       (unsigned long long)(lzma_memusage(s) >> 20));
    return err_set(err, KVM_FORMAT, "%s", reason(rc));
}

static void close_stream(void *state) {
    lzma_end(state);
    mem_free(state);
}
#endif

const struct unpack_ops unpack_xz = {
    .name = "xz",
    .begins = begins,
#if HAVE_LZMA
    .open = open_stream,
    .run = run,
    .close = close_stream,
#endif
};
