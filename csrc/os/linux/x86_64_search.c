// SPDX-License-Identifier: BSD-2-Clause
// Linux on x86-64 without VMCOREINFO: the anchor is level3_kernel_pgt (arch/x86/kernel/head_64.S,
// 5.10 to 7.2), to which entry 511 of every process's top table leads: 510 empty entries, then
// level2_kernel_pgt (the gigabyte at __START_KERNEL_map that holds the image) and
// level2_fixmap_pgt. All of them lie inside the image, so a true one maps itself. With page table
// isolation CR3 may be the user's half of a pair of tables, 4096 bytes above the kernel's
// (arch/x86/mm/pti.c). The link address is the boot header's pref_address, LOAD_PHYSICAL_ADDR
// (Documentation/arch/x86/boot.rst, protocol 2.10). Left out: encrypted memory (AMD SME), whose
// tables have address bits that mean something else; Xen PV guests.
#include "os/linux/linux.h"
#include "os/linux/search.h"

#include "fmt/qemu_cpu.h"

#define BIT(n) (UINT64_C(1) << (n))
static const uint64_t kernel_map = UINT64_C(0xffffffff80000000); // __START_KERNEL_map
static const uint64_t frame_mask = UINT64_C(0x000ffffffffff000);
static const uint64_t isolation = 4096; // PTI_USER_PGTABLE_BIT
enum {
    EM = 62, // EM_X86_64
    ENTRIES = 512,
    LAST = ENTRIES - 1,
    GIGABYTE = 1 << 30,
    IMAGE_LEAST = 2 << 20, // one large page; stock kernels have 40 MB and more
    LA57 = 12, // bit of CR4
};

static bool leads_to_table(uint64_t entry) {
    uint64_t present = BIT(0), accessed = BIT(5), large = BIT(7), no_execute = BIT(63);
    return (entry & (present | large | no_execute)) == present && (entry & accessed) &&
           (entry & frame_mask) != 0;
}

static bool shape(const uint8_t *page) {
    if (!leads_to_table(bytes_u64(page + 8 * LAST, false)) ||
        !leads_to_table(bytes_u64(page + 8 * (LAST - 1), false)) || page[0])
        return false;
    size_t empty = 8 * (LAST - 1);
    return memcmp(page, page + 1, empty - 1) == 0;
}

static int extend(void *ctx, uint64_t va, const struct mmu_page *page) {
    struct linux_map *m = ctx;
    int64_t base = (int64_t)(page->pa - (va - kernel_map));
    if (!page->prot) return 0;
    if (m->end && base != m->phys_base) return 1;
    if (!m->end) {
        if (!(page->prot & MMU_EXECUTE)) return 1; // the text comes first
        m->start = va;
        m->phys_base = base;
    }
    m->end = va + page->size;
    return 0;
}

static int map(const struct reader *phys, uint64_t table, struct linux_map *out,
               struct kvm_err *err) {
    *out = (struct linux_map){.table = table};
    out->mmu = (struct mmu){.ops = mmu_find(EM, 2), .phys = *phys, .levels = 4, .root = table};
    if (!out->mmu.ops) return err_set(err, KVM_UNSUPPORTED, "x86_64 page tables are not built in");
    int rc = out->mmu.ops->setup(&out->mmu, err);
    if (rc) return rc;
    out->mmu.levels = 3; // the table is one of the third level
    mmu_each(&out->mmu, table, kernel_map, kernel_map + GIGABYTE - 1, extend, out);
    uint64_t first = out->start - kernel_map + (uint64_t)out->phys_base;
    if (out->end - out->start >= IMAGE_LEAST && table >= first &&
        table - first < out->end - out->start)
        return 0;
    return err_set(err, KVM_NOTFOUND, "the table at 0x%llx maps no kernel image",
                   (unsigned long long)table);
}

