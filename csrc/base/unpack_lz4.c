// SPDX-License-Identifier: BSD-2-Clause
// LZ4 frames (frame format 1.6.3), with skippable ones before and between them, through liblz4 1.9. The older frames
// (lz4 -l, magic 0x184c2102) have neither end nor checksum and are left out, as are dictionaries.
#include "base/unpack_ops.h"

#include "base/bytes.h"

static bool begins(const uint8_t *p, size_t len) {
    const uint8_t *frame = unpack_skip_frames(p, &len);
    return frame && len >= 4 && bytes_u32(frame, false) == 0x184d2204;
}

#if HAVE_LZ4
#include <lz4frame.h>

static int open_stream(void **state, struct kvm_err *err) {
    LZ4F_dctx *d = *state;
    if (d) LZ4F_resetDecompressionContext(d);
    if (!d && LZ4F_isError(LZ4F_createDecompressionContext(&d, LZ4F_VERSION)))
        return err_nomem(err, "a decompressor");
    *state = d;
    return 0;
}

static int run(void *state, struct unpack_io *io, struct kvm_err *err) {
    size_t in = io->in_left, out = io->out_left;
    size_t rc = LZ4F_decompress(state, io->out, &out, io->in, &in, NULL);
    if (LZ4F_isError(rc)) return err_set(err, KVM_FORMAT, "%s", LZ4F_getErrorName(rc));
    io->in += in;
    io->in_left -= in;
    io->out += out;
    io->out_left -= out;
    io->ended = rc == 0;
    return 0;
}

static void close_stream(void *state) {
    LZ4F_freeDecompressionContext(state);
}
#endif

const struct unpack_ops unpack_lz4 = {
    .name = "lz4",
    .begins = begins,
#if HAVE_LZ4
    .open = open_stream,
    .run = run,
    .close = close_stream,
#endif
};
