// SPDX-License-Identifier: BSD-2-Clause
// The walk over page tables built by hand: x86-64 with 4 and 5 levels, every page size, the
// encryption bit, PROT_NONE, missing and damaged tables.
#include "mmu/mmu.h"
#include "tap.h"
#include "target_memory.h"

enum {
    EM_X86_64 = 62,
    P = 1,        // present
    W = 2,        // writable
    U = 4,        // user
    PSE = 0x80,   // a page, not a table
    NONE = 0x100, // _PAGE_PROTNONE
    TABLES = 0x1000
};
#define NX (UINT64_C(1) << 63)

static struct target_memory ram;
static uint64_t next_table;

static struct mmu make(unsigned levels) {
    struct mmu mmu = {.ops = mmu_find(EM_X86_64, 2), .levels = levels, .root = TABLES};
    struct kvm_err err;
    target_init(&ram, 0, 1 << 20);
    mmu.phys = target_reader(&ram, false, 8);
    next_table = TABLES + 0x1000;
    if (!mmu.ops || mmu.ops->setup(&mmu, &err) != 0) abort();
    return mmu;
}

// Sets the entry of LEVEL (0 = the last) for va, making the tables above it.
static uint64_t map(const struct mmu *mmu, uint64_t va, unsigned level, uint64_t entry) {
    uint64_t table = mmu->root, at = 0;
    for (unsigned l = mmu->levels; l-- > level;) {
        at = table + (va >> mmu->shift[l] & 511) * 8;
        if (l == level) break;
        uint64_t old = bytes_u64(target_at(&ram, at), false);
        if (!old) {
            old = next_table | P | W | U | mmu->ignore_bits;
            next_table += 0x1000;
            bytes_put_u64(target_at(&ram, at), old, false);
        }
        table = old & ~mmu->ignore_bits & UINT64_C(0xffffffffff000);
    }
    bytes_put_u64(target_at(&ram, at), entry, false);
    return at;
}

static void walk(const struct mmu *mmu, uint64_t va, uint64_t pa, uint64_t size, int prot,
                 const char *what) {
    struct mmu_page page = {0};
    struct kvm_err err = {0};
    if (!ok(mmu_walk(mmu, mmu->root, va, &page, &err) == 0, "%s is mapped", what)) {
        printf("#  %s\n", err.text);
        return;
    }
    ok(page.pa == pa && page.size == size && page.prot == prot, "%s: address, size, protection",
       what);
    if (page.pa != pa || page.size != size || page.prot != prot)
        printf("#  0x%" PRIx64 " 0x%" PRIx64 " %d\n", page.pa, page.size, page.prot);
}

static void fails(const struct mmu *mmu, uint64_t va, int code, const char *part) {
    struct mmu_page page;
    struct kvm_err err = {0};
    int rc = mmu_walk(mmu, mmu->root, va, &page, &err);
    ok(rc == code && err.code == code && err.has_addr && err.addr == va, "%s with the address",
       err_code_name(code));
    if (rc != code) printf("#  %d %s\n", rc, err.text);
    has_text(err.text, part, part);
    is_int(mmu_walk(mmu, mmu->root, va, &page, NULL), code, "the same without an error record");
}

static void test_pages(unsigned levels) {
    struct mmu mmu = make(levels);
    const int rwx = MMU_READ | MMU_WRITE | MMU_EXECUTE;
    map(&mmu, 0xffff888000003000, 0, 0x7000 | P | W | NX);
    map(&mmu, 0x7fff00000000, 0, 0x8000 | P | U);
    map(&mmu, 0xffffffff81000000, 1, 0x1200000 | P | W | PSE);
    map(&mmu, 0xffff888040000000, 2, 0x40000000 | P | PSE | NX);
    map(&mmu, 0xfffffffffffff000, 0, 0x9000 | P | W);
    walk(&mmu, 0xffff888000003123, 0x7123, 4096, MMU_READ | MMU_WRITE, "4 KB");
    walk(&mmu, 0x7fff00000fff, 0x8fff, 4096, MMU_READ | MMU_EXECUTE | MMU_USER, "a user page");
    walk(&mmu, 0xffffffff811fffff, 0x13fffff, 2 << 20, rwx, "2 MB");
    walk(&mmu, 0xffff88807fffffff, 0x7fffffff, 1 << 30, MMU_READ, "1 GB");
    walk(&mmu, UINT64_MAX, 0x9fff, 4096, rwx, "the last byte");
    fails(&mmu, 0xffff888000004000, KVM_FAULT, "not mapped (level 1)");
    fails(&mmu, 0xffffffff81200000, KVM_FAULT, "not mapped (level 2)");
    fails(&mmu, 0xffff888080000000, KVM_FAULT, "not mapped (level 3)");
    fails(&mmu, 0x0000100000000000, KVM_FAULT, "(level 4)");
    fails(&mmu, UINT64_C(1) << 63, KVM_FAULT, "not an address of this machine");
    fails(&mmu, 0xfeffffffffffffff, KVM_FAULT, "not an address of this machine");
    if (levels == 4)
        fails(&mmu, 0xffff7fffffffffff, KVM_FAULT, "not an address of this machine");
    else
        fails(&mmu, 0xff11000000000000, KVM_FAULT, "not mapped (level 5)");
    target_deinit(&ram);
}

