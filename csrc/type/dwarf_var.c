// SPDX-License-Identifier: BSD-2-Clause
// Variables in DWARF: those at the top of a unit, static ones too. A name may be that of several
// static variables; the address tells which is meant. The file's symbol table says at once that a
// name is no variable, and how many there are, which ends the search for them. Left out: variables
// inside functions, and those without a fixed place in memory.
#if HAVE_LIBDW
#include "type/dwarf.h"

#include "base/mem.h"

#include <dwarf.h>
#include <gelf.h>
#include <string.h>

// --- the symbol table
static Elf_Scn *symbol_table(Elf *elf, GElf_Shdr *sh) {
    Elf_Scn *scn = NULL;
    while ((scn = elf_nextscn(elf, scn))) {
        if (gelf_getshdr(scn, sh) && sh->sh_type == SHT_SYMTAB) break;
    }
    return scn;
}

// clang and link-time optimisation put ".llvm.N" or ".N" behind the names of static variables.
static bool is_symbol_of(const char *symbol, const char *name, size_t len) {
    return strncmp(symbol, name, len) == 0 && (symbol[len] == '\0' || symbol[len] == '.');
}

// How many variables of that name the file defines; SIZE_MAX: it has no symbols.
static size_t count_symbols(Elf *elf, const char *name) {
    GElf_Shdr sh;
    Elf_Scn *scn = symbol_table(elf, &sh);
    Elf_Data *data = scn ? elf_getdata(scn, NULL) : NULL;
    if (!data || sh.sh_entsize == 0) return SIZE_MAX;
    size_t found = 0, len = strlen(name), all = data->d_size / sh.sh_entsize;
    for (size_t i = 1; i < all && i <= INT32_MAX; i++) {
        GElf_Sym sym;
        if (!gelf_getsym(data, (int)i, &sym)) break;
        int type = GELF_ST_TYPE(sym.st_info);
        if (sym.st_shndx == SHN_UNDEF || type == STT_FUNC || type == STT_FILE) continue;
        const char *symbol = elf_strptr(elf, sh.sh_link, sym.st_name);
        if (symbol && is_symbol_of(symbol, name, len)) found++;
    }
    return found;
}

// --- definitions
// The address of the variable, where it has a fixed one.
static bool place_of(Dwarf_Die *die, uint64_t *out) {
    Dwarf_Attribute attr;
    Dwarf_Op *ops;
    size_t n;
    if (!dwarf_attr(die, DW_AT_location, &attr) || dwarf_getlocation(&attr, &ops, &n) != 0)
        return false;
    if (n != 1 || ops[0].atom != DW_OP_addr) return false;
    *out = ops[0].number;
    return true;
}

static bool is_external(Dwarf_Die *die) {
    Dwarf_Attribute attr;
    bool flag = false;
    return dwarf_formflag(dwarf_attr_integrate(die, DW_AT_external, &attr), &flag) == 0 && flag;
}

// Not so where a unit has only seen "extern char x[];". A weak declaration has a place nevertheless: linux_banner in
// init/version.c of Linux 6.1, whose length init/version-timestamp.c tells.
static bool is_whole(Dwarf_Die *die) {
    Dwarf_Attribute attr;
    Dwarf_Die type;
    Dwarf_Word size;
    return dwarf_formref_die(dwarf_attr_integrate(die, DW_AT_type, &attr), &type) &&
           dwarf_aggregate_size(&type, &size) == 0 && size > 0;
}

struct search {
    struct dwarf_source *s;
    const char *name;
    const uint64_t *addr;
    size_t wanted;  // the I-th definition that counts
    size_t defined; // so far
    uint32_t seen;  // names below it were looked at
    uint32_t exact; // at *addr, or where that is NULL the global one; 0: none
    bool whole;     // its type has a size: there is no better one
    uint32_t declared;
};

// Looks at what the last scan has found.
static int look(struct search *q) {
    Dwarf_Die die;
    uint32_t i = dwarf_names_first(q->s, TYPE_VAR, q->name);
    for (; i; i = dwarf_names_next(q->s, i)) {
        if (q->s->names[i].declared) {
            q->declared = i;
            continue;
        }
        // A definition that has taken the place of a declaration is as old as that.
        if (i < q->seen && i != q->declared) break;
        if (i == q->declared) q->declared = 0;
        uint64_t at;
        if (!dwarf_names_entry(q->s, i, &die)) return KVM_FORMAT;
        if (!place_of(&die, &at)) continue; // optimised away
        q->defined++;
        if (q->whole || !(q->addr ? at == *q->addr : is_external(&die))) continue;
        q->exact = i;
        q->whole = is_whole(&die);
    }
    q->seen = (uint32_t)q->s->names_len;
    return 0;
}

static int search(struct search *q) {
    int rc = look(q);
    size_t symbols = 0;
    if (rc == 0 && !q->exact) symbols = count_symbols(dwarf_getelf(q->s->dwarf), q->name);
    while (rc == 0 && !q->whole && (q->exact || q->defined < symbols) && !q->s->all_units) {
        rc = dwarf_names_scan(q->s);
        if (rc == 0) rc = look(q);
    }
    if (symbols == 0) q->declared = 0; // and defined nowhere
    return rc;
}

// The index of the I-th of all definitions.
static uint32_t nth(const struct search *q) {
    size_t left = q->wanted;
    uint32_t i = dwarf_names_first(q->s, TYPE_VAR, q->name);
    for (; i; i = dwarf_names_next(q->s, i)) {
        Dwarf_Die die;
        uint64_t at;
        if (!dwarf_names_entry(q->s, i, &die) || !place_of(&die, &at)) continue;
        if (left-- == 0) return i;
    }
    return 0;
}

static uint32_t choose(const struct search *q) {
    if (q->defined && !q->exact && !q->addr) return nth(q);
    if (q->wanted) return 0;
    return q->defined ? q->exact : q->declared;
}

int dwarf_variable(struct type_source *src, const char *name, const uint64_t *addr, size_t i,
                   uint32_t *out, struct kvm_err *err) {
    struct search q = {.s = (struct dwarf_source *)src, .name = name, .addr = addr, .wanted = i};
    int rc = search(&q);
    uint32_t at = rc == 0 ? choose(&q) : 0;
    if (rc == 0 && !at) return KVM_NOTFOUND;
    Dwarf_Die die;
    if (rc == 0 && !dwarf_names_entry(q.s, at, &die)) rc = KVM_FORMAT;
    if (rc == 0) rc = dwarf_type_id(q.s, &die, 0, out);
    return rc ? err_set(err, rc, "DWARF: search for variable \"%.200s\" failed", name) : 0;
}
#endif
