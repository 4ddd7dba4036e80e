// SPDX-License-Identifier: BSD-2-Clause
// Decoding of one DWARF entry into a type: DWARF 5 sections 5.1 to 5.8, and both forms of bit
// fields (DW_AT_data_bit_offset; before DWARF 4 DW_AT_bit_offset, which counts from the highest bit
// of the storage unit). What is left out of C: complex numbers, arrays of variable length.
#if HAVE_LIBDW
#include "type/dwarf.h"

#include "base/mem.h"

#include <dwarf.h>
#include <gelf.h>
#include <string.h>

#define MAX_DIMENSIONS 64

static int damaged(Dwarf_Die *die, const char *what, struct kvm_err *err) {
    return err_set(err, KVM_FORMAT, "DWARF: entry 0x%llx: %s",
                   (unsigned long long)dwarf_dieoffset(die), what);
}

// A constant attribute; ABSENT when the entry does not have it.
static int constant(Dwarf_Die *die, unsigned attribute, uint64_t absent, uint64_t *out,
                    struct kvm_err *err) {
    Dwarf_Attribute attr;
    Dwarf_Word v;
    *out = absent;
    if (!dwarf_attr(die, attribute, &attr)) return 0;
    if (dwarf_formudata(&attr, &v) != 0) return damaged(die, "an attribute is no constant", err);
    *out = v;
    return 0;
}

// A declaration whose definition is in a type unit gives way to that.
static bool follow_signature(Dwarf_Die *die) {
    Dwarf_Attribute attr;
    Dwarf_Die target;
    if (!dwarf_attr(die, DW_AT_signature, &attr)) return true;
    if (!dwarf_formref_die(&attr, &target)) return false;
    *die = target;
    return true;
}

// The entry behind DW_AT_type (of a variable perhaps its declaration's). False: none, which is void.
static int type_entry(Dwarf_Die *die, Dwarf_Die *out, bool *has, struct kvm_err *err) {
    Dwarf_Attribute attr;
    *has = (dwarf_tag(die) == DW_TAG_variable ? dwarf_attr_integrate(die, DW_AT_type, &attr)
                                              : dwarf_attr(die, DW_AT_type, &attr)) != NULL;
    if (*has && (!dwarf_formref_die(&attr, out) || !follow_signature(out)))
        return damaged(die, "its type is no reference to an entry", err);
    return 0;
}

static int entry_id(struct dwarf_source *s, const Dwarf_Die *die, uint32_t part, type_id *out,
                    struct kvm_err *err) {
    uint32_t id;
    int rc = dwarf_type_id(s, die, part, &id);
    if (rc) return err_nomem(err, "a type of DWARF");
    *out = type_id_of(&s->source, id);
    return 0;
}

static int target_id(struct dwarf_source *s, Dwarf_Die *die, type_id *out, struct kvm_err *err) {
    Dwarf_Die target;
    bool has;
    *out = 0;
    int rc = type_entry(die, &target, &has, err);
    return rc || !has ? rc : entry_id(s, &target, 0, out, err);
}

static uint64_t address_size(Dwarf_Die *die) {
    Dwarf_Die unit;
    uint8_t address = 0, offset;
    return dwarf_diecu(die, &unit, &address, &offset) ? address : 0;
}

// --- arrays
// The elements of one dimension; 0 where the bound is left out ("[]").
static int dimension_count(Dwarf_Die *range, uint64_t *out, struct kvm_err *err) {
    Dwarf_Attribute attr;
    Dwarf_Word v;
    *out = 0;
    if (dwarf_attr(range, DW_AT_count, &attr)) {
        if (dwarf_formudata(&attr, &v) == 0) *out = v;
        return 0; // else computed when the program runs
    }
    if (!dwarf_attr(range, DW_AT_upper_bound, &attr) || dwarf_formudata(&attr, &v) != 0) return 0;
    // "[0]" has the upper bound -1, in whatever width.
    unsigned form = dwarf_whatform(&attr);
    if (v == UINT64_MAX || (form == DW_FORM_data4 && v == UINT32_MAX)) return 0;
    if (v >= UINT64_MAX / 8) return damaged(range, "absurd bound of an array", err);
    *out = v + 1;
    return 0;
}

static int dimensions(Dwarf_Die *die, uint64_t *counts, uint32_t *n, struct kvm_err *err) {
    Dwarf_Die child;
    *n = 0;
    for (int more = dwarf_child(die, &child); more == 0; more = dwarf_siblingof(&child, &child)) {
        if (dwarf_tag(&child) != DW_TAG_subrange_type) continue;
        if (*n == MAX_DIMENSIONS) return damaged(die, "too many dimensions", err);
        int rc = dimension_count(&child, &counts[*n], err);
        if (rc) return rc;
        ++*n;
    }
    if (*n == 0) counts[(*n)++] = 0;
    return 0;
}

