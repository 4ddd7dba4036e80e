// SPDX-License-Identifier: BSD-2-Clause
// Any bytes as a compressed page; and any bytes compressed and decompressed again.
#include "base/codec.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct codec codec; // as a dump has one for all its pages
    uint8_t page[4096], again[4096];
    if (size < 1) return 0;
    enum codec_id id = (enum codec_id)(data[0] % CODEC_COUNT);
    struct kvm_err err = {0};
    fuzz_check(codec_decompress(&codec, id, data + 1, size - 1, page, sizeof(page), &err), &err);
    if (size - 1 > sizeof(page) || id == CODEC_NONE || !codec_can_compress(id)) return 0;
    size_t room = sizeof(page);
    err_clear(&err);
    int rc = codec_compress(&codec, id, data + 1, size - 1, page, &room, &err);
    fuzz_check(rc, &err);
    if (rc) return 0;
    rc = codec_decompress(&codec, id, page, room, again, size - 1, &err);
    if (rc || memcmp(again, data + 1, size - 1) != 0) abort();
    return 0;
}
