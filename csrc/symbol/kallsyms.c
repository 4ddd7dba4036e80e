// SPDX-License-Identifier: BSD-2-Clause
// kallsyms: the kernel's own symbol table, read out of its memory. Where it lies, VMCOREINFO tells
// since 6.0 (5fd8fea935a1); before, it is found by its shape (kallsyms_find.c). What an offset
// means (enum kallsyms_form) follows from what is there: no relative_base, or the sign of the last
// offset; _stext then has to come out where VMCOREINFO has it, and the table has to ascend. Checked
// against kernel/kallsyms.c of 5.10, 6.1, 6.12 and the series that removed relative_base (7.2). Not
// read: tables of absolute addresses (!CONFIG_KALLSYMS_BASE_RELATIVE), which only IA-64 had since
// 4.6.
#include "symbol/kallsyms.h"

#include "base/mem.h"

enum {
    SINGLE_MOST = 64, // offsets are read one by one for so many questions, then all at once
    ALIASES_MOST = 64 // symbols of one address that are looked at; a kernel has up to 10,000
};

struct kallsyms {
    struct symbol_source base;
    struct reader virt;
    struct kallsyms_hints hints;
    struct kallsyms_tables tables;
    struct kallsyms_names names;
    uint32_t first_relative; // symbols before it are per-CPU offsets: no place in memory
    uint8_t *offsets;        // all of them, as in the target; NULL until they pay
    unsigned singles;
};

static struct kallsyms *of(struct symbol_source *s) {
    return (struct kallsyms *)(void *)s;
}

// --- offsets

static bool address(struct kallsyms *k, uint32_t i, uint64_t *out) {
    uint32_t offset;
    uint64_t at = k->tables.offsets + 4 * (uint64_t)i;
    if (k->offsets)
        offset = bytes_u32(k->offsets + 4 * (size_t)i, k->virt.big);
    else if (reader_u32(&k->virt, at, &offset, k->base.error.code ? NULL : &k->base.error) != 0)
        return false;
    *out = kallsyms_address(&k->tables, i, offset);
    return true;
}

// All offsets at once; where one of their pages is missing, they stay to be read one by one.
static int read_offsets(struct kallsyms *k, struct kvm_err *err) {
    if (k->offsets) return 0;
    size_t size = (size_t)k->tables.count * 4;
    uint8_t *p = mem_alloc(size);
    if (!p) return err_nomem(err, "kallsyms");
    int rc = reader_read(&k->virt, k->tables.offsets, p, size, err);
    if (rc == 0)
        k->offsets = p;
    else
        mem_free(p);
    return rc;
}

static void asked(struct kallsyms *k) {
    if (k->singles > SINGLE_MOST) return;
    if (++k->singles > SINGLE_MOST) read_offsets(k, NULL);
}

bool kallsyms_ascending(const struct kallsyms_tables *t, const uint8_t *offsets, bool big) {
    uint64_t before = 0;
    for (uint32_t i = 0; i < t->count; i++) {
        uint64_t addr = kallsyms_address(t, i, bytes_u32(offsets + 4 * (size_t)i, big));
        if (addr < before) return false;
        before = addr;
    }
    return true;
}

// The symbols before it are absolute: their offsets are not negative. These are few, so what a dump
// lacks is taken as lying behind.
static void find_first_relative(struct kallsyms *k) {
    uint32_t lo = 0, hi = k->tables.count;
    while (k->tables.form == KALLSYMS_PERCPU && lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2, offset;
        int rc = reader_u32(&k->virt, k->tables.offsets + 4 * (uint64_t)mid, &offset, NULL);
        if (rc || offset >> 31)
            hi = mid;
        else
            lo = mid + 1;
    }
    k->first_relative = k->tables.form == KALLSYMS_PERCPU ? lo : 0;
}

// --- load

static int from_hints(struct kallsyms *k, struct kvm_err *err) {
    const struct kallsyms_hints *h = &k->hints;
    struct kallsyms_tables *t = &k->tables;
    t->names = h->names;
    t->token_table = h->token_table;
    t->token_index = h->token_index;
    t->offsets = h->offsets;
    t->form = KALLSYMS_PLACE;
    int rc = reader_u32(&k->virt, h->num_syms, &t->count, err);
    if (rc == 0 && (t->count == 0 || t->count > SYMBOL_INDEX_MOST))
        rc = err_at(err, KVM_FORMAT, h->num_syms, "%u symbols", t->count);
    if (rc || !h->relative_base) return rc;
    uint32_t last;
    rc = reader_word(&k->virt, h->relative_base, &t->relative_base, err);
    if (rc == 0) rc = reader_u32(&k->virt, t->offsets + 4 * ((uint64_t)t->count - 1), &last, err);
    if (rc == 0) t->form = last >> 31 ? KALLSYMS_PERCPU : KALLSYMS_PLAIN;
    return rc;
}

// Without an _stext to compare with, the whole table has to make sense.
static int check_order(struct kallsyms *k, struct kvm_err *err) {
    int rc = read_offsets(k, err);
    if (rc == 0 && !kallsyms_ascending(&k->tables, k->offsets, k->virt.big))
        rc = err_at(err, KVM_FORMAT, k->tables.offsets, "its addresses do not ascend");
    return rc;
}

static int check_text(struct kallsyms *k, struct kvm_err *err) {
    uint32_t i;
    uint64_t addr, want = k->hints.text_start;
    if (!want) return check_order(k, err);
    if (!kallsyms_names_find(&k->names, "_stext", &i)) {
        if (k->base.error.code) {
            *err = k->base.error;
            return err->code;
        }
        return err_set(err, KVM_FORMAT, "no _stext among %u names", k->tables.count);
    }
    uint32_t offset;
    int rc = reader_u32(&k->virt, k->tables.offsets + 4 * (uint64_t)i, &offset, err);
    if (rc) return rc;
    addr = kallsyms_address(&k->tables, i, offset);
    if (addr != want)
        rc = err_at(err, KVM_FORMAT, k->tables.offsets, "_stext comes out at 0x%llx, not at 0x%llx",
                    (unsigned long long)addr, (unsigned long long)want);
    return rc;
}

