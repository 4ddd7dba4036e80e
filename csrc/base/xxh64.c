// SPDX-License-Identifier: BSD-2-Clause
// XXH64 (base/xxh64.h): four sums over 32 bytes at a time, joined, then what is left over.
#include "base/xxh64.h"

#include "base/bytes.h"

#define PRIME1 UINT64_C(0x9e3779b185ebca87)
#define PRIME2 UINT64_C(0xc2b2ae3d27d4eb4f)
#define PRIME3 UINT64_C(0x165667b19e3779f9)
#define PRIME4 UINT64_C(0x85ebca77c2b2ae63)
#define PRIME5 UINT64_C(0x27d4eb2f165667c5)

enum { LANES = 4, STRIPE = 8 * LANES };

static uint64_t rotate(uint64_t v, int by) {
    return v << by | v >> (64 - by);
}

static uint64_t mix(uint64_t sum, uint64_t word) {
    return rotate(sum + word * PRIME2, 31) * PRIME1;
}

static uint64_t join(const uint64_t sum[LANES]) {
    uint64_t h = rotate(sum[0], 1) + rotate(sum[1], 7) + rotate(sum[2], 12) + rotate(sum[3], 18);
    for (int i = 0; i < LANES; i++)
        h = (h ^ mix(0, sum[i])) * PRIME1 + PRIME4;
    return h;
}

static uint64_t finish(uint64_t h, const uint8_t *p, size_t left) {
    for (; left >= 8; p += 8, left -= 8)
        h = rotate(h ^ mix(0, bytes_u64(p, false)), 27) * PRIME1 + PRIME4;
    if (left >= 4) {
        h = rotate(h ^ bytes_u32(p, false) * PRIME1, 23) * PRIME2 + PRIME3;
        p += 4;
        left -= 4;
    }
    for (; left; p++, left--)
        h = rotate(h ^ *p * PRIME5, 11) * PRIME1;
    h = (h ^ h >> 33) * PRIME2;
    h = (h ^ h >> 29) * PRIME3;
    return h ^ h >> 32;
}

uint64_t xxh64(const void *data, size_t len) {
    const uint8_t *p = data;
    size_t left = len;
    uint64_t h = PRIME5;
    if (len >= STRIPE) {
        uint64_t sum[LANES] = {PRIME1 + PRIME2, PRIME2, 0, 0 - PRIME1};
        for (; left >= STRIPE; p += STRIPE, left -= STRIPE)
            for (int i = 0; i < LANES; i++)
                sum[i] = mix(sum[i], bytes_u64(p + 8 * i, false));
        h = join(sum);
    }
    return finish(h + len, p, left);
}
