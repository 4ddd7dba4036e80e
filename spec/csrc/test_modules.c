// SPDX-License-Identifier: BSD-2-Clause
// Symbols of modules, from tables in a target's memory: letters, exports, sizes, ranges, aliases,
// missing and damaged tables, both widths and byte orders.
#include "symbol/symbol.h"
#include "tap.h"
#include "target_memory.h"

#define BASE UINT64_C(0xc0400000)
enum {
    TEXT = 0x0, // offsets in each module, which is 0x10000 long
    DATA = 0x2000,
    SYMS = 0x4000,
    STRS = 0x6000,
    TYPES = 0x8000,
    EXPORTS = 0x9000,
    NAMES = 0xa000, // of exports
    MODULE = 0x10000,
    MODULES = 3
};

static const struct {
    const char *name;
    uint64_t value; // from the module's base; or as it is, above 1 << 32
    char type;
    uint16_t section;
    char kind; // as /proc/kallsyms prints it; 0: left out
    uint64_t size;
} symbols[] = {
    {"", 0, '?', 0, 0, 0},
    {"first", TEXT, 't', 1, 'T', 0x100}, // exported
    {"init_module", TEXT, 't', 1, 't', 0x100},
    {"__pfx_second", TEXT + 0x100, 't', 1, 't', 0x10},
    {"second", TEXT + 0x110, 't', 1, 't', 0x1000 - 0x110}, // to the end of its range
    {"__start_data", DATA, 'd', 2, 'd', 0x20},
    {"data", DATA, 'd', 2, 'd', 0x20},
    {"weak", DATA + 0x20, 'v', 2, 'v', 0x20},
    {"undefined", 0, 'U', 0, 0, 0},
    {"", DATA + 0x30, 'd', 2, 0, 0},
    {"strange", DATA + 0x40, '\1', 2, '?', 0x1000 - 0x40},
    {"per_cpu", 0x90000, 'a', 5, 'a', 0}, // in no range
};
enum { SYMBOLS = sizeof(symbols) / sizeof(symbols[0]) };

static struct target_memory ram;
static bool big;
static uint8_t word;
static struct module_symbols mods[MODULES];
static int list_rc, list_count;

static uint64_t base_of(int m) {
    return BASE + (uint64_t)m * MODULE;
}

static void put_symbol(uint8_t *p, uint32_t name, int i, uint64_t base, char type) {
    bytes_put_u32(p, name, big);
    if (word == 8) {
        p[4] = (uint8_t)type;
        bytes_put_u16(p + 6, symbols[i].section, big);
        bytes_put_u64(p + 8, base + symbols[i].value, big);
    } else {
        bytes_put_u32(p + 4, (uint32_t)(base + symbols[i].value), big);
        p[12] = (uint8_t)type;
        bytes_put_u16(p + 14, symbols[i].section, big);
    }
}

// The first module's exports: "first" as 32-bit distances where pointers have 8 bytes, else as two
// pointers; and "second" with the value of another symbol.
static void put_exports(int m) {
    uint64_t base = base_of(m), names = base + NAMES;
    memcpy(target_at(&ram, names), "first\0second", 13);
    for (uint32_t i = 0; i < 2; i++) {
        uint64_t value = base + (i ? DATA : TEXT), name = names + i * 6, at = base + EXPORTS;
        uint8_t *p;
        if (word == 8) {
            at += i * 12;
            p = target_at(&ram, at);
            bytes_put_u32(p, (uint32_t)(value - at), big);
            bytes_put_u32(p + 4, (uint32_t)(name - at - 4), big);
        } else {
            p = target_at(&ram, at + i * 8);
            bytes_put_u32(p, (uint32_t)value, big);
            bytes_put_u32(p + 4, (uint32_t)name, big);
        }
    }
    mods[m].exports = base + EXPORTS;
    mods[m].export_count = 2;
    mods[m].export_size = word == 8 ? 12 : 8;
}

// MODULES equal modules; the last one keeps its letters in st_info, as kernels before 5.2 do.
static void build(void) {
    static const char *const names[MODULES] = {"virtio", "ext4", "old"};
    target_init(&ram, BASE, MODULES * MODULE);
    for (int m = 0; m < MODULES; m++) {
        uint64_t base = base_of(m);
        size_t size = word == 8 ? 24 : 16, used = 1;
        for (int i = 0; i < SYMBOLS; i++) {
            size_t len = strlen(symbols[i].name) + 1;
            memcpy(target_at(&ram, base + STRS + used), symbols[i].name, len);
            put_symbol(target_at(&ram, base + SYMS + (size_t)i * size),
                       len > 1 ? (uint32_t)used : 0, i, base, m == 2 ? symbols[i].type : 0);
            *target_at(&ram, base + TYPES + (uint64_t)i) = (uint8_t)symbols[i].type;
            used += len;
        }
        mods[m] = (struct module_symbols){.name = names[m],
                                          .symtab = base + SYMS,
                                          .strtab = base + STRS,
                                          .typetab = m == 2 ? 0 : base + TYPES,
                                          .count = SYMBOLS,
                                          .base = {base + DATA, base + TEXT},
                                          .size = {0x1000, 0x1000}};
        put_exports(m);
    }
    list_rc = 0;
    list_count = MODULES;
}

