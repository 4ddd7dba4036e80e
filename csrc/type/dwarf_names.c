// SPDX-License-Identifier: BSD-2-Clause
// Search for types by name in DWARF. Kernels have no index of names (.debug_names, .gdb_index), so
// the entries at the top of each unit are scanned, one unit after the other, until the definition
// is met; what was scanned is kept. Only a name that is not there costs a pass over everything.
#if HAVE_LIBDW
#include "type/dwarf.h"

#include "base/mem.h"

#include <dwarf.h>
#include <string.h>

const char *dwarf_entry_name(Dwarf_Die *die) {
    Dwarf_Attribute attr;
    const char *name = dwarf_formstring(dwarf_attr(die, DW_AT_name, &attr));
    return name ? name : "";
}

bool dwarf_entry_flag(Dwarf_Die *die, unsigned attribute) {
    Dwarf_Attribute attr;
    bool flag = false;
    return dwarf_formflag(dwarf_attr(die, attribute, &attr), &flag) == 0 && flag;
}

static uint32_t hash(enum type_kind kind, const char *s) {
    uint32_t h = 2166136261u ^ (uint32_t)kind; // FNV-1a
    for (; *s; s++)
        h = (h ^ (uint8_t)*s) * 16777619u;
    return h ^ (h >> 15);
}

static struct dwarf_name *lookup(const struct dwarf_source *s, enum type_kind kind,
                                 const char *name) {
    if (!s->name_buckets) return NULL;
    uint32_t i = s->name_buckets[hash(kind, name) & (s->name_buckets_len - 1)];
    for (; i; i = s->names[i].next) {
        if (s->names[i].kind == kind && strcmp(s->names[i].name, name) == 0) return &s->names[i];
    }
    return NULL;
}

static void link_name(struct dwarf_source *s, uint32_t i) {
    struct dwarf_name *n = &s->names[i];
    uint32_t *bucket = &s->name_buckets[hash(n->kind, n->name) & (s->name_buckets_len - 1)];
    n->next = *bucket;
    *bucket = i;
}

static bool grow_name_buckets(struct dwarf_source *s) {
    size_t len = s->name_buckets_len ? s->name_buckets_len * 4 : 4096;
    uint32_t *buckets = mem_array(len, sizeof(*buckets));
    if (!buckets) return false;
    mem_free(s->name_buckets);
    s->name_buckets = buckets;
    s->name_buckets_len = len;
    for (size_t i = 1; i < s->names_len; i++)
        link_name(s, (uint32_t)i);
    return true;
}

// The first definition of a name stays; a declaration gives way to it.
static int add_name(struct dwarf_source *s, Dwarf_Die *die, enum type_kind kind) {
    const char *name = dwarf_entry_name(die);
    if (!name[0]) return 0;
    struct dwarf_name *n = lookup(s, kind, name);
    if (n && !n->declared) return 0;
    bool declared = dwarf_entry_flag(die, DW_AT_declaration);
    if (n) {
        if (!declared) {
            n->declared = false;
            n->offset = dwarf_dieoffset(die);
        }
        return 0;
    }
    if (s->names_len >= UINT32_MAX) return KVM_NOMEM;
    if (s->names_len >= s->name_buckets_len && !grow_name_buckets(s)) return KVM_NOMEM;
    if (!mem_grow(&s->names, &s->names_cap, s->names_len + 1, sizeof(*s->names))) return KVM_NOMEM;
    s->names[s->names_len] = (struct dwarf_name){
        .name = name, .offset = dwarf_dieoffset(die), .kind = kind, .declared = declared};
    link_name(s, (uint32_t)s->names_len++);
    return 0;
}

static bool is_float(Dwarf_Die *die) {
    Dwarf_Attribute attr;
    Dwarf_Word encoding;
    return dwarf_formudata(dwarf_attr(die, DW_AT_encoding, &attr), &encoding) == 0 &&
           encoding == DW_ATE_float;
}

static int add_entry(struct dwarf_source *s, Dwarf_Die *die) {
    switch (dwarf_tag(die)) {
    case DW_TAG_structure_type: return add_name(s, die, TYPE_STRUCT);
    case DW_TAG_union_type: return add_name(s, die, TYPE_UNION);
    case DW_TAG_enumeration_type: return add_name(s, die, TYPE_ENUM);
    case DW_TAG_typedef: return add_name(s, die, TYPE_TYPEDEF);
    case DW_TAG_base_type: return add_name(s, die, is_float(die) ? TYPE_FLOAT : TYPE_INT);
    case DW_TAG_subprogram: return add_name(s, die, TYPE_FUNC);
    default: return 0;
    }
}

static int scan_entries(struct dwarf_source *s, Dwarf_Die *unit) {
    Dwarf_Die die;
    int more = dwarf_child(unit, &die);
    while (more == 0) {
        int rc = add_entry(s, &die);
        if (rc) return rc;
        more = dwarf_siblingof(&die, &die);
    }
    return more < 0 ? KVM_FORMAT : 0;
}

static int scan_unit(struct dwarf_source *s) {
    Dwarf_Off next;
    size_t header;
    int rc = dwarf_nextcu(s->dwarf, s->next_unit, &next, &header, NULL, NULL, NULL);
    if (rc < 0) return KVM_FORMAT;
    if (rc > 0) {
        s->all_units = true;
        return 0;
    }
    Dwarf_Die unit;
    if (!dwarf_offdie(s->dwarf, s->next_unit + header, &unit) || next <= s->next_unit)
        return KVM_FORMAT;
    rc = scan_entries(s, &unit);
    if (rc == 0) s->next_unit = next;
    return rc;
}

int dwarf_names_find(struct dwarf_source *s, enum type_kind kind, const char *name, type_id *out) {
    const struct dwarf_name *n = lookup(s, kind, name);
    while ((!n || n->declared) && !s->all_units) {
        int rc = scan_unit(s);
        if (rc) return rc;
        n = lookup(s, kind, name);
    }
    if (!n) return KVM_NOTFOUND;
    Dwarf_Die die;
    if (!dwarf_offdie(s->dwarf, n->offset, &die)) return KVM_FORMAT;
    return dwarf_type_id(s, &die, 0, out);
}
#endif
