// SPDX-License-Identifier: BSD-2-Clause
// Integers of the target in memory of the host: loads and stores of either byte order at any
// alignment, and a cursor that can't leave its buffer.
#ifndef KVM_BASE_BYTES_H
#define KVM_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define BYTES_HOST_BIG (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)

static inline uint16_t bytes_u16(const void *p, bool big) {
    uint16_t v;
    memcpy(&v, p, sizeof(v));
    return big == BYTES_HOST_BIG ? v : __builtin_bswap16(v);
}
static inline uint32_t bytes_u32(const void *p, bool big) {
    uint32_t v;
    memcpy(&v, p, sizeof(v));
    return big == BYTES_HOST_BIG ? v : __builtin_bswap32(v);
}
static inline uint64_t bytes_u64(const void *p, bool big) {
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return big == BYTES_HOST_BIG ? v : __builtin_bswap64(v);
}
static inline void bytes_put_u16(void *p, uint16_t v, bool big) {
    if (big != BYTES_HOST_BIG) v = __builtin_bswap16(v);
    memcpy(p, &v, sizeof(v));
}
static inline void bytes_put_u32(void *p, uint32_t v, bool big) {
    if (big != BYTES_HOST_BIG) v = __builtin_bswap32(v);
    memcpy(p, &v, sizeof(v));
}
static inline void bytes_put_u64(void *p, uint64_t v, bool big) {
    if (big != BYTES_HOST_BIG) v = __builtin_bswap64(v);
    memcpy(p, &v, sizeof(v));
}

// Reads on past the end give zeros and set `bad`; a parser checks `bad` once, behind its fields.
struct cursor {
    const uint8_t *at;
    const uint8_t *end;
    bool big;
    bool bad;
};

static inline struct cursor cursor_make(const void *p, size_t len, bool big) {
    return (struct cursor){.at = p, .end = (const uint8_t *)p + len, .big = big, .bad = false};
}
static inline size_t cursor_left(const struct cursor *c) {
    return (size_t)(c->end - c->at);
}
// The next LEN bytes, or NULL (and bad) where fewer are left.
static inline const uint8_t *cursor_take(struct cursor *c, size_t len) {
    if (c->bad || len > cursor_left(c)) {
        c->bad = true;
        return NULL;
    }
    const uint8_t *p = c->at;
    c->at += len;
    return p;
}
static inline uint8_t cursor_u8(struct cursor *c) {
    const uint8_t *p = cursor_take(c, 1);
    return p ? *p : 0;
}
static inline uint16_t cursor_u16(struct cursor *c) {
    const uint8_t *p = cursor_take(c, 2);
    return p ? bytes_u16(p, c->big) : 0;
}
static inline uint32_t cursor_u32(struct cursor *c) {
    const uint8_t *p = cursor_take(c, 4);
    return p ? bytes_u32(p, c->big) : 0;
}
static inline uint64_t cursor_u64(struct cursor *c) {
    const uint8_t *p = cursor_take(c, 8);
    return p ? bytes_u64(p, c->big) : 0;
}

#endif
