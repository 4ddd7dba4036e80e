// SPDX-License-Identifier: BSD-2-Clause
// Lines in DWARF: the unit of an address by .debug_aranges, or where that does not know it (clang
// writes none) by the units' own ranges; the line by the unit's line table; the functions by
// descending through the entries that hold the address. Checked against addr2line of binutils 2.40.
#if HAVE_LIBDW
#include "type/dwarf.h"

#include <dwarf.h>

enum { DEPTH_MAX = 256 }; // of scopes within each other; kernels have some tens

static int damaged(const char *what, struct kvm_err *err) {
    return err_set(err, KVM_FORMAT, "DWARF: %s: %s", what, dwarf_errmsg(-1));
}

static int find_unit(Dwarf *dwarf, uint64_t addr, Dwarf_Die *unit, struct kvm_err *err) {
    if (dwarf_addrdie(dwarf, addr, unit)) return 0;
    Dwarf_CU *cu = NULL;
    uint8_t type;
    int rc;
    while ((rc = dwarf_get_units(dwarf, cu, &cu, NULL, &type, unit, NULL)) == 0) {
        if (dwarf_tag(unit) == DW_TAG_compile_unit && dwarf_haspc(unit, addr) > 0) return 0;
    }
    if (rc < 0) return damaged("a unit", err);
    return err_set(err, KVM_NOTFOUND, "no code that the debug file knows is at 0x%llx",
                   (unsigned long long)addr);
}

static bool is_function(int tag) {
    return tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine;
}

// The child of SCOPE that holds the address.
static bool inner_scope(Dwarf_Die *scope, uint64_t addr, Dwarf_Die *out) {
    Dwarf_Die child;
    for (int more = dwarf_child(scope, &child); more == 0; more = dwarf_siblingof(&child, &child)) {
        int tag = dwarf_tag(&child);
        if ((is_function(tag) || tag == DW_TAG_lexical_block) && dwarf_haspc(&child, addr) > 0) {
            *out = child;
            return true;
        }
    }
    return false;
}

// The functions around the address, outermost first: the function itself and what is inlined in it.
static size_t functions(Dwarf_Die *unit, uint64_t addr, Dwarf_Die *out, size_t max) {
    size_t n = 0;
    Dwarf_Die at = *unit;
    for (int depth = 0; depth < DEPTH_MAX && inner_scope(&at, addr, &at); depth++) {
        int tag = dwarf_tag(&at);
        if (tag == DW_TAG_subprogram) n = 0; // one within another (GNU C) is no call
        if (is_function(tag) && n < max) out[n++] = at;
    }
    return n;
}

static const char *function_name(Dwarf_Die *die) {
    Dwarf_Attribute attr;
    const char *name = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_name, &attr));
    return name ? name : "";
}

static uint32_t number(Dwarf_Die *die, unsigned attribute) {
    Dwarf_Attribute attr;
    Dwarf_Word v;
    if (dwarf_formudata(dwarf_attr(die, attribute, &attr), &v) != 0 || v > UINT32_MAX) return 0;
    return (uint32_t)v;
}

// The call that was inlined as DIE.
static void call_place(Dwarf_Die *unit, Dwarf_Die *die, struct type_place *out) {
    Dwarf_Files *files;
    size_t n;
    uint32_t file = number(die, DW_AT_call_file);
    out->line = number(die, DW_AT_call_line);
    out->column = number(die, DW_AT_call_column);
    if (dwarf_hasattr(die, DW_AT_call_file) && dwarf_getsrcfiles(unit, &files, &n) == 0 && file < n)
        out->file = dwarf_filesrc(files, file, NULL, NULL);
    if (!out->file) out->file = "";
}

static void line_place(Dwarf_Die *unit, uint64_t addr, struct type_place *out) {
    Dwarf_Line *line = dwarf_getsrc_die(unit, addr);
    int v;
    const char *file = line ? dwarf_linesrc(line, NULL, NULL) : NULL;
    out->file = file ? file : "";
    if (line && dwarf_lineno(line, &v) == 0 && v > 0) out->line = (uint32_t)v;
    if (line && dwarf_linecol(line, &v) == 0 && v > 0) out->column = (uint32_t)v;
}

int dwarf_places(struct type_source *src, uint64_t addr, struct type_place *out, size_t max,
                 size_t *n, struct kvm_err *err) {
    struct dwarf_source *s = (struct dwarf_source *)src;
    Dwarf_Die unit, scopes[DEPTH_MAX];
    *n = 0;
    int rc = find_unit(s->dwarf, addr, &unit, err);
    if (rc || max == 0) return rc;
    size_t count = functions(&unit, addr, scopes, DEPTH_MAX);
    for (size_t i = 0; i < max && (i == 0 || i < count); i++) {
        Dwarf_Die *scope = count ? &scopes[count - 1 - i] : NULL;
        out[i] = (struct type_place){.name = scope ? function_name(scope) : "",
                                     .inlined = scope && i + 1 < count};
        if (i == 0)
            line_place(&unit, addr, &out[i]);
        else
            call_place(&unit, &scopes[count - i], &out[i]);
        *n = i + 1;
    }
    return 0;
}
#endif
