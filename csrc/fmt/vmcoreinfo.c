// SPDX-License-Identifier: BSD-2-Clause
// VMCOREINFO's lines (fmt/vmcoreinfo.h). Checked against Linux 5.10 to 7.2: numbers are written by
// VMCOREINFO_SYMBOL ("%lx"), _NUMBER ("%ld"), _OFFSET, _SIZE and _LENGTH ("%lu"); KERNELOFFSET is
// "%lx", arm64's NUMBERs "0x%lx". The text ends at its length, or at a NUL before that.
#include "fmt/vmcoreinfo.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

bool vmcoreinfo_find(const struct vmcoreinfo *v, const char *key, const char **value, size_t *len) {
    if (!v->text) return false;
    size_t key_len = strlen(key);
    const char *nul = memchr(v->text, 0, v->len);
    const char *end = nul ? nul : v->text + v->len;
    for (const char *line = v->text; line < end;) {
        const char *nl = memchr(line, '\n', (size_t)(end - line));
        const char *stop = nl ? nl : end;
        if ((size_t)(stop - line) > key_len && line[key_len] == '=' &&
            memcmp(line, key, key_len) == 0) {
            *value = line + key_len + 1;
            *len = (size_t)(stop - *value);
            return true;
        }
        line = stop + 1;
    }
    return false;
}

bool vmcoreinfo_string(const struct vmcoreinfo *v, const char *key, char *buf, size_t size) {
    const char *value;
    size_t len;
    if (!vmcoreinfo_find(v, key, &value, &len) || len >= size) return false;
    memcpy(buf, value, len);
    buf[len] = '\0';
    return true;
}

static int digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return 16;
}

// All LEN characters must be digits of BASE.
static bool parse(const char *s, size_t len, uint64_t base, uint64_t *out) {
    uint64_t v = 0;
    for (size_t i = 0; i < len; i++) {
        uint64_t d = (uint64_t)digit(s[i]);
        if (d >= base || __builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, d, &v))
            return false;
    }
    *out = v;
    return len > 0;
}

static bool has_0x(const char *s, size_t len) {
    return len > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X');
}

bool vmcoreinfo_hex(const struct vmcoreinfo *v, const char *key, uint64_t *out) {
    const char *s;
    size_t len;
    if (!vmcoreinfo_find(v, key, &s, &len)) return false;
    size_t skip = has_0x(s, len) ? 2 : 0;
    return parse(s + skip, len - skip, 16, out);
}

bool vmcoreinfo_number(const struct vmcoreinfo *v, const char *key, int64_t *out) {
    const char *s;
    size_t len;
    uint64_t n;
    if (!vmcoreinfo_find(v, key, &s, &len)) return false;
    if (has_0x(s, len)) {
        // An unsigned long; the caller wants its bits (arm64's PHYS_OFFSET can be 0xfff0...).
        if (!parse(s + 2, len - 2, 16, &n)) return false;
        *out = (int64_t)n;
        return true;
    }
    bool minus = len > 1 && s[0] == '-';
    if (!parse(s + minus, len - minus, 10, &n) || n > (uint64_t)INT64_MAX + minus) return false;
    *out = minus ? (int64_t)(0 - n) : (int64_t)n;
    return true;
}

bool vmcoreinfo_symbol(const struct vmcoreinfo *v, const char *name, uint64_t *out) {
    char key[256];
    int n = snprintf(key, sizeof(key), "SYMBOL(%s)", name);
    return n > 0 && (size_t)n < sizeof(key) && vmcoreinfo_hex(v, key, out);
}
