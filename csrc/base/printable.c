// SPDX-License-Identifier: BSD-2-Clause
// See printable.h. UTF-8 as RFC 3629 has it: shortest forms only, no surrogates, at most U+10FFFF.
// Characters of direction: Unicode 15.1, Bidi_Control; U+2028 and U+2029 part lines and paragraphs.
#include "base/printable.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

// The character at S, of *LEN bytes; false when they are not UTF-8. Stops at the NUL, which is no continuation.
static bool decode(const unsigned char *s, uint32_t *code, size_t *len) {
    static const uint32_t first[] = {0, 0, 0x80, 0x800,
                                     0x10000}; // of the characters of that length
    size_t n = s[0] < 0x80   ? 1
               : s[0] < 0xc0 ? 0
               : s[0] < 0xe0 ? 2
               : s[0] < 0xf0 ? 3
               : s[0] < 0xf8 ? 4
                             : 0;
    if (n == 0) return false;
    uint32_t c = n == 1 ? s[0] : s[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) return false;
        c = c << 6 | (s[i] & 0x3fu);
    }
    *code = c;
    *len = n;
    return c >= first[n] && c <= 0x10ffff && !(c >= 0xd800 && c <= 0xdfff);
}

static bool steers(uint32_t c) {
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x61c || c == 0x200e || c == 0x200f ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

void printable_copy(char *out, size_t size, const char *s) {
    const unsigned char *in = (const unsigned char *)s;
    size_t used = 0;
    while (*in) {
        uint32_t code;
        size_t len;
        bool valid = decode(in, &code, &len);
        if (!valid) len = 1;
        bool plain = valid && !steers(code);
        size_t need = plain ? len : 4 * len;
        if (used + need >= size) break;
        if (plain) {
            memcpy(out + used, in, len);
        } else {
            for (size_t i = 0; i < len; i++)
                snprintf(out + used + 4 * i, 5, "\\x%02x", in[i]);
        }
        used += need;
        in += len;
    }
    out[used] = '\0';
}