// --- size
static int array_count(Dwarf_Die *die, uint32_t part, uint64_t *count, struct kvm_err *err) {
    uint64_t counts[MAX_DIMENSIONS];
    uint32_t n;
    int rc = dimensions(die, counts, &n, err);
    if (rc) return rc;
    for (uint32_t i = part; i < n; i++) {
        if (!mem_mul(*count, counts[i], count))
            return damaged(die, "the size of an array overflows", err);
    }
    return 0;
}

// Bytes of the type at DIE (of an array from dimension PART on).
static int size_of(Dwarf_Die *die, uint32_t part, uint64_t *out, struct kvm_err *err) {
    Dwarf_Die at = *die;
    uint64_t count = 1, size = 0;
    bool has = true;
    for (int steps = 0; has; steps++) {
        int rc = 0;
        if (steps >= TYPE_MAX_CHAIN) return damaged(die, "a cycle of types", err);
        switch (dwarf_tag(&at)) {
        case DW_TAG_array_type: rc = array_count(&at, steps ? 0 : part, &count, err); break;
        case DW_TAG_typedef:
        case DW_TAG_const_type:
        case DW_TAG_volatile_type:
        case DW_TAG_restrict_type:
        case DW_TAG_variable:
        case DW_TAG_atomic_type: break;
        case DW_TAG_pointer_type:
            rc = constant(&at, DW_AT_byte_size, address_size(&at), &size, err);
            has = false;
            break;
        case DW_TAG_subroutine_type:
        case DW_TAG_subprogram: has = false; break;
        default:
            rc = constant(&at, DW_AT_byte_size, 0, &size, err);
            has = false;
            break;
        }
        if (rc == 0 && has) rc = type_entry(&at, &at, &has, err);
        if (rc) return rc;
    }
    return mem_mul(size, count, out) ? 0 : damaged(die, "the size of a type overflows", err);
}

// --- members
static int member_location(Dwarf_Die *die, uint64_t *bytes, struct kvm_err *err) {
    Dwarf_Attribute attr;
    Dwarf_Word v;
    *bytes = 0;
    if (!dwarf_attr(die, DW_AT_data_member_location, &attr)) return 0;
    if (dwarf_formudata(&attr, &v) == 0) {
        *bytes = v;
        return 0;
    }
    // DWARF 2: an expression that adds to the address of the struct.
    Dwarf_Op *ops;
    size_t n;
    if (dwarf_getlocation(&attr, &ops, &n) != 0 || n != 1 || ops[0].atom != DW_OP_plus_uconst)
        return damaged(die, "the place of a member is computed", err);
    *bytes = ops[0].number;
    return 0;
}

static bool big_endian(Dwarf_Die *die) {
    GElf_Ehdr ehdr;
    Dwarf *dwarf = dwarf_cu_getdwarf(die->cu);
    return gelf_getehdr(dwarf_getelf(dwarf), &ehdr) && ehdr.e_ident[EI_DATA] == ELFDATA2MSB;
}

// DW_AT_bit_offset counts from the highest bit of a storage unit of DW_AT_byte_size bytes.
static int old_bit_offset(Dwarf_Die *die, uint64_t high, struct dwarf_item *item,
                          struct kvm_err *err) {
    uint64_t storage;
    Dwarf_Die type;
    bool has;
    int rc = type_entry(die, &type, &has, err);
    if (rc == 0 && has) rc = size_of(&type, 0, &storage, err);
    if (rc == 0 && !has) storage = 0;
    if (rc == 0) rc = constant(die, DW_AT_byte_size, storage, &storage, err);
    if (rc) return rc;
    if (storage > 16 || high > 128 || high + item->bit_size > storage * 8)
        return damaged(die, "a bit field lies outside of its storage", err);
    item->bit_offset += big_endian(die) ? high : storage * 8 - high - item->bit_size;
    return 0;
}