static int list(void *ctx, int (*add)(void *to, const struct module_symbols *m), void *to,
                struct kvm_err *err) {
    ++*(int *)ctx;
    for (int m = 0; m < list_count; m++) {
        int rc = add(to, &mods[m]);
        if (rc) return rc;
    }
    return list_rc ? err_set(err, list_rc, "the list is broken") : 0;
}

static int lists;
static struct symbol_source *load(int want, struct kvm_err *err) {
    struct reader virt = target_reader(&ram, big, word);
    struct symbol_source *s = NULL;
    *err = (struct kvm_err){0};
    if (symbol_modules_create(&virt, list, &lists, &s, err)) abort();
    int rc = s->ops->load(s, err);
    if (!ok(rc == want, "load gives %s", err_code_name(want))) printf("#  %s\n", err->text);
    if (rc == 0) return s;
    s->ops->destroy(s);
    return NULL;
}

static bool equal(const struct symbol *got, int m, int i) {
    bool same = strcmp(got->name, symbols[i].name) == 0 && got->kind == symbols[i].kind &&
                got->addr == base_of(m) + symbols[i].value && got->size == symbols[i].size &&
                got->module && strcmp(got->module, mods[m].name) == 0;
    if (!same)
        printf("# %s %c 0x%" PRIx64 "+0x%" PRIx64 " [%s]\n", got->name, got->kind, got->addr,
               got->size, got->module);
    return same;
}

struct seen {
    int n, wrong;
};
static int visit(void *ctx, const struct symbol *sym) {
    struct seen *seen = ctx;
    int m = seen->n / 9, k = seen->n % 9, i = -1;
    while (k >= 0)
        k -= symbols[++i].kind != 0;
    if (!equal(sym, m, i)) seen->wrong++;
    seen->n++;
    return 0;
}

static void check(struct symbol_source *s) {
    struct symbol sym;
    struct seen seen = {0};
    s->ops->each(s, visit, &seen);
    ok(seen.n == 27 && seen.wrong == 0, "each symbol of each module (%d, %d wrong)", seen.n,
       seen.wrong);
    ok(s->ops->find_name(s, "second", &sym) && equal(&sym, 0, 4), "a name: the first module's");
    ok(!s->ops->find_name(s, "undefined", &sym) && !s->ops->find_name(s, "", &sym) &&
           !s->ops->find_name(s, "sec", &sym),
       "undefined and unnamed ones are not there");
    for (int m = 0; m < MODULES; m++) {
        uint64_t b = base_of(m);
        ok(s->ops->find_addr(s, b + TEXT, &sym) && equal(&sym, m, 1), "of two the first");
        ok(s->ops->find_addr(s, b + TEXT + 0x111, &sym) && equal(&sym, m, 4), "within a function");
        ok(s->ops->find_addr(s, b + TEXT + 0xfff, &sym) && equal(&sym, m, 4), "the last byte");
        ok(s->ops->find_addr(s, b + DATA + 1, &sym) && equal(&sym, m, 6), "not the mark");
        ok(!s->ops->find_addr(s, b + TEXT + 0x1000, &sym), "behind the range");
        ok(!s->ops->find_addr(s, b + SYMS, &sym), "outside of the ranges");
    }
    ok(!s->ops->find_addr(s, 0, &sym) && !s->ops->find_addr(s, UINT64_MAX, &sym) &&
           !s->ops->find_addr(s, BASE - 1, &sym),
       "other addresses");
}

static void test_widths(void) {
    struct kvm_err err;
    for (int kind = 0; kind < 4; kind++) {
        word = kind & 1 ? 4 : 8;
        big = kind & 2;
        build();
        struct symbol_source *s = load(0, &err);
        if (s) {
            check(s);
            is_int(s->error.code, 0, "nothing is missing");
            s->ops->destroy(s);
        }
        target_deinit(&ram);
    }
    word = 8;
    big = false;
}

