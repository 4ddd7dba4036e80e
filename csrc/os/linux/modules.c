// SPDX-License-Identifier: BSD-2-Clause
// Loaded modules: the list `modules` of struct module. Since 6.4 (ac3b43283923) a module lies in
// seven ranges, mem[]; before, in core_layout and init_layout. /proc/modules passes over those that
// are still being made (MODULE_STATE_UNFORMED), prints the first range's base and the sum of all
// sizes (m_show in kernel/module/procfs.c); so does this. Their symbols: struct mod_kallsyms
// (typetab since 5.2).
#include "os/linux/linux.h"

enum { UNFORMED = 3 };          // MODULE_STATE_UNFORMED
enum { RANGES_MAX = 8 };        // of struct module_symbols
enum { SYMBOLS_MAX = 1 << 22 }; // of one module; the largest have some ten thousand

enum {
    STATE,
    LIST,
    NAME,
    MEM,
    MEM_BASE,
    MEM_SIZE,
    CORE_BASE,
    CORE_SIZE,
    INIT_BASE,
    INIT_SIZE,
    KALLSYMS,
    SYMTAB,
    NUM_SYMTAB,
    STRTAB,
    TYPETAB,
    RANGE_BASE,
    SYMS,
    NUM_SYMS,
    MEMBERS
};
static const struct linux_member members[MEMBERS] = {
    [STATE] = {"struct module", "state", NULL, false},
    [LIST] = {"struct module", "list", NULL, false},
    [NAME] = {"struct module", "name", NULL, false},
    [MEM] = {"struct module", "mem", NULL, true},
    [MEM_BASE] = {"struct module", "mem[0].base", NULL, true},
    [MEM_SIZE] = {"struct module", "mem[0].size", NULL, true},
    [CORE_BASE] = {"struct module", "core_layout.base", NULL, true},
    [CORE_SIZE] = {"struct module", "core_layout.size", NULL, true},
    [INIT_BASE] = {"struct module", "init_layout.base", NULL, true},
    [INIT_SIZE] = {"struct module", "init_layout.size", NULL, true},
    // Without CONFIG_KALLSYMS there are no symbols.
    [KALLSYMS] = {"struct module", "kallsyms", NULL, true},
    [SYMTAB] = {"struct mod_kallsyms", "symtab", NULL, true},
    [NUM_SYMTAB] = {"struct mod_kallsyms", "num_symtab", NULL, true},
    [STRTAB] = {"struct mod_kallsyms", "strtab", NULL, true},
    [TYPETAB] = {"struct mod_kallsyms", "typetab", NULL, true},
    [RANGE_BASE] = {"struct module", "mem[1].base", NULL, true},
    // What it exports with EXPORT_SYMBOL: /proc/kallsyms writes these in upper case.
    [SYMS] = {"struct module", "syms", NULL, true},
    [NUM_SYMS] = {"struct module", "num_syms", NULL, true},
};

struct walk {
    struct os *os;
    struct linux_at at[MEMBERS];
    uint32_t export_size; // of struct kernel_symbol; 0: unknown
    os_module_visit *fn;
    void *ctx;
    struct kvm_err *err;
};

static int get(const struct walk *w, uint64_t base, int m, uint64_t *out) {
    *out = 0;
    return w->at[m].size ? linux_member_read(&w->os->virt, base, w->at[m], out, w->err) : 0;
}

static int range(const struct walk *w, uint64_t at, int base, int size, struct os_module *m,
                 size_t *n) {
    uint64_t start, bytes;
    int rc = get(w, at, base, &start);
    if (rc == 0) rc = get(w, at, size, &bytes);
    if (rc || start == 0 || bytes == 0) return rc;
    if (bytes > UINT32_MAX || start + bytes < start)
        return err_at(w->err, KVM_FORMAT, at, "a module's range of %llu bytes",
                      (unsigned long long)bytes);
    if (*n < RANGES_MAX) {
        m->symbols.base[*n] = start;
        m->symbols.size[(*n)++] = bytes;
    }
    if (m->base == 0) m->base = start;
    m->size += bytes;
    return 0;
}

