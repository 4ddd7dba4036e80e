// SPDX-License-Identifier: BSD-2-Clause
// bzip2 streams (one, or many as pbzip2 writes them), through libbz2 1.0.
#include "base/unpack_ops.h"

#include <string.h>

static bool begins(const uint8_t *p, size_t len) {
    return len >= 3 && memcmp(p, "BZh", 3) == 0;
}

#if HAVE_BZ2
#include "base/mem.h"

#include <bzlib.h>

static void close_stream(void *state) {
    BZ2_bzDecompressEnd(state);
    mem_free(state);
}

static int open_stream(void **state, struct kvm_err *err) {
    if (*state) close_stream(*state); // it can't begin anew
    bz_stream *s = *state = mem_zalloc(sizeof(*s));
    if (s && BZ2_bzDecompressInit(s, 0, 0) == BZ_OK) return 0;
    return err_nomem(err, "a decompressor");
}

static int run(void *state, struct unpack_io *io, struct kvm_err *err) {
    bz_stream *s = state;
    s->next_in = (char *)(uintptr_t)io->in;
    s->avail_in = (unsigned)io->in_left;
    s->next_out = (char *)io->out;
    s->avail_out = (unsigned)io->out_left;
    int rc = BZ2_bzDecompress(s);
    io->in += io->in_left - s->avail_in;
    io->in_left = s->avail_in;
    io->out += io->out_left - s->avail_out;
    io->out_left = s->avail_out;
    io->ended = rc == BZ_STREAM_END;
    if (rc == BZ_OK || rc == BZ_STREAM_END) return 0;
    if (rc == BZ_MEM_ERROR) return err_nomem(err, "a decompressor");
    return err_set(err, KVM_FORMAT, "%s",
                   rc == BZ_DATA_ERROR_MAGIC ? "damaged header"
                                             : "damaged data, or a wrong checksum");
}
#endif

const struct unpack_ops unpack_bzip2 = {
    .name = "bzip2",
    .begins = begins,
#if HAVE_BZ2
    .open = open_stream,
    .run = run,
    .close = close_stream,
#endif
};
