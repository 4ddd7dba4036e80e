// SPDX-License-Identifier: BSD-2-Clause
// Types of variables and functions in CTF. Its two sections have no names: their entries stand in the
// order of the ELF symbol table, one for each object (or function) but those without a name, undefined
// ones, the names "_START_" and "_END_", and objects at the absolute address 0. An entry of 0 is a symbol of which no
// type is known. FreeBSD's libctf (ctf_open.c) and ctfconvert (output.c), 14.0.
// Where the symbol table has not as many symbols as the section has entries, it is not the one that the section
// was made for: then no types are known, rather than wrong ones.
#include "type/ctf.h"

#include "base/mem.h"

#include <gelf.h>
#include <stdlib.h>
#include <string.h>

static bool skipped(const GElf_Sym *sym, const char *name) {
    return !name || !name[0] || sym->st_shndx == SHN_UNDEF || strcmp(name, "_START_") == 0 ||
           strcmp(name, "_END_") == 0 ||
           (GELF_ST_TYPE(sym->st_info) == STT_OBJECT && sym->st_shndx == SHN_ABS &&
            sym->st_value == 0);
}

// Where the walk over a section is.
struct section {
    const uint8_t *at, *end;
    bool wrong; // it does not fit the symbol table
    struct ctf_symbol **list;
    size_t *len, *cap;
};

// Bytes of the entry at the front; 0 when it is cut off.
static size_t entry_size(const struct ctf *c, const struct section *s, bool function) {
    size_t left = (size_t)(s->end - s->at), word = c->layout->id, size = word;
    if (left < word) return 0;
    uint32_t info = ctf_word(c, s->at);
    if (function && info) size = word * (2 + (size_t)(info & c->layout->vlen));
    return size <= left ? size : 0;
}

static int take(const struct ctf *c, struct section *s, const GElf_Sym *sym, const char *name,
                struct kvm_err *err) {
    bool function = GELF_ST_TYPE(sym->st_info) == STT_FUNC;
    size_t size = s->wrong ? 0 : entry_size(c, s, function);
    s->wrong = size == 0;
    if (s->wrong) return 0;
    const struct ctf_symbol symbol = {name, s->at, GELF_ST_BIND(sym->st_info) == STB_LOCAL};
    s->at += size;
    if (ctf_word(c, symbol.at) == 0) return 0;
    if (!mem_grow(s->list, s->cap, *s->len + 1, sizeof(**s->list)))
        return err_nomem(err, "the symbols of CTF");
    (*s->list)[(*s->len)++] = symbol;
    return 0;
}

// Nothing but padding, which is shorter than four bytes, may be left.
static void finish(struct section *s) {
    if (s->wrong || s->end - s->at >= 4) *s->len = 0;
}

static int walk(struct ctf *c, struct kvm_err *err) {
    struct section objects = {c->body + c->objects, c->body + c->functions, false,
                              &c->variables,        &c->variables_len,      &c->variables_cap};
    struct section functions = {c->body + c->functions, c->body + c->types, false,
                                &c->routines,           &c->routines_len,   &c->routines_cap};
    GElf_Sym sym;
    for (int i = 0; c->symtab && gelf_getsym(c->symtab, i, &sym); i++) {
        int type = GELF_ST_TYPE(sym.st_info);
        if (type != STT_OBJECT && type != STT_FUNC) continue;
        const char *name = sym.st_name < c->elf_strings_len ? c->elf_strings + sym.st_name : NULL;
        if (skipped(&sym, name)) continue;
        int rc = take(c, type == STT_FUNC ? &functions : &objects, &sym, name, err);
        if (rc) return rc;
    }
    finish(&objects);
    finish(&functions);
    return 0;
}

int ctf_symbols_load(struct ctf *c, struct kvm_err *err) {
    if (c->symbols_loaded) return 0;
    int rc = ctf_index(c, err);
    if (rc) return rc;
    c->variables_len = c->routines_len = 0;
    rc = walk(c, err);
    if (rc) return rc;
    size_t count = c->variables_len + c->routines_len;
    c->symbols = mem_array(count + 1, sizeof(*c->symbols));
    if (!c->symbols) return err_nomem(err, "the symbols of CTF");
    uint32_t id = c->last + 1;
    for (size_t i = 0; i < c->variables_len; i++, id++)
        c->symbols[c->symbols_len++] = (struct ctf_name){c->variables[i].name, id};
    for (size_t i = 0; i < c->routines_len; i++, id += 2)
        c->symbols[c->symbols_len++] = (struct ctf_name){c->routines[i].name, id};
    qsort(c->symbols, count, sizeof(*c->symbols), ctf_name_compare);
    c->symbols_loaded = true;
    return 0;
}

// Whether two entries tell the same type.
static bool same(const struct ctf *c, const struct ctf_symbol *a, const struct ctf_symbol *b,
                 bool function) {
    size_t size = c->layout->id;
    if (function) size *= 2 + (size_t)(ctf_word(c, a->at) & c->layout->vlen);
    return ctf_word(c, a->at) == ctf_word(c, b->at) && memcmp(a->at, b->at, size) == 0;
}

// A global symbol stands before local ones. Of local ones that share a name but not a type it is not
// known which is meant: none is found.
int ctf_find_symbol(struct ctf *c, enum type_kind kind, const char *name, uint32_t *out) {
    int rc = ctf_symbols_load(c, NULL);
    if (rc) return rc;
    bool function = kind == TYPE_FUNC, differ = false;
    uint32_t first = c->last + 1, middle = first + (uint32_t)c->variables_len;
    const struct ctf_symbol *found = NULL;
    for (size_t i = ctf_name_first(c->symbols, c->symbols_len, name); i < c->symbols_len; i++) {
        uint32_t id = c->symbols[i].id;
        if (strcmp(c->symbols[i].name, name) != 0) break;
        if ((id >= middle) != function) continue;
        const struct ctf_symbol *s =
            function ? &c->routines[(id - middle) / 2] : &c->variables[id - first];
        differ = differ || (found && !same(c, found, s, function));
        if (found && s->local) continue;
        found = s;
        *out = id;
        if (!s->local) return 0;
    }
    return found && !differ ? 0 : KVM_NOTFOUND;
}