// 0xff11... is the direct map of a 5-level kernel.
static void test_five_levels(void) {
    struct mmu mmu = make(5);
    map(&mmu, 0xff11000000200000, 1, 0x200000 | P | W | PSE | NX);
    map(&mmu, 0x00ff000000000000, 0, 0x6000 | P | W | U | NX);
    walk(&mmu, 0xff11000000212345, 0x212345, 2 << 20, MMU_READ | MMU_WRITE, "5 levels");
    walk(&mmu, 0x00ff000000000010, 0x6010, 4096, MMU_READ | MMU_WRITE | MMU_USER, "a user page");
    fails(&mmu, 0x0100000000000000, KVM_FAULT, "not an address of this machine");
    target_deinit(&ram);
}

static void test_encryption(void) {
    struct mmu mmu = make(4);
    mmu.ignore_bits = UINT64_C(1) << 47;
    map(&mmu, 0xffff888000003000, 0, 0x7000 | P | W | mmu.ignore_bits);
    map(&mmu, 0xffffffff81000000, 1, 0x1200000 | P | PSE | mmu.ignore_bits);
    walk(&mmu, 0xffff888000003001, 0x7001, 4096, MMU_READ | MMU_WRITE | MMU_EXECUTE,
         "an encrypted page");
    walk(&mmu, 0xffffffff81000001, 0x1200001, 2 << 20, MMU_READ | MMU_EXECUTE,
         "an encrypted 2 MB page");
    target_deinit(&ram);
}

// Not present, but mapped: the frame number is inverted. Without the bit it is swap, or nothing.
static void test_prot_none(void) {
    struct mmu mmu = make(4);
    const uint64_t frame = UINT64_C(0x000ffffffffff000);
    map(&mmu, 0x1000, 0, (~UINT64_C(0x7000) & frame) | NONE | U | NX);
    map(&mmu, 0x200000, 1, (~UINT64_C(0x400000) & frame & ~UINT64_C(0x1000)) | NONE | PSE | U);
    map(&mmu, 0x40000000, 2, (~UINT64_C(0x80000000) & frame) | NONE | PSE | U);
    map(&mmu, 0x2000, 0, 0x123456000 | 0x40); // swapped out
    map(&mmu, 0x400000, 1, 0x5000 | NONE);    // no page: a table can't be hidden
    walk(&mmu, 0x1008, 0x7008, 4096, 0, "PROT_NONE");
    walk(&mmu, 0x200008, 0x400008, 2 << 20, 0, "PROT_NONE of 2 MB");
    walk(&mmu, 0x40000008, 0x80000008, 1 << 30, 0, "PROT_NONE of 1 GB");
    fails(&mmu, 0x2000, KVM_FAULT, "not mapped (level 1)");
    fails(&mmu, 0x400000, KVM_FAULT, "not mapped (level 2)");
    target_deinit(&ram);
}

static void test_damage(void) {
    struct mmu mmu = make(4);
    uint64_t at = map(&mmu, 0xffff888000003000, 3, 0x7000 | P | PSE);
    fails(&mmu, 0xffff888000003000, KVM_FORMAT, "bad page table entry 0x7081 at level 4");
    bytes_put_u64(target_at(&ram, at), 0x40000000 | P, false);
    fails(&mmu, 0xffff888000003000, KVM_FAULT, "page table of level 3");
    target_hole(&ram, 0x20000);
    bytes_put_u64(target_at(&ram, at), 0x20000 | P, false);
    fails(&mmu, 0xffff888000003000, KVM_EXCLUDED, "page table of level 3");
    struct kvm_err err;
    for (unsigned levels = 0; levels < 8; levels++) {
        struct mmu other = {.ops = mmu.ops, .levels = levels};
        is_int(other.ops->setup(&other, &err), levels == 4 || levels == 5 ? 0 : KVM_FORMAT,
               "levels");
    }
    ok(!mmu_find(EM_X86_64, 1) && !mmu_find(183, 2), "unknown machines");
    target_deinit(&ram);
}

