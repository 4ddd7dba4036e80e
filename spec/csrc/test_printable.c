// SPDX-License-Identifier: BSD-2-Clause
// What becomes of text in messages, at each size of the buffer, and that every message goes that way.
#include "base/err.h"
#include "base/printable.h"
#include "tap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *in, *out;
} cases[] = {
    {"", ""},
    {"plain ~ text", "plain ~ text"},
    {"a\x1b[31m", "a\\x1b[31m"},
    {"\x01\t\n\r\x1f\x7f", "\\x01\\x09\\x0a\\x0d\\x1f\\x7f"},
    {"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\xa7",
     "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\xa7"},
    {"\xc2\x9b"
     "31m\xc2\x80\xc2\xa0",
     "\\xc2\\x9b31m\\xc2\\x80\xc2\xa0"},
    {"\x9b\xff\xc3", "\\x9b\\xff\\xc3"},
    {"\xc0\x9b\xe0\x82\x9b", "\\xc0\\x9b\\xe0\\x82\\x9b"}, // longer than need be
    {"\xed\xa0\x80\xf4\x90\x80\x80\xf8", "\\xed\\xa0\\x80\\xf4\\x90\\x80\\x80\\xf8"},
    {"\xe2\x80\xaa\xe2\x80\xae\xe2\x81\xa6\xe2\x81\xa9",
     "\\xe2\\x80\\xaa\\xe2\\x80\\xae\\xe2\\x81\\xa6\\xe2\\x81\\xa9"},
    {"\xe2\x80\xa9\xe2\x80\x8f\xd8\x9c\xe2\x80\xb0",
     "\\xe2\\x80\\xa9\\xe2\\x80\\x8f\\xd8\\x9c\xe2\x80\xb0"},
};

static void copies(void) {
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char out[256];
        printable_copy(out, sizeof(out), cases[i].in);
        ok(strcmp(out, cases[i].out) == 0, "case %zu: %s", i, out);
        size_t whole = strlen(cases[i].out);
        for (size_t size = 1; size <= whole; size++) { // of the exact size, for the sanitizer
            char *small = malloc(size);
            if (!small) abort();
            printable_copy(small, size, cases[i].in);
            if (strlen(small) >= size || memcmp(small, cases[i].out, strlen(small)) != 0)
                ok(false, "case %zu in %zu bytes", i, size);
            free(small);
        }
    }
}

static void messages(void) {
    struct kvm_err err = {0};
    err_set(&err, KVM_FORMAT, "release \"%s\"", "\x1b[2J\n");
    is_str(err.text, "release \"\\x1b[2J\\x0a\"", "err_set");
    err_prepend(&err, KVM_FORMAT, "%s", "a\x9b.kdump");
    is_str(err.text, "a\\x9b.kdump: release \"\\x1b[2J\\x0a\"", "err_prepend");
    err_at(&err, KVM_FAULT, 1, "%s", "\x7f");
    is_str(err.text, "\\x7f", "err_at");
    err_system(&err, ENOENT, "%s", "\xe2\x80\xae");
    is_str(err.text, "\\xe2\\x80\\xae: No such file or directory", "err_system");
}

int main(void) {
    copies();
    messages();
    return done();
}
