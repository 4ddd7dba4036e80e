// SPDX-License-Identifier: BSD-2-Clause
// kallsyms in memory: every layout and meaning of offsets, told and found by shape; missing pages;
// damage at each field.
#include "kallsyms_build.h"
#include "tap.h"

enum { COUNT = 3000, ABSOLUTE = 5, LONG = 300, FIRST_TWIN = 310, SECOND_TWIN = 420 };
static struct ksym symbols[COUNT];

static void put(int i, uint64_t addr, char kind, const char *name) {
    symbols[i].addr = addr;
    symbols[i].kind = kind;
    snprintf(symbols[i].name, sizeof(symbols[i].name), "%s", name);
}

// With ABSOLUTE per-CPU offsets in front, or without.
static void make_symbols(bool absolute) {
    char name[32];
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof(name), "sym_%dthing", i);
        put(i, KSYM_BASE + (uint64_t)(i + 1) * 0x100, i % 3 ? 't' : 'T', name);
    }
    for (int i = 0; absolute && i < ABSOLUTE; i++) {
        snprintf(name, sizeof(name), "percpu_%d", i);
        put(i, (uint64_t)i * 0x1000, 'A', name);
    }
    put(5, KSYM_BASE, 'T', "_stext");
    put(6, KSYM_BASE, 'T', "_text");
    put(7, KSYM_BASE, 'T', "startup_64");
    if (!absolute) {
        for (int i = 0; i < 5; i++)
            put(i, KSYM_BASE, 't',
                (const char *[]){"__a_start", "__start_b", "__pfx_c", "__stop_d", "__end_e"}[i]);
    }
    memset(symbols[LONG].name, 'x', 300);
    symbols[LONG].name[300] = '\0';
    put(LONG + 1, symbols[LONG + 1].addr, 'd', "a_token_of_more_than_sixteen.characters");
    put(FIRST_TWIN, symbols[FIRST_TWIN].addr, 't', "twin");
    put(SECOND_TWIN, symbols[SECOND_TWIN].addr, 't', "twin");
    put(500, symbols[499].addr, 'r', "alias_of_sym_499");
}

static struct symbol_source *make(struct ksym_image *k, bool told, int want, struct kvm_err *err) {
    struct reader virt = target_reader(&k->memory, k->big, 8);
    struct kallsyms_hints hints = k->hints;
    struct symbol_source *s = NULL;
    if (!told) {
        hints.names = hints.num_syms = hints.token_table = hints.token_index = 0;
        hints.offsets = hints.relative_base = 0;
    }
    *err = (struct kvm_err){0};
    if (symbol_kallsyms_create(&virt, &hints, &s, err)) return NULL;
    int rc = s->ops->load(s, err);
    if (rc != want) printf("# %s\n", err->text);
    if (want == 0 && rc == 0) return s;
    if (!ok(rc == want, "load gives %s", err_code_name(want))) printf("#  %d\n", rc);
    s->ops->destroy(s);
    return NULL;
}

static uint64_t size_of(int i) {
    int next = i + 1;
    while (next < COUNT && symbols[next].addr == symbols[i].addr)
        next++;
    bool same = next < COUNT && (symbols[i].addr < KSYM_BASE) == (symbols[next].addr < KSYM_BASE);
    return same ? symbols[next].addr - symbols[i].addr : 0;
}

static bool equal(const struct symbol *got, int i) {
    return strcmp(got->name, symbols[i].name) == 0 && got->addr == symbols[i].addr &&
           got->kind == symbols[i].kind && got->size == size_of(i) && !got->module;
}

struct seen {
    int n, wrong, stop_at;
};
static int visit(void *ctx, const struct symbol *sym) {
    struct seen *seen = ctx;
    if (!equal(sym, seen->n)) seen->wrong++;
    return ++seen->n == seen->stop_at ? 42 : 0;
}

// Every name, in an order that goes back and forth.
static int wrong_names(struct symbol_source *s, int from, int to) {
    int wrong = 0;
    for (int k = from; k < to; k++) {
        int i = from + (k - from) * 37 % (to - from), want = i == SECOND_TWIN ? FIRST_TWIN : i;
        struct symbol sym;
        if (!s->ops->find_name(s, symbols[i].name, &sym) || !equal(&sym, want)) {
            if (wrong++ == 0) printf("#  %s\n", symbols[i].name);
        }
    }
    return wrong;
}

