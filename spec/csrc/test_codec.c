// SPDX-License-Identifier: BSD-2-Clause
// base/codec: every codec that was built in gives a page back, and nothing but that page.
#include "base/codec.h"
#include "dump_build.h"
#include "tap.h"

#include <stdlib.h>

enum { PAGE = 4096 };
static struct codec codec;
static uint8_t page[PAGE], packed[PAGE], out[PAGE + 16];

// A copy of the exact size, so that the sanitizer sees a read behind the input.
static int unpack(enum codec_id id, const uint8_t *in, size_t len, size_t want,
                  struct kvm_err *err) {
    uint8_t *copy = malloc(len ? len : 1);
    memcpy(copy, in, len);
    err_clear(err);
    int rc = codec_decompress(&codec, id, copy, len, out, want, err);
    free(copy);
    return rc;
}

static void test_damage(enum codec_id id, size_t len) {
    const char *name = codec_name(id);
    struct kvm_err err;
    int truncated = 0;
    for (size_t n = 0; n < len; n++)
        truncated += unpack(id, packed, n, PAGE, &err) == KVM_FORMAT;
    is_int(truncated, (int64_t)len, "every truncation is an error of format");
    char part[32];
    snprintf(part, sizeof(part), "%s: ", name);
    has_text(err.text, part, "which names the codec");
    is_int(unpack(id, packed, len, PAGE - 1, &err), KVM_FORMAT, "too many bytes are refused");
    is_int(unpack(id, packed, len, PAGE + 1, &err), KVM_FORMAT, "too few bytes are refused");
    uint8_t junk[64];
    memset(junk, 0xff, sizeof(junk));
    is_int(unpack(id, junk, sizeof(junk), PAGE, &err), KVM_FORMAT, "junk is refused");
}

static void test_codec(enum codec_id id) {
    const char *name = codec_name(id);
    struct kvm_err err = {0};
    if (!codec_built_in(id)) {
        is_int(codec_decompress(&codec, id, packed, 10, out, PAGE, &err), KVM_UNSUPPORTED,
               "a codec that was left out says so");
        has_text(err.text, name, "by its name");
        return;
    }
    for (uint32_t seed = 0; seed < 3; seed++) {
        build_pattern(page, PAGE, seed);
        size_t len = PAGE - 1;
        int rc = codec_compress(&codec, id, page, PAGE, packed, &len, &err);
        ok(rc == 0 && len < PAGE - 1, "%s: page %u shrinks to %zu bytes", name, seed, len);
        memset(out, 0xaa, sizeof(out));
        rc = unpack(id, packed, len, PAGE, &err);
        ok(rc == 0 && memcmp(out, page, PAGE) == 0, "%s: and comes back", name);
        is_int(out[PAGE], 0xaa, "nothing is written behind it");
        if (seed == 2) test_damage(id, len);
    }
    size_t room = 20;
    is_int(codec_compress(&codec, id, page, PAGE, packed, &room, &err), KVM_NOTFOUND,
           "a result that does not fit is not given");
}

// A whole page of zeros as zlib 1.2.13 writes it at level 1, the first page of most dumps.
static void test_known_bytes(void) {
    static const uint8_t zeros[] = {
        0x78, 0x01, 0xed, 0xd0, 0x01, 0x0d, 0x00, 0x00, 0x00, 0xc2, 0xa0, 0xf7, 0x4f, 0x6d,
        0x0f, 0x07, 0x11, 0x28, 0x0c, 0x18, 0x30, 0x60, 0xc0, 0x80, 0x01, 0x03, 0x06, 0x0c,
        0x18, 0x30, 0x60, 0xc0, 0x80, 0x81, 0xf7, 0x81, 0x01, 0x10, 0x00, 0x00, 0x01};
    struct kvm_err err = {0};
    memset(out, 1, sizeof(out));
    is_int(unpack(CODEC_ZLIB, zeros, sizeof(zeros), PAGE, &err), 0, "a zlib page of zeros");
    int set = 0;
    for (size_t i = 0; i < PAGE; i++)
        set += out[i] != 0;
    is_int(set, 0, "is zeros");
    uint8_t wrong[sizeof(zeros)];
    memcpy(wrong, zeros, sizeof(zeros));
    wrong[sizeof(wrong) - 1] ^= 1;
    is_int(unpack(CODEC_ZLIB, wrong, sizeof(wrong), PAGE, &err), KVM_FORMAT,
           "a wrong check sum is refused");
}

int main(void) {
    for (int id = CODEC_ZLIB; id < CODEC_COUNT; id++)
        test_codec((enum codec_id)id);
    test_known_bytes();
    struct kvm_err err = {0};
    build_pattern(page, PAGE, 9);
    ok(unpack(CODEC_NONE, page, PAGE, PAGE, &err) == 0 && memcmp(out, page, PAGE) == 0,
       "an uncompressed page is copied");
    is_int(unpack(CODEC_NONE, page, PAGE - 1, PAGE, &err), KVM_FORMAT, "but not a short one");
    ok(!codec_can_compress(CODEC_NONE) && codec_can_compress(CODEC_ZLIB), "who can compress");
    is_str(codec_name(CODEC_ZSTD), "zstd", "names");
    codec_deinit(&codec);
    codec_deinit(&codec);
    return done();
}
