// SPDX-License-Identifier: BSD-2-Clause
// The list of symbol sources: order, loading when needed and once, sources that fail or are broken
// in part, a source that asks the table while it is loaded; the index of names and the rule for
// marks.
#include "base/mem.h"
#include "symbol/index.h"
#include "symbol/symbol.h"
#include "tap.h"

#include <stdlib.h>

struct fake {
    struct symbol_source base;
    struct symbol sym; // its only one
    int loads, fail;   // what load gives
    int *destroyed;
    struct symtab *ask; // asked for "missing" while loading
    int asked;
};

static int fake_load(struct symbol_source *s, struct kvm_err *err) {
    struct fake *f = (struct fake *)(void *)s;
    f->loads++;
    if (f->ask) {
        struct symbol sym;
        f->asked = symtab_name(f->ask, "missing", &sym, NULL);
    }
    return f->fail ? err_at(err, f->fail, 0x77, "its tables are gone") : 0;
}
static bool fake_name(struct symbol_source *s, const char *name, struct symbol *out) {
    *out = ((struct fake *)(void *)s)->sym;
    return strcmp(name, out->name) == 0;
}
static bool fake_addr(struct symbol_source *s, uint64_t addr, struct symbol *out) {
    *out = ((struct fake *)(void *)s)->sym;
    return addr == out->addr;
}
static int fake_each(struct symbol_source *s, symbol_visit *fn, void *ctx) {
    return fn(ctx, &((struct fake *)(void *)s)->sym);
}
static void fake_destroy(struct symbol_source *s) {
    ++*((struct fake *)(void *)s)->destroyed;
    free(s);
}
static const struct symbol_source_ops first_ops = {"first",   fake_load, fake_name,
                                                   fake_addr, fake_each, fake_destroy};
static const struct symbol_source_ops second_ops = {"second",  fake_load, fake_name,
                                                    fake_addr, fake_each, fake_destroy};

static int destroyed;
static struct fake *add(struct symtab *t, const struct symbol_source_ops *ops, const char *name,
                        uint64_t addr, int fail) {
    struct fake *f = calloc(1, sizeof(*f));
    if (!f) abort();
    *f = (struct fake){.base = {.ops = ops}, .fail = fail, .destroyed = &destroyed};
    f->sym = (struct symbol){.name = name, .addr = addr, .kind = 'T'};
    is_int(symtab_add(t, &f->base, NULL), 0, "a source is added");
    return f;
}

static int count(void *ctx, const struct symbol *sym) {
    (void)sym;
    return ++*(int *)ctx == 3 ? 9 : 0;
}

static void test_order(void) {
    struct symtab *t = symtab_create();
    struct symbol sym;
    struct kvm_err err = {0};
    uint64_t value;
    destroyed = 0;
    ok(symtab_empty(t) && symtab_origin(t) == NULL, "no sources");
    is_int(symtab_name(t, "x", &sym, &err), KVM_NOTFOUND, "nothing is found");
    is_str(err.text, "no symbol x", "and why");
    int n = 0;
    is_int(symtab_each(t, count, &n, &err), KVM_NOTFOUND, "nothing to list");
    struct fake *a = add(t, &first_ops, "a", 1, 0), *b = add(t, &second_ops, "b", 2, 0);
    ok(!symtab_empty(t) && a->loads == 0, "nothing is loaded before a question");
    ok(symtab_name(t, "a", &sym, &err) == 0 && sym.addr == 1, "a name of the first");
    ok(a->loads == 1 && b->loads == 0, "the second is not loaded for it");
    is_str(symtab_origin(t), "first, second", "origin");
    is_int(b->loads, 0, "which loads the first only");
    ok(symtab_value(t, "b", &value, &err) == 0 && value == 2, "a name of the second");
    ok(symtab_addr(t, 2, &sym, &err) == 0 && strcmp(sym.name, "b") == 0, "an address");
    is_int(symtab_addr(t, 0xabc, &sym, &err), KVM_NOTFOUND, "no such address");
    is_str(err.text, "no symbol at 0xabc", "its text");
    is_int(symtab_each(t, count, &n, &err), 0, "each");
    is_int(n, 2, "of all sources");
    is_int(symtab_each(t, count, &n, &err), 9, "each stops");
    ok(a->loads == 1 && b->loads == 1, "each is loaded once");
    symtab_destroy(t);
    is_int(destroyed, 2, "sources are destroyed with the table");
    symtab_destroy(NULL);
}