struct seen {
    int n, stop_at;
    uint64_t va[16], size[16];
};
static int visit(void *ctx, uint64_t va, const struct mmu_page *page) {
    struct seen *s = ctx;
    if (s->n < 16) {
        s->va[s->n] = va;
        s->size[s->n] = page->size;
    }
    return ++s->n == s->stop_at ? 7 : 0;
}

static void test_each(unsigned levels) {
    static const uint64_t want[] = {0x1000,
                                    0x7fff00000000,
                                    0xffff888000003000,
                                    0xffff888000200000,
                                    0xffff888040000000,
                                    0xffffffff81000000,
                                    0xfffffffffffff000};
    enum { N = sizeof(want) / sizeof(want[0]) };
    struct mmu mmu = make(levels);
    for (int i = 0; i < N; i++)
        map(&mmu, want[i],
            i == 3 || i == 5 ? 1
            : i == 4         ? 2
                             : 0,
            i == 4   ? 0x40000000 | P | PSE
            : i == 5 ? 0x200000 | P | PSE
            : i == 3 ? 0x600000 | P | PSE
                     : 0x7000 | P);
    struct seen s = {0};
    is_int(mmu_each(&mmu, mmu.root, 0, UINT64_MAX, visit, &s), 0, "all");
    ok(s.n == N && memcmp(s.va, want, sizeof(want)) == 0, "each page once, ascending (%d)", s.n);
    ok(s.size[0] == 4096 && s.size[3] == 2 << 20 && s.size[4] == 1 << 30, "their sizes");
    s = (struct seen){.stop_at = 2};
    is_int(mmu_each(&mmu, mmu.root, 0, UINT64_MAX, visit, &s), 7, "the visitor stops it");
    is_int(s.n, 2, "at once");
    s = (struct seen){0};
    mmu_each(&mmu, mmu.root, UINT64_C(1) << 63, UINT64_MAX, visit, &s);
    ok(s.n == 5 && s.va[0] == want[2], "the kernel's half");
    s = (struct seen){0};
    mmu_each(&mmu, mmu.root, 0xffff888000003fff, 0xffff888000200000, visit, &s);
    ok(s.n == 2 && s.va[0] == want[2] && s.va[1] == want[3], "both ends belong to the range");
    s = (struct seen){0};
    mmu_each(&mmu, mmu.root, 0xffff888000004000, 0xffff8880001fffff, visit, &s);
    is_int(s.n, 0, "nothing between");
    s = (struct seen){0};
    mmu_each(&mmu, mmu.root, 0xffff888050000000, 0xffff888050000000, visit, &s);
    ok(s.n == 1 && s.va[0] == want[4], "the middle of a large page");
    bytes_put_u64(target_at(&ram, map(&mmu, 0x1000, levels - 2, 0x7fff0000 | P)), 0x7fff0000 | P,
                  false);
    s = (struct seen){0};
    is_int(mmu_each(&mmu, mmu.root, 0, UINT64_MAX, visit, &s), 0, "a table that is not there");
    ok(s.n == N - 1 && s.va[0] == want[1], "is passed over");
    target_deinit(&ram);
}

// A top table that is its own table on every level: the walk must end.
static void test_loop(void) {
    struct mmu mmu = make(4);
    for (int i = 0; i < 2; i++)
        bytes_put_u64(target_at(&ram, TABLES + (uint64_t)i * 8), TABLES | P, false);
    struct seen s = {0};
    is_int(mmu_each(&mmu, mmu.root, 0, UINT64_MAX, visit, &s), 0, "tables in a circle");
    is_int(s.n, 16, "two entries on four levels");
    struct mmu_page page;
    is_int(mmu_walk(&mmu, mmu.root, 0, &page, NULL), 0, "one address");
    target_deinit(&ram);
}

int main(void) {
    test_pages(4);
    test_pages(5);
    test_five_levels();
    test_encryption();
    test_prot_none();
    test_damage();
    test_each(4);
    test_each(5);
    test_loop();
    return done();
}
