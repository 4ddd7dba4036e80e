// SPDX-License-Identifier: BSD-2-Clause
// The .symtab of an ELF file (libelf 0.188): a namelist, such as vmlinux. The file is mapped; of
// one of 600 MB no more is touched than section headers, symbols and strings. Section and file
// symbols, undefined ones, those without a name and those of sections that are not loaded are left
// out. Letters are nm's. The KASLR displacement (bias) is added, but not to absolute symbols, nor
// to those of .data..percpu where that is linked at 0 (x86-64 until 6.14): they are offsets. Not
// read: .dynsym, relocatable files (modules), symbols of sections beyond 65279.
#include "symbol/elf_file.h"
#include "symbol/index.h"
#include "symbol/symbol.h"

#include "base/mem.h"

#include <gelf.h>
#include <libelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    ENCLOSING_MOST = 8, // addresses of symbols in front of one that are looked at
    ALIASES_MOST = 64   // symbols of each; vmlinux has up to 10,000 (empty objects of one section)
};

struct elf_entry {
    uint64_t addr, size;
    uint32_t name; // in strings
    uint16_t rank; // of several at one address the lowest is told
    char kind;
    bool place; // in memory: not absolute, not per-CPU
};

struct elf_symbols {
    struct symbol_source base;
    int fd;
    Elf *elf;
    uint64_t bias;
    const char *strings; // borrowed from elf; ends in a NUL
    size_t strings_len;
    struct elf_entry *entries; // by address
    size_t count, cap;
    struct symbol_index index;
};

// What the symbols of one section have in common.
struct section {
    char kind;       // nm's, lower case; 0: left out
    uint64_t percpu; // values up to here are offsets; 0: none are
};

static struct elf_symbols *of(struct symbol_source *s) {
    return (struct elf_symbols *)(void *)s;
}

// --- load

// As decode_section_type() of binutils' bfd/syms.c. In a file of debug information the sections are
// without contents, so code is asked for first.
static struct section classify(Elf *elf, size_t names, Elf_Scn *scn) {
    GElf_Shdr sh;
    if (!gelf_getshdr(scn, &sh) || !(sh.sh_flags & SHF_ALLOC)) return (struct section){0, 0};
    const char *name = elf_strptr(elf, names, sh.sh_name);
    bool percpu = sh.sh_addr == 0 && name && strcmp(name, ".data..percpu") == 0;
    char kind = sh.sh_flags & SHF_EXECINSTR ? 't'
                : sh.sh_type == SHT_NOBITS  ? 'b'
                : sh.sh_flags & SHF_WRITE   ? 'd'
                                            : 'r';
    return (struct section){kind, percpu ? sh.sh_size : 0};
}

static int read_sections(Elf *elf, struct section **out, size_t *count, struct kvm_err *err) {
    size_t names;
    if (elf_getshdrnum(elf, count) != 0 || elf_getshdrstrndx(elf, &names) != 0)
        return err_set(err, KVM_FORMAT, "section headers: %s", elf_errmsg(-1));
    *out = mem_array(*count, sizeof(**out));
    if (!*out) return err_nomem(err, "sections");
    for (size_t i = 1; i < *count; i++) {
        Elf_Scn *scn = elf_getscn(elf, i);
        if (scn) (*out)[i] = classify(elf, names, scn);
    }
    return 0;
}

static char letter(const GElf_Sym *sym, char kind) {
    int bind = GELF_ST_BIND(sym->st_info), type = GELF_ST_TYPE(sym->st_info);
    if (type == STT_GNU_IFUNC) return 'i';
    if (bind == STB_WEAK) return type == STT_OBJECT ? 'V' : 'W';
    if (bind == STB_GNU_UNIQUE) return 'u';
    return bind == STB_LOCAL ? kind : (char)(kind - 'a' + 'A');
}

// Functions and objects before marks, those with a size before those without, global before local.
static uint16_t rank_of(const GElf_Sym *sym, const char *name) {
    int type = GELF_ST_TYPE(sym->st_info), bind = GELF_ST_BIND(sym->st_info);
    bool typed = type == STT_FUNC || type == STT_OBJECT || type == STT_GNU_IFUNC;
    return (uint16_t)((symbol_is_mark(name) ? 16 : 0) | (typed ? 0 : 8) | (sym->st_size ? 0 : 4) |
                      (bind == STB_GLOBAL ? 0
                       : bind == STB_WEAK ? 1
                                          : 2));
}