// A module whose tables are gone or damaged leaves the others as they are, and is told.
static void test_one_bad(void) {
    struct kvm_err err;
    struct symbol sym;
    for (int what = 0; what < 9; what++) {
        build();
        struct module_symbols *m = &mods[0];
        int want = what < 4 ? KVM_EXCLUDED : what < 8 ? KVM_FORMAT : KVM_FAULT;
        switch (what) {
        case 0: target_hole(&ram, m->symtab); break;
        case 1: target_hole(&ram, m->strtab); break;
        case 2: target_hole(&ram, m->typetab); break;
        case 3: target_hole(&ram, m->exports); break;
        case 4: m->count = UINT32_MAX; break;
        case 5: bytes_put_u32(target_at(&ram, m->symtab + 24), UINT32_MAX, false); break;
        case 6: m->export_count = UINT32_MAX; break;
        case 7: m->export_size = 4; break;
        default: m->symtab = UINT64_MAX - 8; break;
        }
        struct symbol_source *s = load(0, &err);
        if (!s) continue;
        ok(s->ops->find_name(s, "second", &sym) && equal(&sym, 1, 4), "the next module's");
        is_int(s->error.code, want, "the reason");
        has_text(s->error.text, "virtio: ", "which module");
        s->ops->destroy(s);
        target_deinit(&ram);
    }
}

static void test_lists(void) {
    struct kvm_err err;
    struct symbol sym;
    build();
    list_count = 0;
    struct symbol_source *s = load(0, &err);
    ok(s && !s->ops->find_name(s, "second", &sym) && !s->ops->find_addr(s, BASE, &sym),
       "no modules");
    if (s) s->ops->destroy(s);
    list_rc = KVM_FAULT;
    load(KVM_FAULT, &err);
    is_str(err.text, "the list is broken", "a list that can't be read");
    list_count = 1;
    s = load(0, &err);
    ok(s && s->ops->find_name(s, "second", &sym), "a list that breaks off");
    if (s) {
        is_int(s->error.code, KVM_FAULT, "is told");
        // loading again, as when types have come to be known, begins anew
        list_rc = 0;
        list_count = MODULES;
        is_int(s->ops->load(s, &err), 0, "loads again");
        check(s);
        s->ops->destroy(s);
    }
    mods[0].size[0] = UINT64_MAX; // wraps around
    mods[1].count = 0;
    s = load(0, &err);
    ok(s && s->ops->find_addr(s, BASE, &sym) && !s->ops->find_addr(s, BASE + DATA, &sym) &&
           !s->ops->find_addr(s, base_of(1), &sym),
       "a range that wraps, a module without symbols");
    if (s) s->ops->destroy(s);
    target_deinit(&ram);
}

// A last name without end, at the end of memory; and one longer than names are.
static void test_strings(void) {
    struct kvm_err err;
    struct symbol sym;
    build();
    list_count = 1;
    memset(target_at(&ram, mods[0].strtab + 0x400), 'n', 0x600);
    bytes_put_u32(target_at(&ram, mods[0].symtab + 24), 0x400, false);
    struct symbol_source *s = load(0, &err);
    char name[SYMBOL_NAME_MAX];
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    ok(s && s->ops->find_name(s, name, &sym), "a name is cut at its limit");
    if (s) s->ops->destroy(s);
    mods[0].strtab = BASE + ram.size - 0x410;
    memset(target_at(&ram, mods[0].strtab), 'n', 0x410);
    s = load(0, &err);
    ok(s && !s->ops->find_name(s, "second", &sym), "names that run into the end of memory");
    if (s) s->ops->destroy(s);
    target_deinit(&ram);
}

static void test_no_memory(void) {
    struct kvm_err err;
    struct reader virt = target_reader(&ram, false, 8);
    build();
    int wrong = 0, failed = 0;
    for (unsigned long n = 1; n < 40; n++) {
        struct symbol_source *s = NULL;
        mem_fail_from(n);
        int rc = symbol_modules_create(&virt, list, &lists, &s, &err);
        if (rc == 0) rc = s->ops->load(s, &err);
        struct symbol sym;
        if (rc == 0 && !s->ops->find_name(s, "second", &sym)) wrong++;
        mem_fail_from(0);
        if (rc) failed++;
        if (rc && (rc != KVM_NOMEM || err.code != rc)) wrong++;
        if (s) s->ops->destroy(s);
    }
    ok(wrong == 0 && failed > 10 && failed < 39, "out of memory (%d)", failed);
    target_deinit(&ram);
}

int main(void) {
    word = 8;
    test_widths();
    test_one_bad();
    test_lists();
    test_strings();
    test_no_memory();
    return done();
}