static void test_failures(void) {
    struct symtab *t = symtab_create();
    struct symbol sym;
    struct kvm_err err = {0};
    struct fake *a = add(t, &first_ops, "a", 1, KVM_EXCLUDED);
    struct fake *b = add(t, &second_ops, "b", 2, 0);
    is_int(symtab_name(t, "b", &sym, &err), 0, "a source that fails is passed over");
    is_int(symtab_name(t, "c", &sym, &err), KVM_EXCLUDED, "what the first has can't be known");
    is_str(err.text, "no symbol c (first: its tables are gone)", "why");
    ok(err.has_addr && err.addr == 0x77, "where");
    is_int(a->loads, 1, "it is not tried again");
    is_str(symtab_origin(t), "second", "origin is what can be used");
    b->base.state = SYMBOL_FRESH;
    b->fail = KVM_NOTFOUND;
    int n = 0;
    is_int(symtab_each(t, count, &n, &err), KVM_EXCLUDED, "none can be listed");
    ok(symtab_origin(t) == NULL, "no origin");
    symtab_destroy(t);

    t = symtab_create();
    a = add(t, &first_ops, "a", 1, 0);
    add(t, &second_ops, "b", 2, KVM_FORMAT);
    is_int(symtab_name(t, "c", &sym, &err), KVM_NOTFOUND, "the first has all of the kernel's own");
    is_str(err.text, "no symbol c (second: its tables are gone)", "but the other is told");
    err_set(&a->base.error, KVM_FAULT, "page 7 is gone");
    is_int(symtab_name(t, "c", &sym, &err), KVM_FAULT, "a first source broken in part");
    is_str(err.text, "no symbol c (first: page 7 is gone)", "why");
    symtab_destroy(t);
}

static void test_asking_back(void) {
    struct symtab *t = symtab_create();
    struct symbol sym;
    struct kvm_err err = {0};
    add(t, &first_ops, "a", 1, 0);
    struct fake *b = add(t, &second_ops, "b", 2, 0);
    b->ask = t;
    is_int(symtab_name(t, "b", &sym, &err), 0, "a source may ask the table while it is loaded");
    ok(b->loads == 1 && b->asked == KVM_NOTFOUND, "and is passed over itself");
    for (int i = 0; i < 6; i++)
        add(t, &second_ops, "more", 3, 0);
    struct fake *last = calloc(1, sizeof(*last));
    if (!last) abort();
    *last = (struct fake){.base = {.ops = &second_ops}, .destroyed = &destroyed};
    destroyed = 0;
    is_int(symtab_add(t, &last->base, &err), KVM_INVAL, "a ninth source");
    is_int(destroyed, 1, "is destroyed all the same");
    symtab_destroy(t);
    char name[1000];
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    t = symtab_create();
    is_int(symtab_name(t, name, &sym, &err), KVM_NOTFOUND, "a very long name");
    symtab_destroy(t);
    mem_fail_from(1);
    ok(symtab_create() == NULL, "out of memory");
    mem_fail_from(0);
}

enum { NAMES = 5000 };
static char names[NAMES][16];
static const char *name_of(const void *ctx, uint32_t i) {
    (void)ctx;
    return names[i];
}

static void test_index(void) {
    struct symbol_index x = {0};
    uint32_t at = 0;
    ok(!symbol_index_find(&x, "n0", name_of, NULL, &at), "an index that was not made");
    ok(symbol_index_init(&x, NAMES), "made");
    for (uint32_t i = 0; i < NAMES; i++) {
        // lengths around 8, and the last thousand are the first again
        snprintf(names[i], sizeof(names[i]), i % 2 ? "n%u" : "name_%u", i % 4000);
        symbol_index_add(&x, i, name_of, NULL);
    }
    int wrong = 0;
    for (uint32_t i = 0; i < NAMES; i++) {
        if (!symbol_index_find(&x, names[i], name_of, NULL, &at) || at != i % 4000) wrong++;
    }
    is_int(wrong, 0, "each name, of equal ones the first");
    ok(!symbol_index_find(&x, "", name_of, NULL, &at) &&
           !symbol_index_find(&x, "n", name_of, NULL, &at) &&
           !symbol_index_find(&x, "name_4000", name_of, NULL, &at) &&
           !symbol_index_find(&x, "name_12 ", name_of, NULL, &at),
       "absent names");
    symbol_index_deinit(&x);
    ok(symbol_index_init(&x, 0) && !symbol_index_find(&x, "n1", name_of, NULL, &at), "empty");
    symbol_index_deinit(&x);
}

static void test_marks(void) {
    static const char *const marks[] = {"_text",
                                        "_stext",
                                        "_end",
                                        "__start_rodata",
                                        "__stop___ex_table",
                                        "__end_rodata",
                                        "__irqentry_text_start",
                                        "__bss_stop",
                                        "__init_end",
                                        "__pfx_vprintk",
                                        "__cfi_vprintk"};
    static const char *const others[] = {
        "startup_64", "_textual",       "end",       "my_start",    "__start", "kthread_end", "",
        "_",          "__x64_sys_read", "blk_start", "__startup_64"};
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        ok(symbol_is_mark(marks[i]), "%s is a mark", marks[i]);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        ok(!symbol_is_mark(others[i]), "'%s' is none", others[i]);
}

int main(void) {
    test_order();
    test_failures();
    test_asking_back();
    test_index();
    test_marks();
    return done();
}