// What entry 511 of the table leads to.
static bool follow(const struct reader *phys, uint64_t table, uint64_t *out) {
    uint64_t entry;
    if (reader_u64(phys, table + 8 * LAST, &entry, NULL) || !leads_to_table(entry)) return false;
    *out = entry & frame_mask;
    return true;
}

static bool from_root(const struct reader *phys, uint64_t root, unsigned levels, uint64_t *table) {
    return follow(phys, root, table) && (levels == 4 || follow(phys, *table, table));
}

static bool cpu_table(const struct image *img, const struct reader *phys, size_t n, unsigned try,
                      uint64_t *table) {
    const struct note_cpu *note = &img->facts.notes.qemu[n];
    bool big = img->facts.notes.big;
    uint64_t cr3, cr4;
    *table = 0;
    if (try > 1 || !qemu_cpu_register_get(EM, 2, note->desc, note->len, big, "cr3", &cr3) ||
        !qemu_cpu_register_get(EM, 2, note->desc, note->len, big, "cr4", &cr4))
        return false;
    uint64_t root = cr3 & frame_mask;
    if (try == 1) root &= ~isolation;
    if (!from_root(phys, root, cr4 & BIT(LA57) ? 5 : 4, table)) *table = 0;
    return true;
}

static int table_of(const struct os *os, uint64_t *table) {
    return from_root(&os->mmu.phys, os->mmu.root, os->mmu.levels, table) ? 0 : KVM_NOTFOUND;
}

// KERNELOFFSET is the distance from where the image was linked, which only the boot header says.
static void add_offset(const struct linux_found *f, struct linux_lines *l) {
    enum { MAGIC = 0x202, VERSION = 0x206, PREF_ADDRESS = 0x258 };
    uint64_t params, linked;
    uint16_t version;
    char magic[4];
    if (!linux_found_symbol(f, "boot_params", &params) ||
        reader_read(&f->virt, params + MAGIC, magic, sizeof(magic), NULL) ||
        memcmp(magic, "HdrS", sizeof(magic)) != 0 ||
        reader_u16(&f->virt, params + VERSION, &version, NULL) || version < 0x20a ||
        reader_u64(&f->virt, params + PREF_ADDRESS, &linked, NULL))
        return;
    uint64_t start = f->map.start - kernel_map;
    if (linked % LINUX_SEARCH_PAGE == 0 && linked <= start)
        linux_lines_add(l, "KERNELOFFSET=%llx\n", (unsigned long long)(start - linked));
}

static int lines(const struct linux_found *f, const struct reader *phys, struct linux_lines *l,
                 struct kvm_err *err) {
    uint64_t pgd, table;
    if (!linux_found_symbol(f, "init_top_pgt", &pgd) && // since 4.13
        !linux_found_symbol(f, "init_level4_pgt", &pgd))
        return err_set(err, KVM_NOTFOUND, "its kallsyms has no init_top_pgt");
    uint64_t root = pgd - kernel_map + (uint64_t)f->map.phys_base;
    unsigned levels = 4;
    while (levels <= 5 && !(from_root(phys, root, levels, &table) && table == f->map.table))
        levels++;
    if (pgd < kernel_map || levels > 5)
        return err_set(err, KVM_NOTFOUND, "init_top_pgt (0x%llx) does not lead to the table 0x%llx",
                       (unsigned long long)pgd, (unsigned long long)f->map.table);
    linux_lines_add(l, "PAGESIZE=4096\nSYMBOL(swapper_pg_dir)=%llx\n", (unsigned long long)pgd);
    linux_lines_add(l, "NUMBER(phys_base)=%lld\nNUMBER(pgtable_l5_enabled)=%d\n",
                    (long long)f->map.phys_base, levels == 5);
    add_offset(f, l);
    return 0;
}

const struct linux_search_ops linux_search_x86_64 = {
    .shape = shape,
    .map = map,
    .cpu_table = cpu_table,
    .table = table_of,
    .lines = lines,
};
