// SPDX-License-Identifier: BSD-2-Clause
// Errors: one record, filled where the error happens and prefixed on the way up, so that the text
// reads from the outside in ("open x.vmcore: kdump: page 91: zlib: incorrect data check").
#ifndef KVM_BASE_ERR_H
#define KVM_BASE_ERR_H

#include <stdbool.h>
#include <stdint.h>

// Every fallible function returns 0 or one of these. FAULT (not mapped, or no such memory) and
// EXCLUDED (the page was filtered out of the dump, or cut off) never mean that the file is damaged:
// that is FORMAT.
enum kvm_code {
    KVM_OK = 0,
    KVM_INVAL = -1,
    KVM_NOMEM = -2,
    KVM_IO = -3,
    KVM_FORMAT = -4,
    KVM_UNSUPPORTED = -5,
    KVM_NOTFOUND = -6,
    KVM_FAULT = -7,
    KVM_EXCLUDED = -8,
    KVM_CLOSED = -9,
};

struct kvm_err {
    int code;
    bool has_addr;
    uint64_t addr;
    char text[512];
};

// All of these take err == NULL (the caller wants the code only) and return the code.
int err_set(struct kvm_err *err, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
// An error about an address of the target (FAULT, EXCLUDED, sometimes FORMAT).
int err_at(struct kvm_err *err, int code, uint64_t addr, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
// KVM_IO (ENOMEM: KVM_NOMEM) with ": " and the text of the system's error number behind the
// message.
int err_system(struct kvm_err *err, int number, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
// KVM_NOMEM: "out of memory for WHAT".
int err_nomem(struct kvm_err *err, const char *what);
// Puts "PREFIX: " before the text. Returns err->code; CODE (what the caller got) when err is NULL.
int err_prepend(struct kvm_err *err, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void err_clear(struct kvm_err *err);
// "inval", "nomem", "io", "format", "unsupported", "notfound", "fault", "excluded", "closed"; "ok"
// for 0.
const char *err_code_name(int code);

#endif
