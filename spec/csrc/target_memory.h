// SPDX-License-Identifier: BSD-2-Clause
// Memory of a target for C unit tests: one block at an address, with pages that can be taken out.
#ifndef KVM_SPEC_TARGET_MEMORY_H
#define KVM_SPEC_TARGET_MEMORY_H

#include "base/mem.h"
#include "base/reader.h"

#include <stdlib.h>

enum { TARGET_PAGE = 4096, TARGET_HOLES = 8 };

struct target_memory {
    uint64_t base;
    size_t size;
    uint8_t *bytes;
    uint64_t hole[TARGET_HOLES]; // addresses of pages that were filtered out
    size_t holes;
    unsigned long reads;
};

static int target_read(void *ctx, uint64_t addr, void *buf, size_t len, struct kvm_err *err) {
    struct target_memory *m = ctx;
    m->reads++;
    if (addr < m->base || !mem_inside(addr - m->base, len, m->size))
        return err_at(err, KVM_FAULT, addr, "0x%llx: not mapped", (unsigned long long)addr);
    for (size_t i = 0; i < m->holes; i++) {
        if (len && addr < m->hole[i] + TARGET_PAGE && addr + len > m->hole[i])
            return err_at(err, KVM_EXCLUDED, m->hole[i], "0x%llx: filtered out",
                          (unsigned long long)m->hole[i]);
    }
    memcpy(buf, m->bytes + (addr - m->base), len);
    return 0;
}

static void target_init(struct target_memory *m, uint64_t base, size_t size) {
    *m = (struct target_memory){.base = base, .size = size, .bytes = calloc(1, size)};
    if (!m->bytes) abort();
}
__attribute__((unused)) static void target_deinit(struct target_memory *m) {
    free(m->bytes);
}
__attribute__((unused)) static void target_hole(struct target_memory *m, uint64_t addr) {
    m->hole[m->holes++] = addr & ~(uint64_t)(TARGET_PAGE - 1);
}
__attribute__((unused)) static uint8_t *target_at(struct target_memory *m, uint64_t addr) {
    return m->bytes + (addr - m->base);
}
static struct reader target_reader(struct target_memory *m, bool big, uint8_t word_size) {
    return (struct reader){.ctx = m, .read = target_read, .big = big, .word_size = word_size};
}

#endif