static int add(struct elf_symbols *s, const GElf_Sym *sym, const struct section *sections,
               size_t section_count, struct kvm_err *err) {
    int type = GELF_ST_TYPE(sym->st_info);
    struct section section = {0, 0};
    if (sym->st_shndx == SHN_ABS)
        section.kind = 'a';
    else if (sym->st_shndx != SHN_UNDEF && sym->st_shndx < section_count)
        section = sections[sym->st_shndx];
    if (!section.kind || sym->st_name >= s->strings_len || !s->strings[sym->st_name] ||
        type == STT_SECTION || type == STT_FILE || type == STT_TLS)
        return 0;
    // __per_cpu_load is in .data..percpu, but is where that is loaded.
    bool place = section.kind != 'a' && (!section.percpu || sym->st_value > section.percpu);
    if (s->count == SYMBOL_INDEX_MOST)
        return err_set(err, KVM_FORMAT, "more than %d symbols", SYMBOL_INDEX_MOST);
    if (!mem_grow(&s->entries, &s->cap, s->count + 1, sizeof(*s->entries)))
        return err_nomem(err, "symbols");
    s->entries[s->count++] = (struct elf_entry){
        .addr = sym->st_value + (place ? s->bias : 0),
        .size = sym->st_size,
        .name = sym->st_name,
        .rank = rank_of(sym, s->strings + sym->st_name),
        .kind = letter(sym, section.kind),
        .place = place,
    };
    return 0;
}

static int compare(const void *a, const void *b) {
    const struct elf_entry *x = a, *y = b;
    if (x->addr != y->addr) return x->addr < y->addr ? -1 : 1;
    if (x->rank != y->rank) return x->rank < y->rank ? -1 : 1;
    return x->name < y->name ? -1 : x->name > y->name;
}

static const char *name_of(const void *ctx, uint32_t i) {
    const struct elf_symbols *s = ctx;
    return s->strings + s->entries[i].name;
}

// Of symbols with one name a global one is found first.
static int make_index(struct elf_symbols *s, struct kvm_err *err) {
    uint32_t n = (uint32_t)s->count;
    if (!symbol_index_init(&s->index, n)) return err_nomem(err, "symbols");
    for (int local = 0; local <= 1; local++) {
        for (uint32_t i = 0; i < n; i++) {
            bool is_local = s->entries[i].kind >= 'a';
            if (is_local == local) symbol_index_add(&s->index, i, name_of, s);
        }
    }
    return 0;
}

static int find_tables(struct elf_symbols *s, Elf_Data **symbols, size_t *count,
                       struct kvm_err *err) {
    Elf_Scn *scn = NULL;
    GElf_Shdr sh;
    while ((scn = elf_nextscn(s->elf, scn))) {
        if (gelf_getshdr(scn, &sh) && sh.sh_type == SHT_SYMTAB) break;
    }
    if (!scn) return err_set(err, KVM_NOTFOUND, "the namelist has no symbols (it is stripped)");
    Elf_Scn *strings = elf_getscn(s->elf, sh.sh_link);
    *symbols = elf_getdata(scn, NULL);
    Elf_Data *data = strings ? elf_getdata(strings, NULL) : NULL;
    if (!*symbols || !data || !data->d_buf || data->d_size == 0 || sh.sh_entsize == 0)
        return err_set(err, KVM_FORMAT, "namelist: damaged symbol table");
    s->strings = data->d_buf;
    s->strings_len = data->d_size;
    if (s->strings[s->strings_len - 1] != '\0')
        return err_set(err, KVM_FORMAT, "namelist: damaged string table");
    *count = (size_t)(sh.sh_size / sh.sh_entsize);
    if (*count > INT32_MAX) return err_set(err, KVM_FORMAT, "namelist: %zu symbols", *count);
    return 0;
}

static int load(struct symbol_source *base, struct kvm_err *err) {
    struct elf_symbols *s = of(base);
    struct section *sections = NULL;
    Elf_Data *symbols = NULL;
    size_t count = 0, section_count = 0;
    int rc = find_tables(s, &symbols, &count, err);
    if (rc == 0) rc = read_sections(s->elf, &sections, &section_count, err);
    for (size_t i = 1; rc == 0 && i < count; i++) {
        GElf_Sym sym;
        if (!gelf_getsym(symbols, (int)i, &sym))
            rc = err_set(err, KVM_FORMAT, "namelist: symbol %zu of %zu: %s", i, count,
                         elf_errmsg(-1));
        else
            rc = add(s, &sym, sections, section_count, err);
    }
    mem_free(sections);
    if (rc) return rc;
    if (s->count) qsort(s->entries, s->count, sizeof(*s->entries), compare);
    return make_index(s, err);
}

