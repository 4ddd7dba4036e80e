// SPDX-License-Identifier: BSD-2-Clause
// The Test Anything Protocol for C unit tests: ok(), is_int(), is_str(); done() prints the plan.
#ifndef KVM_SPEC_TAP_H
#define KVM_SPEC_TAP_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static int tap_count, tap_failed;

__attribute__((format(printf, 2, 3), unused)) static bool ok(bool pass, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    printf("%sok %d - ", pass ? "" : "not ", ++tap_count);
    vprintf(fmt, ap);
    putchar('\n');
    va_end(ap);
    if (!pass) tap_failed++;
    return pass;
}

__attribute__((unused)) static bool is_int(int64_t got, int64_t want, const char *what) {
    bool pass = ok(got == want, "%s", what);
    if (!pass)
        printf("#  got %" PRId64 " (0x%" PRIx64 "), want %" PRId64 " (0x%" PRIx64 ")\n", got,
               (uint64_t)got, want, (uint64_t)want);
    return pass;
}

__attribute__((unused)) static bool is_str(const char *got, const char *want, const char *what) {
    bool pass = ok(got && strcmp(got, want) == 0, "%s", what);
    if (!pass) printf("#  got \"%s\"\n#  want \"%s\"\n", got ? got : "(null)", want);
    return pass;
}

// Whether TEXT holds PART.
__attribute__((unused)) static bool has_text(const char *text, const char *part, const char *what) {
    bool pass = ok(text && strstr(text, part) != NULL, "%s", what);
    if (!pass) printf("#  got \"%s\"\n#  without \"%s\"\n", text ? text : "(null)", part);
    return pass;
}

__attribute__((unused)) static void skip(const char *what, const char *why) {
    printf("ok %d - %s # SKIP %s\n", ++tap_count, what, why);
}

static int done(void) {
    printf("1..%d\n", tap_count);
    return tap_failed ? 1 : 0;
}

#endif