static int load(struct symbol_source *s, struct kvm_err *err) {
    struct kallsyms *k = of(s);
    const struct kallsyms_hints *h = &k->hints;
    struct kvm_err own = {0}; // ERR may be k->base.error, which names and offsets fill in
    bool told = h->names && h->num_syms && h->token_table && h->token_index && h->offsets;
    int rc = told ? from_hints(k, &own) : kallsyms_find(&k->virt, h, &k->tables, &own);
    err_clear(&k->base.error);
    if (rc == 0) find_first_relative(k);
    if (rc == 0) rc = kallsyms_names_init(&k->names, &k->virt, &k->tables, &k->base.error, &own);
    if (rc == 0) rc = check_text(k, &own);
    if (rc && err) *err = own;
    return rc;
}

// --- questions

// The first symbol of [lo, hi) above ADDR; hi where there is none.
static bool above(struct kallsyms *k, uint32_t lo, uint32_t hi, uint64_t addr, uint32_t *out) {
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        uint64_t at;
        if (!address(k, mid, &at)) return false;
        if (at <= addr)
            lo = mid + 1;
        else
            hi = mid;
    }
    *out = lo;
    return true;
}

// The address of the next symbol behind I that is not an alias; 0 where there is none.
static uint64_t next_address(struct kallsyms *k, uint32_t i, uint64_t addr) {
    uint32_t end = i < k->first_relative ? k->first_relative : k->tables.count, j = i + 1;
    uint64_t next;
    if (j < end && address(k, j, &next) && next != addr) return next;
    return above(k, j, end, addr, &j) && j < end && address(k, j, &next) ? next : 0;
}

static void fill(struct symbol *out, const char *text, uint64_t addr, uint64_t next) {
    bool letter = (text[0] | 0x20) >= 'a' && (text[0] | 0x20) <= 'z';
    *out = (struct symbol){.name = text + 1,
                           .addr = addr,
                           .size = next > addr ? next - addr : 0,
                           .kind = letter ? text[0] : '?'};
}

static bool describe(struct kallsyms *k, uint32_t i, struct symbol *out) {
    uint64_t addr;
    const char *text = kallsyms_names_get(&k->names, i);
    if (!text || !address(k, i, &addr)) return false;
    fill(out, text, addr, next_address(k, i, addr));
    return true;
}

static bool find_name(struct symbol_source *s, const char *name, struct symbol *out) {
    struct kallsyms *k = of(s);
    uint32_t i;
    asked(k);
    return kallsyms_names_find(&k->names, name, &i) && describe(k, i, out);
}

// The first of the symbols in [from, to), which share an address, that is not a mark.
static uint32_t best_of(struct kallsyms *k, uint32_t from, uint32_t to) {
    char buf[KALLSYMS_BUFFER];
    for (uint32_t i = from; i < to && i - from < ALIASES_MOST; i++) {
        const char *text = kallsyms_names_peek(&k->names, i, buf);
        if (text && !symbol_is_mark(text + 1)) return i;
    }
    return from;
}

static bool find_addr(struct symbol_source *s, uint64_t addr, struct symbol *out) {
    struct kallsyms *k = of(s);
    uint32_t from = k->first_relative, count = k->tables.count, end, first;
    uint64_t found, before;
    asked(k);
    if (!above(k, from, count, addr, &end) || end == from) return false;
    first = end - 1;
    if (!address(k, first, &found)) return false;
    if (end == count && found != addr) return false; // behind the last: not the kernel's image
    if (first == from || !address(k, first - 1, &before) || before != found)
        return describe(k, first, out);
    if (!above(k, from, end, found - 1, &first)) return false;
    return describe(k, best_of(k, first, end), out);
}

static int each(struct symbol_source *s, symbol_visit *fn, void *ctx) {
    struct kallsyms *k = of(s);
    struct symbol sym;
    uint64_t addr, next = 0;
    uint32_t j = 0; // the first behind i with another address
    read_offsets(k, NULL);
    if (!kallsyms_names_expand(&k->names)) return KVM_NOMEM;
    for (uint32_t i = 0; i < k->names.known; i++) {
        if (!address(k, i, &addr)) continue;
        uint32_t end = i < k->first_relative ? k->first_relative : k->tables.count;
        if (j <= i) j = i + 1;
        while (j < end && address(k, j, &next) && next == addr)
            j++;
        fill(&sym, kallsyms_names_get(&k->names, i), addr, j < end ? next : 0);
        int rc = fn(ctx, &sym);
        if (rc) return rc;
    }
    return 0;
}

static void destroy(struct symbol_source *s) {
    struct kallsyms *k = of(s);
    kallsyms_names_deinit(&k->names);
    mem_free(k->offsets);
    mem_free(k);
}

static const struct symbol_source_ops kallsyms_ops = {
    .name = "kallsyms",
    .load = load,
    .find_name = find_name,
    .find_addr = find_addr,
    .each = each,
    .destroy = destroy,
};

int symbol_kallsyms_create(const struct reader *virt, const struct kallsyms_hints *hints,
                           struct symbol_source **out, struct kvm_err *err) {
    struct kallsyms *k = mem_zalloc(sizeof(*k));
    if (!k) return err_nomem(err, "kallsyms");
    k->base.ops = &kallsyms_ops;
    k->virt = *virt;
    k->hints = *hints;
    *out = &k->base;
    return 0;
}
