// SPDX-License-Identifier: BSD-2-Clause
// zstd frames (RFC 8878), with skippable ones before and between them (pzstd), through libzstd 1.4 and later. Frames
// with a window of more than 128 MB (zstd --ultra --long=28 and more) are refused, as zstd itself does.
#include "base/unpack_ops.h"

#include "base/bytes.h"

static bool begins(const uint8_t *p, size_t len) {
    const uint8_t *frame = unpack_skip_frames(p, &len);
    return frame && len >= 4 && bytes_u32(frame, false) == 0xfd2fb528;
}

#if HAVE_ZSTD
#include <zstd.h>
#include <zstd_errors.h>

static int open_stream(void **state, struct kvm_err *err) {
    if (!*state) *state = ZSTD_createDCtx();
    if (!*state) return err_nomem(err, "a decompressor");
    ZSTD_DCtx_reset(*state, ZSTD_reset_session_only);
    return 0;
}

static int run(void *state, struct unpack_io *io, struct kvm_err *err) {
    ZSTD_inBuffer in = {io->in, io->in_left, 0};
    ZSTD_outBuffer out = {io->out, io->out_left, 0};
    size_t rc = ZSTD_decompressStream(state, &out, &in);
    io->in += in.pos;
    io->in_left -= in.pos;
    io->out += out.pos;
    io->out_left -= out.pos;
    io->ended = rc == 0;
    if (!ZSTD_isError(rc)) return 0;
    switch (ZSTD_getErrorCode(rc)) {
    case ZSTD_error_memory_allocation: return err_nomem(err, "a decompressor");
    case ZSTD_error_frameParameter_windowTooLarge:
        return err_set(err, KVM_UNSUPPORTED,
                       "its window has more than 128 MB; unpack it first: zstd -d --long=31 FILE");
    default: return err_set(err, KVM_FORMAT, "%s", ZSTD_getErrorName(rc));
    }
}

static void close_stream(void *state) {
    ZSTD_freeDCtx(state);
}
#endif

const struct unpack_ops unpack_zstd = {
    .name = "zstd",
    .begins = begins,
#if HAVE_ZSTD
    .open = open_stream,
    .run = run,
    .close = close_stream,
#endif
};
