// SPDX-License-Identifier: BSD-2-Clause
// x86-64 page tables: 4 and 5 levels, pages of 4 KB, 2 MB and 1 GB (Intel SDM volume 3, chapter 4;
// Linux 6.12 arch/x86/include/asm/pgtable_types.h). A page with PROT_NONE is not present but
// mapped: Linux keeps _PAGE_PROTNONE (the global bit, which is 0 in swap entries) in it and,
// against L1TF, inverts its frame number (pgtable-invert.h, since 4.19). Memory encryption: the
// C-bit (AMD SME) is no part of the address (mmu->ignore_bits). Not read: 32-bit and PAE tables.
#include "mmu/arches.h"

#define BIT(n) (UINT64_C(1) << (n))
static const uint64_t present = BIT(0), writable = BIT(1), user = BIT(2), large = BIT(7),
                      protnone = BIT(8), no_execute = BIT(63);
static const uint64_t frame_mask = UINT64_C(0x000ffffffffff000);

static int setup(struct mmu *mmu, struct kvm_err *err) {
    if (mmu->levels != 4 && mmu->levels != 5)
        return err_set(err, KVM_FORMAT, "x86_64: %u page table levels", mmu->levels);
    mmu->page_size = 4096;
    mmu->entry_size = 8;
    for (unsigned i = 0; i < mmu->levels; i++) {
        mmu->shift[i] = (uint8_t)(12 + 9 * i);
        mmu->bits[i] = 9;
    }
    return 0;
}

static enum mmu_entry_kind entry_kind(const struct mmu *mmu, unsigned level, uint64_t entry,
                                      uint64_t *pa) {
    bool leaf = level == 0 || (entry & large);
    bool hidden = leaf && level <= 2 && (entry & (present | protnone)) == protnone;
    if (!(entry & present) && !hidden) return MMU_ENTRY_NONE;
    uint64_t frame = (hidden ? ~entry : entry) & frame_mask & ~mmu->ignore_bits;
    if (!leaf) {
        *pa = frame;
        return MMU_ENTRY_TABLE;
    }
    if (level > 2) return MMU_ENTRY_BAD; // the large bit is reserved there
    *pa = frame & ~(BIT(mmu->shift[level]) - 1);
    return MMU_ENTRY_PAGE;
}

static uint8_t prot(const struct mmu *mmu, uint64_t entry) {
    (void)mmu;
    if (!(entry & present)) return 0; // PROT_NONE
    return (uint8_t)(MMU_READ | (entry & writable ? MMU_WRITE : 0) |
                     (entry & no_execute ? 0 : MMU_EXECUTE) | (entry & user ? MMU_USER : 0));
}

// Canonical: all bits above the translated ones equal the highest of those.
static bool valid(const struct mmu *mmu, uint64_t va) {
    unsigned top = mmu->shift[mmu->levels - 1] + 9u - 1;
    int64_t high = (int64_t)va >> top;
    return high == 0 || high == -1;
}

const struct mmu_ops mmu_x86_64 = {
    .name = "x86_64",
    .machine = 62, // EM_X86_64
    .elf_class = 2,
    .setup = setup,
    .entry = entry_kind,
    .prot = prot,
    .valid = valid,
};