static int ranges(const struct walk *w, struct os_module *m) {
    size_t n = 0;
    if (w->at[CORE_BASE].size) {
        int rc = range(w, m->addr, CORE_BASE, CORE_SIZE, m, &n);
        return rc ? rc : range(w, m->addr, INIT_BASE, INIT_SIZE, m, &n);
    }
    uint32_t stride = w->at[RANGE_BASE].offset - w->at[MEM_BASE].offset;
    uint32_t count = stride ? w->at[MEM].size / stride : 0;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < count && i < RANGES_MAX; i++)
        rc = range(w, m->addr + (uint64_t)i * stride, MEM_BASE, MEM_SIZE, m, &n);
    return rc;
}

static int symbols(const struct walk *w, struct os_module *m) {
    struct module_symbols *s = &m->symbols;
    uint64_t kallsyms, count;
    int rc = get(w, m->addr, KALLSYMS, &kallsyms);
    if (rc || kallsyms == 0) return rc;
    rc = get(w, kallsyms, SYMTAB, &s->symtab);
    if (rc == 0) rc = get(w, kallsyms, STRTAB, &s->strtab);
    if (rc == 0) rc = get(w, kallsyms, TYPETAB, &s->typetab);
    if (rc == 0) rc = get(w, kallsyms, NUM_SYMTAB, &count);
    if (rc) return rc;
    if (count > SYMBOLS_MAX)
        return err_at(w->err, KVM_FORMAT, kallsyms, "%llu symbols in a module",
                      (unsigned long long)count);
    s->count = (uint32_t)count;
    return 0;
}

static int exports(const struct walk *w, struct os_module *m) {
    struct module_symbols *s = &m->symbols;
    uint64_t count;
    if (!w->export_size) return 0;
    int rc = get(w, m->addr, SYMS, &s->exports);
    if (rc == 0) rc = get(w, m->addr, NUM_SYMS, &count);
    if (rc) return rc;
    if (count > SYMBOLS_MAX)
        return err_at(w->err, KVM_FORMAT, m->addr, "a module exports %llu symbols",
                      (unsigned long long)count);
    s->export_count = (uint32_t)count;
    s->export_size = w->export_size;
    return 0;
}

static int visit(void *ctx, uint64_t node) {
    struct walk *w = ctx;
    struct os_module m = {.addr = node - w->at[LIST].offset};
    uint64_t state;
    int rc = get(w, m.addr, STATE, &state);
    if (rc == 0 && state == UNFORMED) return 0;
    if (rc == 0)
        rc = linux_member_string(&w->os->virt, m.addr, w->at[NAME], m.name, sizeof(m.name), w->err);
    m.symbols.name = m.name;
    if (rc == 0) rc = ranges(w, &m);
    if (rc == 0) rc = symbols(w, &m);
    if (rc == 0) rc = exports(w, &m);
    if (rc) return err_prepend(w->err, rc, "module at 0x%llx", (unsigned long long)m.addr);
    return w->fn(w->ctx, &m);
}

static uint32_t size_of(struct type_db *types, const char *name) {
    type_id id;
    struct type_info info;
    if (type_find(types, name, &id, NULL) || type_info(types, id, &info, NULL)) return 0;
    return info.size <= UINT32_MAX ? (uint32_t)info.size : 0;
}

int linux_each_module(struct os *os, os_module_visit *fn, void *ctx, struct kvm_err *err) {
    struct linux_os *l = linux_priv(os);
    struct walk w = {.os = os, .fn = fn, .ctx = ctx, .err = err};
    uint64_t head;
    if (l->loading_types) {
        l->modules_refused = true;
        return err_set(err, KVM_NOTFOUND, "modules can't be listed while there are no types");
    }
    int rc = symtab_value(os->symbols, "modules", &head, err);
    if (rc == 0) rc = linux_members_find(os->types, members, MEMBERS, w.at, err);
    if (rc == 0 && !w.at[CORE_BASE].size && !w.at[MEM_BASE].size)
        rc = err_set(err, KVM_NOTFOUND, "struct module has neither mem nor core_layout");
    if (rc) return err_prepend(err, rc, "modules");
    w.export_size = size_of(os->types, "struct kernel_symbol");
    return linux_list_each(&os->virt, head, "modules", visit, &w, err);
}