static int wrong_addresses(struct symbol_source *s) {
    int wrong = 0;
    for (int i = 8; i < COUNT - 1; i++) {
        struct symbol sym;
        int want = i == 500 ? 499 : i;
        for (int d = 0; d < 2; d++) {
            if (!s->ops->find_addr(s, symbols[i].addr + (uint64_t)d * 0x7f, &sym) ||
                !equal(&sym, want))
                wrong++;
        }
    }
    return wrong;
}

static void check_all(struct symbol_source *s, const char *what) {
    struct symbol sym;
    is_int(wrong_names(s, 0, 9), 0, "the first names, by comparing packed ones");
    ok(!s->ops->find_name(s, "sym_", &sym) && !s->ops->find_name(s, "", &sym) &&
           !s->ops->find_name(s, "sym_8thingx", &sym) && !s->ops->find_name(s, "ym_8thing", &sym),
       "parts of names are not found");
    is_int(wrong_names(s, 0, COUNT), 0, what);
    is_int(wrong_addresses(s), 0, "every address");
    struct seen seen = {0, 0, -1};
    is_int(s->ops->each(s, visit, &seen), 0, "each");
    ok(seen.n == COUNT && seen.wrong == 0, "each symbol in order (%d, %d wrong)", seen.n,
       seen.wrong);
    seen = (struct seen){0, 0, 3};
    is_int(s->ops->each(s, visit, &seen), 42, "each stops");
    ok(!s->ops->find_name(s, "no_such", &sym), "an absent name, hashed");
    char longer[2 * SYMBOL_NAME_MAX];
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    ok(!s->ops->find_name(s, longer, &sym), "a name longer than any");
}

static void test_layout(enum ksym_layout layout, enum kallsyms_form form, bool big, bool told) {
    struct ksym_image k;
    struct kvm_err err;
    char what[64];
    snprintf(what, sizeof(what), "layout %d, form %d, %s, %s", layout, form, big ? "big" : "little",
             told ? "told" : "by shape");
    make_symbols(form == KALLSYMS_PERCPU);
    for (int text = 0; text < 2; text++) {
        ksym_build(&k, layout, form, big, symbols, COUNT);
        if (!text) k.hints.text_start = 0;
        struct symbol_source *s = make(&k, told, 0, &err);
        if (ok(s != NULL, "%s loads", what)) {
            check_all(s, what);
            s->ops->destroy(s);
        }
        target_deinit(&k.memory);
    }
}

// So few symbols that a table of every length modulo the alignment occurs.
static void test_small(void) {
    make_symbols(true);
    int wrong = 0;
    for (uint32_t count = 520; count < 545; count++) {
        for (int layout = KSYM_5_10; layout < KSYM_7_2; layout++) {
            struct ksym_image k;
            struct kvm_err err = {0};
            struct symbol sym;
            ksym_build(&k, (enum ksym_layout)layout, KALLSYMS_PERCPU, false, symbols, count);
            struct symbol_source *s = make(&k, false, 0, &err);
            if (!s || !s->ops->find_name(s, symbols[count - 1].name, &sym) ||
                sym.addr != symbols[count - 1].addr)
                wrong++;
            if (s) s->ops->destroy(s);
            target_deinit(&k.memory);
        }
    }
    is_int(wrong, 0, "25 sizes of a small table by shape");
}

static void test_layouts(void) {
    for (int told = 0; told < 2; told++) {
        for (int layout = KSYM_5_10; layout <= KSYM_6_4; layout++) {
            test_layout(layout, KALLSYMS_PERCPU, false, told);
            test_layout(layout, KALLSYMS_PLAIN, layout == KSYM_6_4, told);
        }
        test_layout(KSYM_7_2, KALLSYMS_PLACE, false, told);
        test_layout(KSYM_7_2, KALLSYMS_PLACE, true, told);
    }
}

