// SPDX-License-Identifier: BSD-2-Clause
// Symbols of loaded modules: the ELF symbol tables that the kernel keeps for them (struct
// mod_kallsyms, kernel/module/kallsyms.c of 6.12; kernel/module.c of 5.10 does the same). After a
// module is initialised its table holds only what is defined in sections that stay. As in
// /proc/kallsyms, a letter is lower case unless the module exports the symbol (is_exported(); what
// EXPORT_SYMBOL_GPL exports counts only where both are in one table). Left out are unnamed and
// undefined symbols, which the table of a livepatch module has too. A module whose tables can't be
// read has no symbols; why, stands in the source's error.
#include "symbol/index.h"
#include "symbol/symbol.h"

#include "base/mem.h"

#include <stdlib.h>

enum {
    MOST_SYMBOLS = 1 << 20,  // of one module; the largest have some ten thousand
    MOST_STRINGS = 64 << 20, // bytes, of all
    MOST_EXPORTS = 1 << 16,  // of one module
    SYM64 = 24,              // sizeof(Elf64_Sym)
    SYM32 = 16,              // sizeof(Elf32_Sym)
    MOST_ALIASES = 64,       // exports of one value that are looked at
    PREL32_MOST = 12,        // struct kernel_symbol as 32-bit references, three at most
};

struct range {
    uint64_t start, end;
};

struct entry {
    uint64_t addr, size;
    uint32_t name;   // in text
    uint32_t module; // its name, in text
    char kind;
};

struct modules {
    struct symbol_source base;
    struct reader virt;
    module_list *list;
    void *ctx;
    struct entry *entries; // in the order of the modules and their tables
    size_t count, cap;
    uint32_t *by_addr; // numbers of entries
    struct range *ranges;
    size_t range_count, range_cap;
    char *text;
    size_t used, text_cap;
    struct symbol_index index; // made when a name is asked for
};

static struct modules *of(struct symbol_source *s) {
    return (struct modules *)(void *)s;
}

static int keep(struct modules *m, const char *s, uint32_t *out, struct kvm_err *err) {
    size_t len = strnlen(s, SYMBOL_NAME_MAX - 1);
    if (m->used + len + 1 > MOST_STRINGS)
        return err_set(err, KVM_FORMAT, "names of over %d bytes", MOST_STRINGS);
    if (!mem_grow(&m->text, &m->text_cap, m->used + len + 1, 1))
        return err_nomem(err, "module symbols");
    memcpy(m->text + m->used, s, len);
    m->text[m->used + len] = '\0';
    *out = (uint32_t)m->used;
    m->used += len + 1;
    return 0;
}

// --- the tables of one module

struct elf_sym {
    uint32_t name;
    uint8_t info;
    uint16_t section;
    uint64_t value;
};

struct export {
    uint64_t value, name; // addresses
};

struct tables {
    const struct module_symbols *in;
    uint32_t module; // its name, in text
    size_t sym_size;
    uint8_t *syms;
    char *types;   // NULL: letters are in the symbols
    char *strings; // terminated
    size_t strings_len;
    struct export *exports; // by value
    uint32_t export_count;
};

static struct elf_sym sym_at(const struct modules *m, const struct tables *t, uint32_t i) {
    const uint8_t *p = t->syms + i * t->sym_size;
    bool big = m->virt.big;
    if (t->sym_size == SYM64)
        return (struct elf_sym){bytes_u32(p, big), p[4], bytes_u16(p + 6, big),
                                bytes_u64(p + 8, big)};
    return (struct elf_sym){bytes_u32(p, big), p[12], bytes_u16(p + 14, big),
                            bytes_u32(p + 4, big)};
}

// The string table as far as the names reach: all but the last name in one read, the last by
// itself.
static int read_strings(struct modules *m, struct tables *t, struct kvm_err *err) {
    size_t top = 0;
    for (uint32_t i = 0; i < t->in->count; i++) {
        uint32_t name = sym_at(m, t, i).name;
        if (name > top) top = name;
    }
    if (top > MOST_STRINGS) return err_set(err, KVM_FORMAT, "a name at offset %zu", top);
    t->strings_len = top + SYMBOL_NAME_MAX;
    t->strings = mem_array(t->strings_len, 1);
    if (!t->strings) return err_nomem(err, "module symbols");
    int rc = top ? reader_read(&m->virt, t->in->strtab, t->strings, top, err) : 0;
    if (rc) return rc;
    return reader_string(&m->virt, t->in->strtab + top, t->strings + top, SYMBOL_NAME_MAX, err);
}

