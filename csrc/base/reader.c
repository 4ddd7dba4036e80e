// SPDX-License-Identifier: BSD-2-Clause
// Typed reads on top of a reader (base/reader.h).
#include "base/reader.h"

int reader_u8(const struct reader *r, uint64_t addr, uint8_t *out, struct kvm_err *err) {
    return reader_read(r, addr, out, 1, err);
}

int reader_u16(const struct reader *r, uint64_t addr, uint16_t *out, struct kvm_err *err) {
    uint8_t b[2];
    int rc = reader_read(r, addr, b, sizeof(b), err);
    if (rc == 0) *out = bytes_u16(b, r->big);
    return rc;
}

int reader_u32(const struct reader *r, uint64_t addr, uint32_t *out, struct kvm_err *err) {
    uint8_t b[4];
    int rc = reader_read(r, addr, b, sizeof(b), err);
    if (rc == 0) *out = bytes_u32(b, r->big);
    return rc;
}

int reader_u64(const struct reader *r, uint64_t addr, uint64_t *out, struct kvm_err *err) {
    uint8_t b[8];
    int rc = reader_read(r, addr, b, sizeof(b), err);
    if (rc == 0) *out = bytes_u64(b, r->big);
    return rc;
}

int reader_word(const struct reader *r, uint64_t addr, uint64_t *out, struct kvm_err *err) {
    if (r->word_size == 8) return reader_u64(r, addr, out, err);
    uint32_t v;
    int rc = reader_u32(r, addr, &v, err);
    if (rc == 0) *out = v;
    return rc;
}

int reader_string(const struct reader *r, uint64_t addr, char *buf, size_t size,
                  struct kvm_err *err) {
    // 64 divides every page size, so a piece never reaches into a page behind the one that holds
    // the NUL.
    enum { PIECE = 64 };
    size_t used = 0;
    while (used + 1 < size) {
        size_t n = PIECE - (size_t)((addr + used) % PIECE);
        if (n > size - 1 - used) n = size - 1 - used;
        int rc = reader_read(r, addr + used, buf + used, n, err);
        if (rc) return rc;
        if (memchr(buf + used, 0, n)) return 0;
        used += n;
    }
    if (size) buf[used] = '\0';
    return 0;
}