static void test_addresses(void) {
    struct ksym_image k;
    struct kvm_err err;
    struct symbol sym;
    make_symbols(true);
    ksym_build(&k, KSYM_5_10, KALLSYMS_PERCPU, false, symbols, COUNT);
    struct symbol_source *s = make(&k, true, 0, &err);
    for (int round = 0; s && round < 2; round++) { // read one by one, then from the tables
        ok(s->ops->find_addr(s, KSYM_BASE + 5, &sym) && strcmp(sym.name, "startup_64") == 0,
           "a function before the marks of its address");
        ok(!s->ops->find_addr(s, 0x1000, &sym), "per-CPU offsets are no addresses");
        ok(!s->ops->find_addr(s, KSYM_BASE - 1, &sym), "below the first");
        ok(s->ops->find_addr(s, symbols[COUNT - 1].addr, &sym) && equal(&sym, COUNT - 1),
           "the last");
        ok(!s->ops->find_addr(s, symbols[COUNT - 1].addr + 1, &sym), "behind the last");
        ok(!s->ops->find_addr(s, UINT64_MAX, &sym), "the last address of all");
        wrong_addresses(s);
    }
    if (s) s->ops->destroy(s);
    target_deinit(&k.memory);
    // without one that is not a mark, the first
    make_symbols(true);
    put(7, KSYM_BASE, 'T', "__pfx_x");
    ksym_build(&k, KSYM_5_10, KALLSYMS_PERCPU, false, symbols, COUNT);
    s = make(&k, true, 0, &err);
    ok(s && s->ops->find_addr(s, KSYM_BASE, &sym) && strcmp(sym.name, "_stext") == 0,
       "marks only: the first");
    if (s) s->ops->destroy(s);
    target_deinit(&k.memory);
}

static void test_little_is_read(void) {
    struct ksym_image k;
    struct kvm_err err;
    struct symbol sym;
    make_symbols(true);
    ksym_build(&k, KSYM_6_4, KALLSYMS_PERCPU, false, symbols, COUNT);
    struct symbol_source *s = make(&k, true, 0, &err);
    if (!s) return;
    s->ops->find_name(s, "startup_64", &sym);
    ok(k.memory.reads < 40, "one question does not read the tables (%lu reads)", k.memory.reads);
    const char *before = sym.name;
    wrong_names(s, 0, COUNT);
    is_str(before, "startup_64", "a name stays where it was told");
    s->ops->destroy(s);
    target_deinit(&k.memory);
}

// A page of the names, or of the offsets, that the dump lacks.
static void test_missing(void) {
    struct ksym_image k;
    struct kvm_err err;
    struct symbol sym;
    make_symbols(true);
    ksym_build(&k, KSYM_6_4, KALLSYMS_PERCPU, false, symbols, COUNT);
    target_hole(&k.memory, k.hints.names + 2 * TARGET_PAGE);
    struct symbol_source *s = make(&k, true, 0, &err);
    if (ok(s != NULL, "loads without a page of names")) {
        is_int(wrong_names(s, 0, 200), 0, "names in front of the hole");
        ok(!s->ops->find_name(s, symbols[COUNT - 1].name, &sym), "none behind it");
        is_int(s->error.code, KVM_EXCLUDED, "why");
        is_int((int64_t)s->error.addr, (int64_t)k.memory.hole[0], "where");
        has_text(s->error.text, "of 3000", "which name");
        struct seen seen = {0, 0, -1};
        s->ops->each(s, visit, &seen);
        ok(seen.n > 200 && seen.n < COUNT && seen.wrong == 0, "each gives %d", seen.n);
        ok(!s->ops->find_addr(s, symbols[COUNT - 1].addr, &sym),
           "an address behind it has no name");
        s->ops->destroy(s);
    }
    k.memory.hole[0] = (k.hints.offsets + 4 * 1500) & ~(uint64_t)(TARGET_PAGE - 1);
    s = make(&k, true, 0, &err);
    if (ok(s != NULL, "loads without a page of offsets")) {
        wrong_names(s, 0, COUNT);
        int there = 0;
        for (int i = 0; i < COUNT; i++)
            there += s->ops->find_name(s, symbols[i].name, &sym);
        ok(there > 0 && there < COUNT, "%d symbols have an address", there);
        is_int(s->error.code, KVM_EXCLUDED, "why");
        s->ops->destroy(s);
    }
    target_deinit(&k.memory);
}