// --- questions

static void describe(const struct elf_symbols *s, uint32_t i, struct symbol *out) {
    const struct elf_entry *e = &s->entries[i];
    *out =
        (struct symbol){.name = name_of(s, i), .addr = e->addr, .size = e->size, .kind = e->kind};
}

static bool find_name(struct symbol_source *base, const char *name, struct symbol *out) {
    const struct elf_symbols *s = of(base);
    uint32_t i;
    if (!symbol_index_find(&s->index, name, name_of, s, &i)) return false;
    describe(s, i, out);
    return true;
}

// The number of the first symbol above ADDR.
static size_t above(const struct elf_symbols *s, uint64_t addr) {
    size_t lo = 0, hi = s->count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (s->entries[mid].addr <= addr)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

// The first of the symbols in [first, end), which share an address, that holds ADDR: within its
// size; one without size, when it is the nearest, up to the next symbol.
static bool holder(const struct elf_symbols *s, size_t first, size_t end, bool nearest,
                   uint64_t addr, uint32_t *out) {
    for (size_t i = first; i < end && i - first < ALIASES_MOST; i++) {
        const struct elf_entry *e = &s->entries[i];
        bool open = nearest && (end < s->count || addr == e->addr);
        if (!e->place || !(e->size ? addr - e->addr < e->size : open)) continue;
        *out = (uint32_t)i;
        return true;
    }
    return false;
}

// The nearest symbol below may be a label within a function, which ends before it: then the
// function.
static bool find_addr(struct symbol_source *base, uint64_t addr, struct symbol *out) {
    const struct elf_symbols *s = of(base);
    size_t end = above(s, addr);
    for (int tries = 0; end > 0 && tries < ENCLOSING_MOST; tries++) {
        uint64_t at = s->entries[end - 1].addr;
        size_t first = at ? above(s, at - 1) : 0;
        uint32_t i;
        if (holder(s, first, end, tries == 0, addr, &i)) {
            describe(s, i, out);
            return true;
        }
        end = first;
    }
    return false;
}

static int each(struct symbol_source *base, symbol_visit *fn, void *ctx) {
    const struct elf_symbols *s = of(base);
    for (uint32_t i = 0; i < s->count; i++) {
        struct symbol sym;
        describe(s, i, &sym);
        int rc = fn(ctx, &sym);
        if (rc) return rc;
    }
    return 0;
}

static void destroy(struct symbol_source *base) {
    struct elf_symbols *s = of(base);
    elf_end(s->elf);
    if (s->fd >= 0) close(s->fd);
    mem_free(s->entries);
    symbol_index_deinit(&s->index);
    mem_free(s);
}

static const struct symbol_source_ops elf_ops = {
    .name = "elf",
    .load = load,
    .find_name = find_name,
    .find_addr = find_addr,
    .each = each,
    .destroy = destroy,
};

// What a file that is ELF, but no kernel, is.
static const char *not_linked(Elf *elf) {
    GElf_Ehdr eh;
    if (!gelf_getehdr(elf, &eh)) return "damaged ELF header";
    return eh.e_type == ET_EXEC || eh.e_type == ET_DYN ? NULL
           : eh.e_type == ET_CORE                      ? "a core file, not a namelist"
                                                       : "not a linked program";
}

int symbol_elf_create(const char *path, uint64_t bias, struct symbol_source **out,
                      struct kvm_err *err) {
    struct elf_symbols *s = mem_zalloc(sizeof(*s));
    if (!s) return err_nomem(err, "a namelist");
    s->base.ops = &elf_ops;
    s->bias = bias;
    s->fd = -1;
    int rc = symbol_elf_open(path, &s->fd, &s->elf, err);
    const char *why = rc ? NULL : not_linked(s->elf);
    if (why) rc = err_set(err, KVM_FORMAT, "%s: %s", path, why);
    if (rc) {
        destroy(&s->base);
        return rc;
    }
    *out = &s->base;
    return 0;
}
