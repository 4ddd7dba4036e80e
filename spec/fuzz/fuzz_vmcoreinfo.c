// SPDX-License-Identifier: BSD-2-Clause
// Any bytes as VMCOREINFO. The first line is a key that is looked up in the rest; what is found must be what a
// plain walk over the lines finds, and numbers must come back as printf writes them.
#include "fmt/vmcoreinfo.h"
#include "fuzz.h"

#include <inttypes.h>

// The first line that begins with KEY and '=', in text that ends at a NUL.
static const char *plain_find(const char *text, size_t len, const char *key, size_t *n) {
    size_t key_len = strlen(key), end = 0, at = 0;
    while (end < len && text[end])
        end++;
    while (at < end) {
        size_t stop = at;
        while (stop < end && text[stop] != '\n')
            stop++;
        if (stop - at > key_len && memcmp(text + at, key, key_len) == 0 &&
            text[at + key_len] == '=') {
            *n = stop - at - key_len - 1;
            return text + at + key_len + 1;
        }
        at = stop + 1;
    }
    return NULL;
}

static void numbers(const struct vmcoreinfo *v, const char *key, const char *value, size_t len) {
    uint64_t hex;
    int64_t number;
    char text[32];
    if (vmcoreinfo_hex(v, key, &hex)) {
        snprintf(text, sizeof(text), "%" PRIx64, hex);
        char padded[128];
        snprintf(padded, sizeof(padded), "%.*s", (int)(len < 127 ? len : 127), value);
        if (strtoull(padded, NULL, 16) != hex && len < 127) abort();
    }
    if (vmcoreinfo_number(v, key, &number) && len < 31 && !(len > 1 && (value[1] | 32) == 'x')) {
        memcpy(text, value, len);
        text[len] = '\0';
        if (strtoll(text, NULL, 10) != number) abort();
    }
}

static void look_up(const struct vmcoreinfo *v, const char *key) {
    const char *value = NULL;
    size_t len = 0, want_len = 0;
    const char *want = plain_find(v->text, v->len, key, &want_len);
    bool found = vmcoreinfo_find(v, key, &value, &len);
    if (found != (want != NULL) || (found && (value != want || len != want_len))) abort();
    char text[16];
    bool fits = vmcoreinfo_string(v, key, text, sizeof(text));
    if (fits != (found && len < sizeof(text))) abort();
    if (fits && (strlen(text) > len || memcmp(text, value, strlen(text)) != 0)) abort();
    if (found) numbers(v, key, value, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *nl = size ? memchr(data, '\n', size) : NULL;
    size_t first = nl ? (size_t)(nl - data) : size, rest = nl ? size - first - 1 : 0;
    char *key = malloc(first + 1), *text = malloc(rest ? rest : 1); // of the exact size
    if (!key || !text) abort();
    memcpy(key, data, first);
    key[first] = '\0';
    if (rest) memcpy(text, nl + 1, rest);
    struct vmcoreinfo v = {text, rest};
    uint64_t addr;
    look_up(&v, key);
    look_up(&v, "OSRELEASE");
    look_up(&v, "");
    vmcoreinfo_symbol(&v, key, &addr);
    free(key);
    free(text);
    return 0;
}