static void damaged(uint64_t hint, uint32_t value, size_t size, int want, const char *part) {
    struct ksym_image k;
    struct kvm_err err;
    ksym_build(&k, KSYM_6_4, KALLSYMS_PERCPU, false, symbols, COUNT);
    memcpy(target_at(&k.memory, hint), &value, size);
    struct symbol_source *s = make(&k, true, want, &err);
    if (s) s->ops->destroy(s);
    if (want) has_text(err.text, part, part);
    target_deinit(&k.memory);
}

static void test_damage(void) {
    struct ksym_image k;
    struct kvm_err err;
    make_symbols(true);
    ksym_build(&k, KSYM_6_4, KALLSYMS_PERCPU, false, symbols, COUNT);
    struct kallsyms_hints h = k.hints;
    target_deinit(&k.memory);
    damaged(h.num_syms, 0, 4, KVM_FORMAT, "0 symbols");
    damaged(h.num_syms, UINT32_MAX, 4, KVM_FORMAT, "4294967295 symbols");
    damaged(h.num_syms, 1 << 22, 4, KVM_FORMAT, "4194304 symbols");
    damaged(h.token_index, 1, 2, KVM_FORMAT, "token 0 is damaged");
    damaged(h.token_index + 2 * 77, 0xffff, 2, KVM_FORMAT, "token 77 is damaged");
    damaged(h.token_index + 2 * 255, 0xffff, 2, KVM_FORMAT, "a token table of 65535 bytes");
    damaged(h.token_table + 1, 0x0a, 1, KVM_FORMAT, "is damaged");
    damaged(h.names, 0, 1, KVM_FORMAT, "name 0 of 3000: is empty");
    damaged(h.offsets + 4 * 5, 0xfffffff0, 4, KVM_FORMAT, "_stext comes out at");
    damaged(h.relative_base, 7, 4, KVM_FORMAT, "_stext comes out at");
    // without _stext from VMCOREINFO the whole table is looked at
    ksym_build(&k, KSYM_6_4, KALLSYMS_PERCPU, false, symbols, COUNT);
    k.hints.text_start = 0;
    bytes_put_u32(target_at(&k.memory, h.offsets + 4 * 300), 0x80000000, false);
    make(&k, true, KVM_FORMAT, &err);
    has_text(err.text, "do not ascend", "addresses that do not ascend");
    target_deinit(&k.memory);
    // a table that says little-endian in a big-endian target
    ksym_build(&k, KSYM_6_4, KALLSYMS_PERCPU, false, symbols, COUNT);
    k.big = true;
    make(&k, true, KVM_FORMAT, &err);
    make(&k, false, KVM_NOTFOUND, &err);
    target_deinit(&k.memory);
}

// A name that unpacks to nothing, or to more than a name can be: the ones in front stay.
static void test_damaged_names(void) {
    struct ksym_image k;
    struct kvm_err err;
    struct symbol sym;
    make_symbols(true);
    for (int large = 0; large < 2; large++) {
        ksym_build(&k, KSYM_6_4, KALLSYMS_PERCPU, false, symbols, COUNT);
        uint8_t *p = target_at(&k.memory, k.hints.names);
        for (int i = 0; i < LONG; i++)
            p += 1 + *p;
        // 300 characters, in two bytes of length
        memset(p + 2, large ? 0xfe : 0x02, 300);
        struct symbol_source *s = make(&k, true, 0, &err);
        if (!ok(s != NULL, "loads with a damaged name")) continue;
        is_int(wrong_names(s, 0, LONG), 0, "names in front of it");
        ok(!s->ops->find_name(s, symbols[LONG + 1].name, &sym), "none behind it");
        is_int(s->error.code, KVM_FORMAT, "why");
        has_text(s->error.text, "name 300 of 3000: is damaged", "which");
        s->ops->destroy(s);
        target_deinit(&k.memory);
    }
}