static int compare_exports(const void *a, const void *b) {
    const struct export *x = a, *y = b;
    return x->value < y->value ? -1 : x->value > y->value;
}

// struct kernel_symbol: value and name, as addresses or as 32-bit distances from where they stand
// (CONFIG_HAVE_ARCH_PREL32_RELOCATIONS, x86-64 since 4.19).
static int read_exports(struct modules *m, struct tables *t, struct kvm_err *err) {
    const struct module_symbols *in = t->in;
    size_t size = in->export_size, word = m->virt.word_size;
    bool big = m->virt.big, prel = size <= PREL32_MOST && word == 8;
    if (in->exports == 0 || in->export_count == 0 || size == 0) return 0;
    if (in->export_count > MOST_EXPORTS || size > 64 || size < (prel ? 8 : 2 * word))
        return err_at(err, KVM_FORMAT, in->exports, "%u exports of %zu bytes", in->export_count,
                      size);
    uint8_t *raw = mem_alloc(in->export_count * size);
    t->exports = mem_array(in->export_count, sizeof(*t->exports));
    int rc = raw && t->exports ? 0 : err_nomem(err, "module exports");
    if (rc == 0) rc = reader_read(&m->virt, in->exports, raw, in->export_count * size, err);
    for (uint32_t i = 0; rc == 0 && i < in->export_count; i++) {
        const uint8_t *p = raw + i * size;
        uint64_t at = in->exports + i * size;
        struct export *e = &t->exports[t->export_count++];
        if (prel) {
            e->value = at + (uint64_t)(int64_t)(int32_t)bytes_u32(p, big);
            e->name = at + 4 + (uint64_t)(int64_t)(int32_t)bytes_u32(p + 4, big);
        } else {
            e->value = word == 8 ? bytes_u64(p, big) : bytes_u32(p, big);
            e->name = word == 8 ? bytes_u64(p + 8, big) : bytes_u32(p + 4, big);
        }
    }
    if (rc == 0) qsort(t->exports, t->export_count, sizeof(*t->exports), compare_exports);
    mem_free(raw);
    return rc;
}

static bool exported(const struct modules *m, const struct tables *t, uint64_t value,
                     const char *name) {
    uint32_t lo = 0, hi = t->export_count;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (t->exports[mid].value < value)
            lo = mid + 1;
        else
            hi = mid;
    }
    uint32_t end = t->export_count - lo < MOST_ALIASES ? t->export_count : lo + MOST_ALIASES;
    for (; lo < end && t->exports[lo].value == value; lo++) {
        char text[SYMBOL_NAME_MAX];
        if (reader_string(&m->virt, t->exports[lo].name, text, sizeof(text), NULL) == 0 &&
            strcmp(text, name) == 0)
            return true;
    }
    return false;
}

static char letter(char type, bool upper) {
    if (type >= 'A' && type <= 'Z') type = (char)(type - 'A' + 'a');
    if (type <= ' ' || type >= 0x7f) return '?';
    return upper && type >= 'a' && type <= 'z' ? (char)(type - 'a' + 'A') : type;
}

static int add_symbols(struct modules *m, const struct tables *t, struct kvm_err *err) {
    for (uint32_t i = 0; i < t->in->count; i++) {
        struct elf_sym sym = sym_at(m, t, i);
        const char *name = t->strings + sym.name; // below strings_len - SYMBOL_NAME_MAX
        if (sym.section == 0 || !name[0]) continue;
        if (m->count == SYMBOL_INDEX_MOST)
            return err_set(err, KVM_FORMAT, "more than %d module symbols", SYMBOL_INDEX_MOST);
        if (!mem_grow(&m->entries, &m->cap, m->count + 1, sizeof(*m->entries)))
            return err_nomem(err, "module symbols");
        struct entry *e = &m->entries[m->count];
        *e = (struct entry){.addr = sym.value, .module = t->module};
        int rc = keep(m, name, &e->name, err);
        if (rc) return rc;
        e->kind = letter(t->types ? t->types[i] : (char)sym.info,
                         exported(m, t, sym.value, m->text + e->name));
        m->count++;
    }
    return 0;
}

