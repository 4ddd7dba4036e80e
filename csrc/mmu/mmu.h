// SPDX-License-Identifier: BSD-2-Clause
// Virtual to physical: one file per architecture, which describes its page table levels and its
// entries; the walk itself is generic (radix.c).
//
// How to add an architecture:
//  1. Write csrc/mmu/<arch>.c with one `const struct mmu_ops mmu_<arch>`.
//  2. Declare it in csrc/mmu/arches.h and add its line to the table in csrc/mmu/mmu.c.
//  3. A builder in spec/support/build, a spec with every page size, and real dumps in spec/kernels.
//  4. A row in README's matrix and a line in CHANGELOG.md.
#ifndef KVM_MMU_MMU_H
#define KVM_MMU_MMU_H

#include "base/reader.h"

enum { MMU_MAX_LEVELS = 5 };

enum mmu_entry_kind { MMU_ENTRY_NONE, MMU_ENTRY_TABLE, MMU_ENTRY_PAGE, MMU_ENTRY_BAD };

struct mmu;

struct mmu_ops {
    const char *name; // "x86_64"
    uint16_t machine; // EM_*
    uint8_t elf_class;
    // Fills mmu->levels and the shifts from page_size, levels and the rest that the os layer has
    // set.
    int (*setup)(struct mmu *mmu, struct kvm_err *err);
    // Sorts one entry of LEVEL (0 = the last) and gives the physical address it holds.
    enum mmu_entry_kind (*entry)(const struct mmu *mmu, unsigned level, uint64_t entry,
                                 uint64_t *pa);
    // What one entry, of any level, allows (enum mmu_prot).
    uint8_t (*prot)(const struct mmu *mmu, uint64_t entry);
    // Whether va can be mapped at all (canonical addresses).
    bool (*valid)(const struct mmu *mmu, uint64_t va);
};

struct mmu {
    const struct mmu_ops *ops;
    struct reader phys;
    uint64_t root;        // physical address of the kernel's top table
    unsigned levels;      // e.g. 4 or 5
    uint32_t page_size;   // bytes
    uint64_t ignore_bits; // bits of an entry that are not address (AMD SME: the encryption bit)
    uint8_t entry_size;   // bytes
    uint8_t shift[MMU_MAX_LEVELS]; // lowest address bit that each level translates, [0] = the last
                                   // level
    uint8_t bits[MMU_MAX_LEVELS];  // how many address bits it translates
};

enum mmu_prot { MMU_READ = 1, MMU_WRITE = 2, MMU_EXECUTE = 4, MMU_USER = 8 };

// One mapping: the page (of any size) that holds va.
struct mmu_page {
    uint64_t pa;    // of va itself, not of the page's start
    uint64_t size;  // of the page: 4096, 2 MB, 1 GB
    uint64_t entry; // the page table entry, as it is
    uint8_t prot;   // MMU_READ ...: what all levels together allow
};

// The table line for a machine, or NULL.
const struct mmu_ops *mmu_find(uint16_t machine, uint8_t elf_class);
// FAULT with the address when va is not mapped ("not mapped (level N)", 1 is the last), out then
// has the entry that does not map it and how much that stands for (size); FAULT or EXCLUDED when a
// table itself can't be read; FORMAT on an entry that can't be. The error's address is va in each
// case.
int mmu_walk(const struct mmu *mmu, uint64_t root, uint64_t va, struct mmu_page *out,
             struct kvm_err *err);
// Calls fn for every mapped page of the table with va in [from, to] in ascending order; a table
// that can't be read is passed over; without page tables (no levels) nothing is mapped. fn returns 0 to go on; its other values end the walk and are
// returned.
typedef int mmu_visit(void *ctx, uint64_t va, const struct mmu_page *page);
int mmu_each(const struct mmu *mmu, uint64_t root, uint64_t from, uint64_t to, mmu_visit *fn,
             void *ctx);

#endif