static int decode_member(struct dwarf_source *s, Dwarf_Die *die, struct dwarf_item *item,
                         struct kvm_err *err) {
    uint64_t bytes, bits, bit_offset;
    int rc = target_id(s, die, &item->type, err);
    if (rc == 0) rc = member_location(die, &bytes, err);
    if (rc == 0) rc = constant(die, DW_AT_bit_size, 0, &bits, err);
    if (rc) return rc;
    if (bits > 128) return damaged(die, "absurd size of a bit field", err);
    if (!mem_mul(bytes, 8, &item->bit_offset))
        return damaged(die, "absurd offset of a member", err);
    item->bit_size = (uint32_t)bits;
    if (bits == 0) return 0;
    rc = constant(die, DW_AT_data_bit_offset, UINT64_MAX, &bit_offset, err);
    if (rc) return rc;
    if (bit_offset != UINT64_MAX) {
        if (!mem_add(item->bit_offset, bit_offset, &item->bit_offset))
            return damaged(die, "absurd offset of a member", err);
        return 0;
    }
    rc = constant(die, DW_AT_bit_offset, UINT64_MAX, &bit_offset, err);
    return rc || bit_offset == UINT64_MAX ? rc : old_bit_offset(die, bit_offset, item, err);
}

static int decode_enumerator(Dwarf_Die *die, struct dwarf_item *item, struct kvm_err *err) {
    Dwarf_Attribute attr;
    Dwarf_Word u;
    Dwarf_Sword v;
    if (!dwarf_attr(die, DW_AT_const_value, &attr)) return damaged(die, "it has no value", err);
    // libdw takes data1 to data8 as signed in dwarf_formsdata; gcc writes negative values as sdata.
    unsigned form = dwarf_whatform(&attr);
    if (form == DW_FORM_sdata || form == DW_FORM_implicit_const) {
        if (dwarf_formsdata(&attr, &v) != 0) return damaged(die, "its value is no constant", err);
        item->value = v;
    } else {
        if (dwarf_formudata(&attr, &u) != 0) return damaged(die, "its value is no constant", err);
        item->value = (int64_t)u;
    }
    return 0;
}

static int decode_item(struct dwarf_source *s, Dwarf_Die *die, struct dwarf_item *item,
                       struct kvm_err *err) {
    item->name = dwarf_entry_name(die);
    switch (dwarf_tag(die)) {
    case DW_TAG_member: return decode_member(s, die, item, err);
    case DW_TAG_enumerator: return decode_enumerator(die, item, err);
    case DW_TAG_formal_parameter: return target_id(s, die, &item->type, err);
    default: return 0; // DW_TAG_unspecified_parameters
    }
}

static bool is_item(enum type_kind kind, Dwarf_Die *die) {
    int tag = dwarf_tag(die);
    if (kind == TYPE_ENUM) return tag == DW_TAG_enumerator;
    if (kind == TYPE_FUNC_PROTO)
        return tag == DW_TAG_formal_parameter || tag == DW_TAG_unspecified_parameters;
    // A static member (C++) has DW_AT_external and no place.
    return tag == DW_TAG_member && !dwarf_entry_flag(die, DW_AT_external);
}

static int decode_items(struct dwarf_source *s, Dwarf_Die *die, enum type_kind kind,
                        struct dwarf_item **out, uint64_t *count, struct kvm_err *err) {
    struct dwarf_item *items = NULL;
    size_t n = 0, cap = 0;
    Dwarf_Die child;
    int more = dwarf_child(die, &child), rc = 0;
    for (; more == 0 && rc == 0; more = dwarf_siblingof(&child, &child)) {
        if (!is_item(kind, &child)) continue;
        if (!mem_grow(&items, &cap, n + 1, sizeof(*items))) {
            rc = err_nomem(err, "the members of a type");
            break;
        }
        items[n] = (struct dwarf_item){0};
        rc = decode_item(s, &child, &items[n++], err);
    }
    if (rc == 0 && more < 0) rc = damaged(die, "its entries can't be read", err);
    if (rc) {
        mem_free(items);
        return rc;
    }
    *out = items;
    *count = n;
    return 0;
}

// --- one type
static int base_info(Dwarf_Die *die, struct type_info *out, struct kvm_err *err) {
    uint64_t encoding, bits;
    int rc = constant(die, DW_AT_encoding, 0, &encoding, err);
    if (rc == 0) rc = constant(die, DW_AT_bit_size, out->size * 8, &bits, err);
    if (rc) return rc;
    switch (encoding) {
    case DW_ATE_float: out->kind = TYPE_FLOAT; return 0;
    case DW_ATE_boolean: out->kind = TYPE_BOOL; break;
    case DW_ATE_signed:
    case DW_ATE_signed_char: out->is_signed = true; __attribute__((fallthrough));
    case DW_ATE_unsigned:
    case DW_ATE_unsigned_char:
    case DW_ATE_UTF:
        // As with BTF: u8's "unsigned char" is a number.
        out->kind = strcmp(out->name, "char") == 0 ? TYPE_CHAR : TYPE_INT;
        break;
    default: out->kind = TYPE_OTHER; return 0;
    }
    if (out->size > 16 || bits > out->size * 8)
        return damaged(die, "absurd size of an integer", err);
    out->bits = (uint8_t)bits;
    return 0;
}