static int read_tables(struct modules *m, struct tables *t, struct kvm_err *err) {
    const struct module_symbols *in = t->in;
    if (in->count > MOST_SYMBOLS) return err_set(err, KVM_FORMAT, "%u symbols", in->count);
    t->sym_size = m->virt.word_size == 8 ? SYM64 : SYM32;
    t->syms = mem_alloc(in->count * t->sym_size);
    if (in->typetab) t->types = mem_alloc(in->count);
    if (!t->syms || (in->typetab && !t->types)) return err_nomem(err, "module symbols");
    int rc = reader_read(&m->virt, in->symtab, t->syms, in->count * t->sym_size, err);
    if (rc == 0 && t->types) rc = reader_read(&m->virt, in->typetab, t->types, in->count, err);
    if (rc == 0) rc = read_strings(m, t, err);
    if (rc == 0) rc = read_exports(m, t, err);
    return rc;
}

static int add_ranges(struct modules *m, const struct module_symbols *in, struct kvm_err *err) {
    for (size_t i = 0; i < sizeof(in->size) / sizeof(in->size[0]) && in->size[i]; i++) {
        if (in->base[i] + in->size[i] < in->base[i]) continue;
        if (!mem_grow(&m->ranges, &m->range_cap, m->range_count + 1, sizeof(*m->ranges)))
            return err_nomem(err, "module ranges");
        m->ranges[m->range_count++] = (struct range){in->base[i], in->base[i] + in->size[i]};
    }
    return 0;
}

// Fails only when out of memory: what is wrong with one module does not hide the others.
static int add_module(void *to, const struct module_symbols *in) {
    struct modules *m = to;
    struct kvm_err err = {0};
    struct tables t = {.in = in};
    size_t before = m->count;
    int rc = keep(m, in->name, &t.module, &err);
    if (rc == 0) rc = add_ranges(m, in, &err);
    if (rc == 0 && in->count) rc = read_tables(m, &t, &err);
    if (rc == 0 && in->count) rc = add_symbols(m, &t, &err);
    mem_free(t.syms);
    mem_free(t.types);
    mem_free(t.strings);
    mem_free(t.exports);
    if (rc == 0) return 0;
    m->count = before;
    if (m->base.error.code == 0) {
        m->base.error = err;
        err_prepend(&m->base.error, rc, "%s", in->name);
    }
    return rc == KVM_NOMEM ? rc : 0;
}

// --- load

static int compare_entries(const void *a, const void *b, void *ctx) {
    const struct entry *entries = ctx;
    uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    if (entries[i].addr != entries[j].addr) return entries[i].addr < entries[j].addr ? -1 : 1;
    return i < j ? -1 : i > j;
}

static int compare_ranges(const void *a, const void *b) {
    const struct range *x = a, *y = b;
    return x->start < y->start ? -1 : x->start > y->start;
}

static const struct range *range_of(const struct modules *m, uint64_t addr) {
    size_t lo = 0, hi = m->range_count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (m->ranges[mid].start <= addr)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo > 0 && addr < m->ranges[lo - 1].end ? &m->ranges[lo - 1] : NULL;
}

// The size is the distance to the next address in the same range, as find_kallsyms_symbol() has it.
static int sort(struct modules *m, struct kvm_err *err) {
    m->by_addr = mem_array(m->count, sizeof(*m->by_addr));
    if (!m->by_addr) return err_nomem(err, "module symbols");
    for (uint32_t i = 0; i < m->count; i++)
        m->by_addr[i] = i;
    if (m->count) qsort_r(m->by_addr, m->count, sizeof(*m->by_addr), compare_entries, m->entries);
    if (m->range_count) qsort(m->ranges, m->range_count, sizeof(*m->ranges), compare_ranges);
    uint64_t above = UINT64_MAX, at = UINT64_MAX; // the next address, and that of the entry behind
    for (size_t i = m->count; i-- > 0;) {
        struct entry *e = &m->entries[m->by_addr[i]];
        if (e->addr != at) above = at;
        at = e->addr;
        const struct range *r = range_of(m, e->addr);
        if (r) e->size = (above < r->end ? above : r->end) - e->addr;
    }
    return 0;
}

