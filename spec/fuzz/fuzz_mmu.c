// SPDX-License-Identifier: BSD-2-Clause
// Any bytes as page tables. The first byte: 4 or 5 levels, an encryption bit; then an address; the
// rest is physical memory from 0 on, the top table first.
#include "fuzz.h"
#include "mmu/mmu.h"

static int read_phys(void *ctx, uint64_t addr, void *buf, size_t len, struct kvm_err *err) {
    const struct fuzz_memory *m = ctx;
    if (!mem_inside(addr, len, m->size)) return err_at(err, KVM_FAULT, addr, "no memory");
    memcpy(buf, m->data + addr, len);
    return 0;
}

static int visit(void *ctx, uint64_t va, const struct mmu_page *page) {
    unsigned *n = ctx;
    if (page->size < 4096 || (page->size & (page->size - 1)) || (va & (page->size - 1))) abort();
    if (page->pa & (page->size - 1)) abort();
    return ++*n < 1000 ? 0 : 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint64_t va;
    if (size < 1 + sizeof(va)) return 0;
    memcpy(&va, data + 1, sizeof(va));
    struct fuzz_memory m = {data + 1 + sizeof(va), size - 1 - sizeof(va)};
    struct mmu mmu = {.ops = mmu_find(62, 2), .levels = data[0] & 1 ? 5 : 4};
    mmu.phys = (struct reader){.ctx = &m, .read = read_phys, .big = false, .word_size = 8};
    if (data[0] & 2) mmu.ignore_bits = UINT64_C(1) << 51;
    struct kvm_err err = {0};
    if (mmu.ops->setup(&mmu, &err)) abort();
    struct mmu_page page;
    int rc = mmu_walk(&mmu, mmu.root, va, &page, &err);
    fuzz_check(rc, &err);
    if (rc == 0 && (page.pa & (page.size - 1)) != (va & (page.size - 1))) abort();
    unsigned n = 0;
    mmu_each(&mmu, mmu.root, va, UINT64_MAX, visit, &n);
    mmu_each(&mmu, mmu.root, 0, va, visit, &n);
    return 0;
}
