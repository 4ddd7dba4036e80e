// SPDX-License-Identifier: BSD-2-Clause
// zstd files with a table of frames. The first byte of the input says whether its table is its own or one is made that
// fits its frames (else hardly any input would have one that adds up), and how it lies: what is read
// in pieces and what is copied must agree.
#include "base/bytes.h"
#include "base/zstd_seekable.h"
#include "fuzz.h"

#include <zstd.h>

enum { OWN_TABLE = 1, CHECKSUMS = 2, WRONG_SIZE = 4, FRAMES = 256, SIZE_MOST = 1 << 20 };

static size_t put32(uint8_t *p, size_t at, uint32_t v) {
    bytes_put_u32(p + at, v, false);
    return at + 4;
}

// Appends a table of the frames in P, of LEN bytes; the new length, or 0 where it does not hold frames alone.
static size_t append_table(uint8_t *p, size_t len, uint8_t how) {
    size_t pos = 0, at = len + 8;
    uint32_t count = 0;
    while (pos < len && count < FRAMES) {
        size_t n = ZSTD_findFrameCompressedSize(p + pos, len - pos);
        if (ZSTD_isError(n)) return 0;
        unsigned long long size = ZSTD_getFrameContentSize(p + pos, n);
        if (size > SIZE_MOST) size = 100;
        if (how & WRONG_SIZE) size ^= 1;
        at = put32(p, at, (uint32_t)n);
        at = put32(p, at, (uint32_t)size);
        if (how & CHECKSUMS) at = put32(p, at, count);
        pos += n;
        count++;
    }
    if (pos < len) return 0;
    at = put32(p, at, count);
    p[at++] = how & CHECKSUMS ? 0x80 : 0;
    at = put32(p, at, 0x8f92eab1);
    put32(p, len, 0x184d2a5e);
    put32(p, len + 4, (uint32_t)(at - len - 8));
    return at;
}

static void compare(const struct file *f) {
    static uint8_t copy[SIZE_MOST];
    for (uint64_t off = 0; off < f->size && off < 4 * SIZE_MOST;) {
        struct file_piece p;
        struct kvm_err err = {0};
        int rc = file_piece(f, off, &p, &err);
        fuzz_check(rc, &err);
        uint8_t one;
        int again = file_read(f, off, &one, 1, &err);
        if (again != rc || (rc && rc != KVM_FORMAT)) abort();
        if (rc) return;
        if (p.len == 0 || p.len > f->size - off || *p.stamp != p.stamp_value) abort();
        size_t n = p.len < sizeof(copy) ? (size_t)p.len : sizeof(copy);
        if (file_read(f, off, copy, n, NULL) || memcmp(copy, p.at, n) != 0) abort();
        off += p.len;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) return 0;
    size_t len = size - 1;
    uint8_t *whole = calloc(1, len + 12 * FRAMES + 32);
    memcpy(whole, data + 1, len);
    if (!(data[0] & OWN_TABLE)) len = append_table(whole, len, data[0]);
    char path[32];
    int fd = fuzz_file(whole, len, path);
    struct file *under = NULL, *f = NULL;
    struct kvm_err err = {0};
    if (file_open(path, false, &under, NULL)) abort();
    if (zstd_seekable_layer.probe(under)) {
        int rc = zstd_seekable_layer.open(under, NULL, &f, &err);
        fuzz_check(rc, &err);
        if (rc == 0) compare(f);
    }
    file_close(f ? f : under);
    close(fd);
    free(whole);
    return 0;
}
