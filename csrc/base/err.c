// SPDX-License-Identifier: BSD-2-Clause
// The error record of base/err.h. Texts that do not fit are cut, and what would steer a terminal is
// escaped; nothing here allocates or prints.
#include "base/err.h"

#include "base/printable.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const code_names[] = {
    "ok",          "inval",    "nomem", "io",       "format",
    "unsupported", "notfound", "fault", "excluded", "closed",
};

enum { TEXT_SIZE = sizeof(((struct kvm_err *)0)->text) };

static void format(char out[TEXT_SIZE], const char *fmt, va_list ap) {
    char raw[TEXT_SIZE];
    vsnprintf(raw, sizeof(raw), fmt, ap);
    printable_copy(out, TEXT_SIZE, raw);
}

static void set_text(struct kvm_err *err, int code, const char *fmt, va_list ap) {
    err->code = code;
    err->has_addr = false;
    err->addr = 0;
    format(err->text, fmt, ap);
}

int err_set(struct kvm_err *err, int code, const char *fmt, ...) {
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        set_text(err, code, fmt, ap);
        va_end(ap);
    }
    return code;
}

int err_at(struct kvm_err *err, int code, uint64_t addr, const char *fmt, ...) {
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        set_text(err, code, fmt, ap);
        va_end(ap);
        err->has_addr = true;
        err->addr = addr;
    }
    return code;
}

int err_system(struct kvm_err *err, int number, const char *fmt, ...) {
    int code = number == ENOMEM ? KVM_NOMEM : KVM_IO;
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        set_text(err, code, fmt, ap);
        va_end(ap);
        size_t used = strlen(err->text);
        snprintf(err->text + used, sizeof(err->text) - used, ": %s", strerror(number));
    }
    return code;
}

int err_nomem(struct kvm_err *err, const char *what) {
    return err_set(err, KVM_NOMEM, "out of memory for %s", what);
}

int err_prepend(struct kvm_err *err, int code, const char *fmt, ...) {
    if (!err) return code;
    char prefix[TEXT_SIZE];
    va_list ap;
    va_start(ap, fmt);
    format(prefix, fmt, ap);
    va_end(ap);
    size_t n = strlen(prefix);
    size_t room = sizeof(err->text) - 1;
    if (n + 2 > room) return err->code;
    size_t keep = strlen(err->text);
    if (keep > room - n - 2) keep = room - n - 2;
    memmove(err->text + n + 2, err->text, keep);
    memcpy(err->text, prefix, n);
    memcpy(err->text + n, ": ", 2);
    err->text[n + 2 + keep] = '\0';
    return err->code;
}

void err_clear(struct kvm_err *err) {
    if (!err) return;
    err->code = KVM_OK;
    err->has_addr = false;
    err->addr = 0;
    err->text[0] = '\0';
}

const char *err_code_name(int code) {
    if (code > 0 || code < KVM_CLOSED) return "inval";
    return code_names[-code];
}
