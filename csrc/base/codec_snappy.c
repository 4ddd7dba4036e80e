// SPDX-License-Identifier: BSD-2-Clause
// Snappy's raw format (no framing), as makedumpfile -p and QEMU write it, through libsnappy's C
// interface.
#include "base/codec_ops.h"

#if HAVE_SNAPPY
#include "base/mem.h"

#include <snappy-c.h>
#include <string.h>

static int decompress(void **state, const uint8_t *in, size_t in_len, uint8_t *out, size_t *out_len,
                      struct kvm_err *err) {
    (void)state;
    size_t n;
    if (snappy_uncompressed_length((const char *)in, in_len, &n) != SNAPPY_OK)
        return err_set(err, KVM_FORMAT, "damaged length");
    if (n > *out_len) return err_set(err, KVM_FORMAT, "more than %zu bytes come out", *out_len);
    if (snappy_uncompress((const char *)in, in_len, (char *)out, &n) != SNAPPY_OK)
        return err_set(err, KVM_FORMAT, "damaged data");
    *out_len = n;
    return 0;
}

static int compress_page(void **state, const uint8_t *in, size_t in_len, uint8_t *out,
                         size_t *out_len, struct kvm_err *err) {
    (void)state;
    size_t n = snappy_max_compressed_length(in_len);
    char *whole = mem_alloc(n);
    if (!whole) return err_nomem(err, "a compressed page");
    int rc = 0;
    if (snappy_compress((const char *)in, in_len, whole, &n) != SNAPPY_OK || n > *out_len) {
        rc = err_set(err, KVM_NOTFOUND, "no room for the result");
    } else {
        memcpy(out, whole, n);
        *out_len = n;
    }
    mem_free(whole);
    return rc;
}
#endif

const struct codec_ops codec_ops_snappy = {
    .name = "snappy",
#if HAVE_SNAPPY
    .decompress = decompress,
    .compress = compress_page,
#endif
};
