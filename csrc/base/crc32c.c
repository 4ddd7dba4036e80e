// SPDX-License-Identifier: BSD-2-Clause
// CRC-32C by the processor where it can (SSE 4.2), else by a table of 16 remainders, half a byte at a time.
#include "base/crc32c.h"

#include <string.h>

static uint32_t by_table(uint32_t crc, const uint8_t *p, size_t len) {
    static const uint32_t table[16] = {0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1,
                                       0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
                                       0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
                                       0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};
    for (; len; p++, len--) {
        crc = table[(crc ^ *p) & 15] ^ crc >> 4;
        crc = table[(crc ^ (uint32_t)*p >> 4) & 15] ^ crc >> 4;
    }
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t by_processor(uint32_t crc, const uint8_t *p,
                                                               size_t len) {
    uint64_t c = crc, word;
    for (; len >= 8; p += 8, len -= 8) {
        memcpy(&word, p, 8);
        c = __builtin_ia32_crc32di(c, word);
    }
    return by_table((uint32_t)c, p, len);
}
#endif

uint32_t crc32c(const uint8_t *p, size_t len) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2")) return ~by_processor(UINT32_MAX, p, len);
#endif
    return ~by_table(UINT32_MAX, p, len);
}