// Memory that ends at each table, and a byte behind its start: no crash, one clear reason.
static void test_cut(void) {
    struct ksym_image k;
    struct kvm_err err;
    make_symbols(true);
    for (int layout = 0; layout < KSYM_LAYOUTS; layout++) {
        enum kallsyms_form form = layout == KSYM_7_2 ? KALLSYMS_PLACE : KALLSYMS_PERCPU;
        make_symbols(form == KALLSYMS_PERCPU);
        ksym_build(&k, (enum ksym_layout)layout, form, false, symbols, COUNT);
        uint64_t at[] = {k.hints.names,       k.hints.num_syms, k.hints.token_table,
                         k.hints.token_index, k.hints.offsets,  k.hints.relative_base};
        int wrong = 0;
        for (size_t i = 0; i < 2 * sizeof(at) / sizeof(at[0]); i++) {
            if (!at[i / 2]) continue;
            k.memory.size = (size_t)(at[i / 2] + i % 2 - KSYM_BASE);
            for (int told = 0; told < 2; told++) {
                struct reader virt = target_reader(&k.memory, false, 8);
                struct kallsyms_hints h = k.hints;
                if (!told) h.names = 0;
                struct symbol_source *s;
                symbol_kallsyms_create(&virt, &h, &s, &err);
                err_clear(&err);
                int rc = s->ops->load(s, &err);
                if (rc >= 0 || err.code != rc || !err.text[0]) wrong++;
                s->ops->destroy(s);
            }
        }
        is_int(wrong, 0, "cut at each table");
        target_deinit(&k.memory);
    }
}

static void test_scan(void) {
    struct ksym_image k;
    struct kvm_err err;
    make_symbols(true);
    ksym_build(&k, KSYM_5_10, KALLSYMS_PERCPU, false, symbols, COUNT);
    // digits above the true table, in a row but without a token table around them
    memcpy(target_at(&k.memory, KSYM_BASE + 0xf0ff8),
           "0\0001\0002\0003\0004\0005\0006\0007\0008\0009", 20);
    target_hole(&k.memory, KSYM_BASE + 0xc0000);
    struct symbol_source *s = make(&k, false, 0, &err);
    ok(s != NULL, "found behind false digits and a missing page");
    if (s) s->ops->destroy(s);
    k.hints.scan_end = k.hints.token_table;
    make(&k, false, KVM_NOTFOUND, &err);
    has_text(err.text, "no kallsyms token table", "nothing to find");
    k.hints.scan_end = k.hints.scan_start = 0;
    make(&k, false, KVM_NOTFOUND, &err);
    k.hints.scan_end = KSYM_BASE + k.memory.size;
    k.hints.scan_start = KSYM_BASE;
    memset(target_at(&k.memory, k.marker), 0xff, 4);
    make(&k, false, KVM_FORMAT, &err);
    has_text(err.text, "no names in front", "damaged markers");
    target_deinit(&k.memory);
    ksym_build(&k, KSYM_5_10, KALLSYMS_PERCPU, false, symbols, COUNT);
    memset(target_at(&k.memory, k.hints.relative_base), 0, 8);
    make(&k, false, KVM_FORMAT, &err);
    has_text(err.text, "no offsets beside them", "damaged base");
    target_deinit(&k.memory);
}

// Every allocation fails once: out of memory, or an answer that is right.
static void test_no_memory(void) {
    struct ksym_image k;
    struct kvm_err err;
    struct symbol sym;
    make_symbols(true);
    ksym_build(&k, KSYM_5_10, KALLSYMS_PERCPU, false, symbols, COUNT);
    struct reader virt = target_reader(&k.memory, false, 8);
    int wrong = 0, failed = 0;
    for (unsigned long n = 1; n < 24; n++) {
        struct symbol_source *s = NULL;
        mem_fail_from(n);
        int rc = symbol_kallsyms_create(&virt, &k.hints, &s, &err);
        if (rc == 0) rc = s->ops->load(s, &err);
        if (rc) failed++;
        if (rc && rc != KVM_NOMEM) wrong++;
        for (int i = 0; rc == 0 && i < COUNT; i++) {
            if (s->ops->find_name(s, symbols[i].name, &sym) &&
                strcmp(sym.name, symbols[i].name) != 0)
                wrong++;
            if (s->ops->find_addr(s, symbols[i].addr, &sym) && sym.addr != symbols[i].addr) wrong++;
        }
        mem_fail_from(0);
        if (s) s->ops->destroy(s);
    }
    is_int(wrong, 0, "out of memory");
    ok(failed >= 3 && failed < 24, "%d allocations are needed to load", failed);
    target_deinit(&k.memory);
}

int main(void) {
    test_layouts();
    test_small();
    test_addresses();
    test_little_is_read();
    test_missing();
    test_damage();
    test_damaged_names();
    test_cut();
    test_scan();
    test_no_memory();
    return done();
}
