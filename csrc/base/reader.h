// SPDX-License-Identifier: BSD-2-Clause
// A source of target memory, as the layers that need memory but must not know where it comes from
// (mmu, symbol, type, os) are given it.
#ifndef KVM_BASE_READER_H
#define KVM_BASE_READER_H

#include "base/bytes.h"
#include "base/err.h"

struct reader {
    void *ctx;
    // Reads exactly LEN bytes at ADDR, or fails with FAULT, EXCLUDED, IO or FORMAT (buf is then
    // undefined).
    int (*read)(void *ctx, uint64_t addr, void *buf, size_t len, struct kvm_err *err);
    bool big;          // byte order of the target
    uint8_t word_size; // bytes in a pointer of the target: 4 or 8
};

static inline int reader_read(const struct reader *r, uint64_t addr, void *buf, size_t len,
                              struct kvm_err *err) {
    return r->read(r->ctx, addr, buf, len, err);
}

int reader_u8(const struct reader *r, uint64_t addr, uint8_t *out, struct kvm_err *err);
int reader_u16(const struct reader *r, uint64_t addr, uint16_t *out, struct kvm_err *err);
int reader_u32(const struct reader *r, uint64_t addr, uint32_t *out, struct kvm_err *err);
int reader_u64(const struct reader *r, uint64_t addr, uint64_t *out, struct kvm_err *err);
// A pointer or unsigned long of the target.
int reader_word(const struct reader *r, uint64_t addr, uint64_t *out, struct kvm_err *err);
// A string of at most size - 1 bytes, always terminated; no byte behind its NUL's page is asked
// for.
int reader_string(const struct reader *r, uint64_t addr, char *buf, size_t size,
                  struct kvm_err *err);

#endif
