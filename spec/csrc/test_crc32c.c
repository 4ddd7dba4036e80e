// SPDX-License-Identifier: BSD-2-Clause
// base/crc32c: the values of RFC 3720, appendix B.4, at every alignment.
#include "base/crc32c.h"

#include "tap.h"

int main(void) {
    uint8_t bytes[64];
    is_int(crc32c((const uint8_t *)"", 0), 0, "nothing");
    is_int(crc32c((const uint8_t *)"123456789", 9), 0xe3069283, "nine digits");
    for (size_t at = 0; at < 8; at++) {
        memset(bytes, 0, sizeof(bytes));
        is_int(crc32c(bytes + at, 32), 0x8a9136aa, "32 zeros");
        memset(bytes, 0xff, sizeof(bytes));
        is_int(crc32c(bytes + at, 32), 0x62a8ab43, "32 ones");
        for (size_t i = 0; i < 32; i++)
            bytes[at + i] = (uint8_t)i;
        is_int(crc32c(bytes + at, 32), 0x46dd794e, "0 to 31");
    }
    return done();
}