static int array_info(struct dwarf_source *s, Dwarf_Die *die, uint32_t part, struct type_info *out,
                      struct kvm_err *err) {
    uint64_t counts[MAX_DIMENSIONS];
    uint32_t n;
    int rc = dimensions(die, counts, &n, err);
    if (rc) return rc;
    if (part >= n) return damaged(die, "it has fewer dimensions", err);
    out->count = counts[part];
    if (part + 1 == n) return target_id(s, die, &out->target, err);
    return entry_id(s, die, part + 1, &out->target, err);
}

static enum type_kind kind_of(Dwarf_Die *die, uint32_t part) {
    switch (dwarf_tag(die)) {
    case DW_TAG_base_type: return TYPE_INT;
    case DW_TAG_pointer_type: return TYPE_PTR;
    case DW_TAG_array_type: return TYPE_ARRAY;
    case DW_TAG_structure_type:
        return dwarf_entry_flag(die, DW_AT_declaration) ? TYPE_FWD : TYPE_STRUCT;
    case DW_TAG_union_type: return dwarf_entry_flag(die, DW_AT_declaration) ? TYPE_FWD : TYPE_UNION;
    case DW_TAG_enumeration_type: return TYPE_ENUM;
    case DW_TAG_typedef: return TYPE_TYPEDEF;
    case DW_TAG_const_type: return TYPE_CONST;
    case DW_TAG_volatile_type: return TYPE_VOLATILE;
    case DW_TAG_restrict_type: return TYPE_RESTRICT;
    case DW_TAG_atomic_type: return TYPE_TAG;
    case DW_TAG_subroutine_type: return TYPE_FUNC_PROTO;
    case DW_TAG_subprogram: return part ? TYPE_FUNC_PROTO : TYPE_FUNC;
    case DW_TAG_variable: return TYPE_VAR;
    default: return TYPE_OTHER;
    }
}

static int enum_signed(Dwarf_Die *die, struct dwarf_type *t, struct kvm_err *err) {
    Dwarf_Die type;
    bool has;
    int rc = type_entry(die, &type, &has, err);
    if (rc == 0 && has) {
        struct type_info base = {.name = "", .size = 8};
        rc = base_info(&type, &base, err);
        t->info.is_signed = base.is_signed;
    }
    for (uint64_t i = 0; rc == 0 && !has && i < t->info.count; i++) {
        if (t->items[i].value < 0) t->info.is_signed = true;
    }
    return rc;
}

// Fills T, a copy: the table of types may move while other types are met.
static int decode(struct dwarf_source *s, struct dwarf_type *t, struct kvm_err *err) {
    Dwarf_Die *die = &t->die;
    struct type_info *info = &t->info;
    *info = (struct type_info){.kind = kind_of(die, t->part), .name = ""};
    if (t->part == 0) info->name = dwarf_entry_name(die);
    if (info->kind == TYPE_OTHER) return 0;
    info->is_union = info->kind == TYPE_FWD && dwarf_tag(die) == DW_TAG_union_type;
    int rc = size_of(die, t->part, &info->size, err);
    if (rc) return rc;
    switch (info->kind) {
    case TYPE_INT: return base_info(die, info, err);
    case TYPE_ARRAY: return array_info(s, die, t->part, info, err);
    case TYPE_FUNC: return entry_id(s, die, 1, &info->target, err);
    case TYPE_STRUCT:
    case TYPE_UNION:
    case TYPE_ENUM:
    case TYPE_FUNC_PROTO:
        rc = decode_items(s, die, info->kind, &t->items, &info->count, err);
        if (rc == 0 && info->kind == TYPE_ENUM) rc = enum_signed(die, t, err);
        if (rc == 0 && info->kind == TYPE_FUNC_PROTO) rc = target_id(s, die, &info->target, err);
        return rc;
    case TYPE_FWD: return 0;
    default: return target_id(s, die, &info->target, err);
    }
}

int dwarf_type_decode(struct dwarf_source *s, uint32_t id, struct kvm_err *err) {
    if (s->types[id].decoded) return 0;
    struct dwarf_type t = s->types[id];
    int rc = decode(s, &t, err);
    if (rc) {
        mem_free(t.items);
        return rc;
    }
    t.decoded = true;
    s->types[id] = t;
    return 0;
}
#endif
