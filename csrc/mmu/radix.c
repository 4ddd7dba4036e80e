// SPDX-License-Identifier: BSD-2-Clause
// The walk over radix page tables that all architectures share: levels of tables indexed by address
// bits, as the architecture's setup has described them in struct mmu. Levels are counted from 1,
// the last, in messages.
#include "mmu/mmu.h"

#include <stddef.h>

enum { ALL_PROT = MMU_READ | MMU_WRITE | MMU_EXECUTE | MMU_USER };

static uint64_t low_mask(unsigned bits) {
    return (UINT64_C(1) << bits) - 1;
}

static uint64_t decode(const struct mmu *mmu, const uint8_t *p) {
    return mmu->entry_size == 8 ? bytes_u64(p, mmu->phys.big) : bytes_u32(p, mmu->phys.big);
}

static int read_entry(const struct mmu *mmu, uint64_t table, unsigned level, uint64_t va,
                      uint64_t *entry, struct kvm_err *err) {
    uint64_t index = (va >> mmu->shift[level]) & low_mask(mmu->bits[level]);
    uint8_t bytes[8];
    int rc = reader_read(&mmu->phys, table + index * mmu->entry_size, bytes, mmu->entry_size, err);
    if (rc) {
        if (err) err->addr = va; // what was asked for, not where its table is
        return err_prepend(err, rc, "0x%llx: page table of level %u", (unsigned long long)va,
                           level + 1);
    }
    *entry = decode(mmu, bytes);
    return 0;
}

int mmu_walk(const struct mmu *mmu, uint64_t root, uint64_t va, struct mmu_page *out,
             struct kvm_err *err) {
    if (!mmu->ops->valid(mmu, va))
        return err_at(err, KVM_FAULT, va, "0x%llx: not an address of this machine",
                      (unsigned long long)va);
    uint64_t table = root, entry = 0, pa;
    uint8_t prot = ALL_PROT;
    for (unsigned level = mmu->levels; level-- > 0;) {
        int rc = read_entry(mmu, table, level, va, &entry, err);
        if (rc) return rc;
        switch (mmu->ops->entry(mmu, level, entry, &pa)) {
        case MMU_ENTRY_NONE:
            *out = (struct mmu_page){.size = low_mask(mmu->shift[level]) + 1, .entry = entry};
            return err_at(err, KVM_FAULT, va, "0x%llx: not mapped (level %u)",
                          (unsigned long long)va, level + 1);
        case MMU_ENTRY_BAD:
            return err_at(err, KVM_FORMAT, va, "0x%llx: bad page table entry 0x%llx at level %u",
                          (unsigned long long)va, (unsigned long long)entry, level + 1);
        case MMU_ENTRY_TABLE:
            prot &= mmu->ops->prot(mmu, entry);
            table = pa;
            break;
        case MMU_ENTRY_PAGE: {
            uint64_t in_page = low_mask(mmu->shift[level]);
            out->pa = pa + (va & in_page);
            out->size = in_page + 1;
            out->entry = entry;
            out->prot = prot & mmu->ops->prot(mmu, entry);
            return 0;
        }
        }
    }
    return err_at(err, KVM_FORMAT, va, "0x%llx: page table without end", (unsigned long long)va);
}

struct each {
    const struct mmu *mmu;
    uint64_t from, to;
    mmu_visit *fn;
    void *ctx;
    unsigned long tables; // still to be read: a damaged table may point to itself
};

static int each_table(struct each *e, uint64_t table, unsigned level, uint64_t base, uint8_t prot);

static int each_entry(struct each *e, unsigned level, uint64_t va, uint64_t entry, uint8_t prot) {
    uint64_t pa;
    enum mmu_entry_kind kind = e->mmu->ops->entry(e->mmu, level, entry, &pa);
    if (kind == MMU_ENTRY_NONE || kind == MMU_ENTRY_BAD) return 0;
    prot &= e->mmu->ops->prot(e->mmu, entry);
    if (kind == MMU_ENTRY_TABLE) return level ? each_table(e, pa, level - 1, va, prot) : 0;
    struct mmu_page page = {pa, low_mask(e->mmu->shift[level]) + 1, entry, prot};
    return e->fn(e->ctx, va, &page);
}

// The virtual address that entry I of a table translates first; sign-extended from the top level.
static uint64_t entry_va(const struct mmu *mmu, unsigned level, uint64_t base, uint64_t i) {
    uint64_t va = base + (i << mmu->shift[level]);
    unsigned top = mmu->shift[mmu->levels - 1] + mmu->bits[mmu->levels - 1];
    bool upper = top < 64 && (va >> (top - 1) & 1);
    return upper ? va | ~low_mask(top) : va;
}

// One table, whose first entry translates BASE. Read in pieces, so that the stack stays small; a
// piece that can't be read is passed over.
static int each_table(struct each *e, uint64_t table, unsigned level, uint64_t base, uint8_t prot) {
    enum { PIECE = 64 }; // entries
    const struct mmu *mmu = e->mmu;
    uint8_t bytes[PIECE * 8];
    uint64_t count = low_mask(mmu->bits[level]) + 1;
    if (e->tables == 0) return 0;
    e->tables--;
    for (uint64_t start = 0; start < count; start += PIECE) {
        uint64_t n = count - start < PIECE ? count - start : PIECE;
        if (entry_va(mmu, level, base, start) > e->to) return 0;
        uint64_t last = entry_va(mmu, level, base, start + n - 1) + low_mask(mmu->shift[level]);
        if (last < e->from) continue;
        if (reader_read(&mmu->phys, table + start * mmu->entry_size, bytes,
                        (size_t)n * mmu->entry_size, NULL) != 0)
            continue;
        for (uint64_t i = 0; i < n; i++) {
            uint64_t va = entry_va(mmu, level, base, start + i);
            uint64_t entry = decode(mmu, bytes + i * mmu->entry_size);
            if (!entry || va > e->to || va + low_mask(mmu->shift[level]) < e->from) continue;
            int rc = each_entry(e, level, va, entry, prot);
            if (rc) return rc;
        }
    }
    return 0;
}

int mmu_each(const struct mmu *mmu, uint64_t root, uint64_t from, uint64_t to, mmu_visit *fn,
             void *ctx) {
    enum { MOST_TABLES = 1 << 20 };
    struct each e = {mmu, from, to, fn, ctx, MOST_TABLES};
    return mmu->levels ? each_table(&e, root, mmu->levels - 1, 0, ALL_PROT) : 0;
}
