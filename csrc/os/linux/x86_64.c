// SPDX-License-Identifier: BSD-2-Clause
// Linux on x86-64: the kernel's text mapping and page table root (arch/x86/kernel/vmcore_info_64.c,
// 5.10 to 7.2; Documentation/arch/x86/x86_64/mm.rst). Page numbers of the kernel image are virtual
// address - __START_KERNEL_map + phys_base, with KASLR or without.
#include "os/linux/linux.h"
#include "os/linux/search.h"

static const uint64_t kernel_map = UINT64_C(0xffffffff80000000); // __START_KERNEL_map
static const uint64_t upper_half_4 = UINT64_C(0xffff800000000000);
static const uint64_t upper_half_5 = UINT64_C(0xff00000000000000);

static int missing(struct kvm_err *err, const char *what) {
    return err_set(err, KVM_UNSUPPORTED, "VMCOREINFO has no %s", what);
}

static int find_root(struct os *os, const struct vmcoreinfo *v, struct kvm_err *err) {
    uint64_t pgd;
    int64_t l5 = 0, sme_mask = 0;
    if (!vmcoreinfo_symbol(v, "swapper_pg_dir", &pgd))
        return missing(err, "SYMBOL(swapper_pg_dir)");
    if (!vmcoreinfo_number(v, "NUMBER(phys_base)", &os->facts.phys_base))
        return missing(err, "NUMBER(phys_base)");
    os->facts.has_phys_base = true;
    vmcoreinfo_number(v, "NUMBER(pgtable_l5_enabled)", &l5); // since 4.17
    vmcoreinfo_number(v, "NUMBER(sme_mask)", &sme_mask);     // since 5.0
    uint64_t root = pgd - kernel_map + (uint64_t)os->facts.phys_base;
    if (pgd < kernel_map || root % 4096 != 0)
        return err_set(err, KVM_FORMAT, "VMCOREINFO: swapper_pg_dir at 0x%llx, phys_base %lld",
                       (unsigned long long)pgd, (long long)os->facts.phys_base);
    os->mmu.root = root;
    os->mmu.levels = l5 ? 5 : 4;
    os->mmu.page_size = os->facts.page_size;
    os->mmu.ignore_bits = (uint64_t)sme_mask;
    os->facts.kernel_start = l5 ? upper_half_5 : upper_half_4;
    return 0;
}

// The text's first page must be mapped to where the two numbers say. A table that is not in the
// dump (an incomplete one) can't contradict.
static int check_text(const struct os *os, const struct vmcoreinfo *v, struct kvm_err *err) {
    uint64_t text;
    struct mmu_page page;
    if (!vmcoreinfo_symbol(v, "_stext", &text)) return missing(err, "SYMBOL(_stext)");
    int rc = mmu_walk(&os->mmu, os->mmu.root, text, &page, err);
    if (rc == KVM_EXCLUDED || (rc == KVM_FAULT && os->image->facts.incomplete)) return 0;
    if (rc == KVM_FAULT) {
        if (err) err->code = KVM_FORMAT;
        return err_prepend(err, KVM_FORMAT,
                           "the page tables at 0x%llx do not map the kernel's text",
                           (unsigned long long)os->mmu.root);
    }
    if (rc) return rc;
    uint64_t want = text - kernel_map + (uint64_t)os->facts.phys_base;
    if (page.pa == want) return 0;
    return err_at(
        err, KVM_FORMAT, text,
        "the page tables at 0x%llx map the kernel's text to 0x%llx, phys_base says 0x%llx",
        (unsigned long long)os->mmu.root, (unsigned long long)page.pa, (unsigned long long)want);
}

static int locate(struct os *os, const struct vmcoreinfo *v, struct kvm_err *err) {
    int64_t image_size;
    int rc = find_root(os, v, err);
    if (rc) return rc;
    if (vmcoreinfo_number(v, "NUMBER(KERNEL_IMAGE_SIZE)", &image_size) && image_size > 0 &&
        image_size <= INT64_C(1) << 30)
        linux_priv(os)->image_end = kernel_map + (uint64_t)image_size;
    os->mmu.ops = mmu_find(linux_x86_64.machine, linux_x86_64.elf_class);
    if (!os->mmu.ops) return err_set(err, KVM_UNSUPPORTED, "x86_64 page tables are not built in");
    rc = os->mmu.ops->setup(&os->mmu, err);
    return rc ? rc : check_text(os, v, err);
}

// page_offset_base is displaced with KASLR (CONFIG_RANDOMIZE_MEMORY). Kernels without it have no
// such variable.
static int direct_map(struct os *os, uint64_t *start, uint64_t *end) {
    uint64_t var, base, size = os->image->facts.phys_end;
    if (symtab_value(os->symbols, "page_offset_base", &var, NULL) ||
        reader_u64(&os->virt, var, &base, NULL))
        return KVM_NOTFOUND;
    if (base < os->facts.kernel_start || base >= kernel_map || size == 0 ||
        size > kernel_map - base)
        return KVM_NOTFOUND;
    *start = base;
    *end = base + size;
    return 0;
}

const struct linux_arch linux_x86_64 = {
    .name = "x86_64",
    .machine = 62, // EM_X86_64
    .elf_class = 2,
    .locate = locate,
    .direct_map = direct_map,
    .search = &linux_search_x86_64,
};
