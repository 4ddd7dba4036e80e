// SPDX-License-Identifier: BSD-2-Clause
// LZO1X, as makedumpfile -l writes it, through liblzo2 2.x (GPL-2; WITH_LZO=0 leaves it out).
#include "base/codec_ops.h"

#if HAVE_LZO
#include "base/mem.h"

#include <lzo/lzo1x.h>
#include <string.h>

// The decompressor keeps nothing; *state says that the library agreed to this build of it.
static int check_library(void **state, struct kvm_err *err) {
    static char agreed;
    if (!*state && lzo_init() != LZO_E_OK)
        return err_set(err, KVM_UNSUPPORTED, "liblzo2 does not fit this build");
    *state = &agreed;
    return 0;
}

static int decompress(void **state, const uint8_t *in, size_t in_len, uint8_t *out, size_t *out_len,
                      struct kvm_err *err) {
    int rc = check_library(state, err);
    if (rc) return rc;
    lzo_uint n = *out_len;
    int end = lzo1x_decompress_safe(in, in_len, out, &n, NULL);
    if (end == LZO_E_OUTPUT_OVERRUN)
        return err_set(err, KVM_FORMAT, "more than %zu bytes came out", *out_len);
    if (end != LZO_E_OK) return err_set(err, KVM_FORMAT, "damaged data (%d)", end);
    *out_len = n;
    return 0;
}

static int compress_page(void **state, const uint8_t *in, size_t in_len, uint8_t *out,
                         size_t *out_len, struct kvm_err *err) {
    if (!*state && lzo_init() != LZO_E_OK)
        return err_set(err, KVM_UNSUPPORTED, "liblzo2 does not fit this build");
    if (!*state) *state = mem_alloc(LZO1X_1_MEM_COMPRESS);
    if (!*state) return err_nomem(err, "a compressor");
    lzo_uint n = in_len + in_len / 16 + 64 + 3; // the worst case, of LZO.FAQ
    uint8_t *whole = mem_alloc(n);
    if (!whole) return err_nomem(err, "a compressed page");
    int rc = 0;
    if (lzo1x_1_compress(in, in_len, whole, &n, *state) != LZO_E_OK || n > *out_len) {
        rc = err_set(err, KVM_NOTFOUND, "no room for the result");
    } else {
        memcpy(out, whole, n);
        *out_len = n;
    }
    mem_free(whole);
    return rc;
}

static void free_pack(void *state) {
    mem_free(state);
}
#endif

const struct codec_ops codec_ops_lzo = {
    .name = "lzo",
#if HAVE_LZO
    .decompress = decompress,
    .compress = compress_page,
    .free_pack = free_pack,
#endif
};