static void clear(struct modules *m) {
    mem_free(m->entries);
    mem_free(m->by_addr);
    mem_free(m->ranges);
    mem_free(m->text);
    symbol_index_deinit(&m->index);
    m->entries = NULL;
    m->by_addr = NULL;
    m->ranges = NULL;
    m->text = NULL;
    m->count = m->cap = m->range_count = m->range_cap = m->used = m->text_cap = 0;
}

// A list that breaks off leaves the modules in front of the break.
static int load(struct symbol_source *s, struct kvm_err *err) {
    struct modules *m = of(s);
    struct kvm_err own = {0};
    clear(m);
    err_clear(&m->base.error);
    int rc = m->list(m->ctx, add_module, m, &own);
    if (rc == KVM_NOMEM && own.code == 0) own = m->base.error;
    if (rc && rc != KVM_NOMEM && m->count) {
        m->base.error = own;
        rc = 0;
    }
    if (rc == 0) rc = sort(m, &own);
    if (rc) {
        clear(m);
        if (err) *err = own;
    }
    return rc;
}

// --- questions

static const char *name_of(const void *ctx, uint32_t i) {
    const struct modules *m = ctx;
    return m->text + m->entries[i].name;
}

static void describe(const struct modules *m, uint32_t i, struct symbol *out) {
    const struct entry *e = &m->entries[i];
    *out = (struct symbol){.name = m->text + e->name,
                           .addr = e->addr,
                           .size = e->size,
                           .kind = e->kind,
                           .module = m->text + e->module};
}

static bool find_name(struct symbol_source *s, const char *name, struct symbol *out) {
    struct modules *m = of(s);
    uint32_t n = (uint32_t)m->count, i = 0;
    if (!m->index.slots && symbol_index_init(&m->index, n)) {
        for (uint32_t j = 0; j < n; j++)
            symbol_index_add(&m->index, j, name_of, m);
    }
    if (m->index.slots) {
        if (!symbol_index_find(&m->index, name, name_of, m, &i)) return false;
    } else {
        while (i < n && strcmp(name_of(m, i), name) != 0)
            i++;
        if (i == n) return false;
    }
    describe(m, i, out);
    return true;
}

// The nearest symbol at or below addr in the range that holds it.
static bool find_addr(struct symbol_source *s, uint64_t addr, struct symbol *out) {
    const struct modules *m = of(s);
    const struct range *range = range_of(m, addr);
    size_t lo = 0, hi = m->count;
    while (range && lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (m->entries[m->by_addr[mid]].addr <= addr)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (!range || lo == 0) return false;
    uint32_t best = m->by_addr[lo - 1];
    uint64_t found = m->entries[best].addr;
    if (found < range->start) return false;
    bool mark = true;
    for (size_t i = lo; i > 0 && m->entries[m->by_addr[i - 1]].addr == found; i--) {
        uint32_t e = m->by_addr[i - 1];
        bool is_mark = symbol_is_mark(name_of(m, e));
        if (is_mark && !mark) continue;
        best = e; // of equals the one in front
        mark = is_mark;
    }
    describe(m, best, out);
    return true;
}

static int each(struct symbol_source *s, symbol_visit *fn, void *ctx) {
    const struct modules *m = of(s);
    for (uint32_t i = 0; i < m->count; i++) {
        struct symbol sym;
        describe(m, i, &sym);
        int rc = fn(ctx, &sym);
        if (rc) return rc;
    }
    return 0;
}

static void destroy(struct symbol_source *s) {
    clear(of(s));
    mem_free(of(s));
}

static const struct symbol_source_ops modules_ops = {
    .name = "modules",
    .load = load,
    .find_name = find_name,
    .find_addr = find_addr,
    .each = each,
    .destroy = destroy,
};

int symbol_modules_create(const struct reader *virt, module_list *list, void *ctx,
                          struct symbol_source **out, struct kvm_err *err) {
    struct modules *m = mem_zalloc(sizeof(*m));
    if (!m) return err_nomem(err, "module symbols");
    m->base.ops = &modules_ops;
    m->virt = *virt;
    m->list = list;
    m->ctx = ctx;
    *out = &m->base;
    return 0;
}
