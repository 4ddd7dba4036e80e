// SPDX-License-Identifier: BSD-2-Clause
// What dwarf.c (the source), dwarf_names.c (search) and dwarf_type.c (decoding) share.
#ifndef KVM_TYPE_DWARF_H
#define KVM_TYPE_DWARF_H

#include "type/type_priv.h"

#include <elfutils/libdw.h>

// A member, parameter or enumerator, decoded.
struct dwarf_item {
    const char *name; // of .debug_str or .debug_info: as long as the file is open
    type_id type;
    uint32_t bit_size;
    uint64_t bit_offset;
    int64_t value;
};

// A type that was met. Arrays of several dimensions are one entry in DWARF and a chain here, and a
// function has its prototype: PART counts what an entry stands for beyond itself.
struct dwarf_type {
    Dwarf_Die die;
    uint32_t part;
    bool decoded; // items and info are there
    struct type_info info;
    struct dwarf_item *items;
};

struct dwarf_name {
    const char *name;
    Dwarf_Off offset; // of its entry
    enum type_kind kind;
    bool declared; // not defined so far
    uint32_t next; // of its hash chain
};

struct dwarf_source {
    struct type_source source;
    int fd;
    Dwarf *dwarf;
    struct dwarf_type *types; // [0] is unused
    size_t types_len, types_cap;
    uint32_t *type_buckets; // ids by address of the entry, linear probing
    size_t type_buckets_len;
    struct dwarf_name *names; // [0] is unused
    size_t names_len, names_cap;
    uint32_t *name_buckets;
    size_t name_buckets_len;
    Dwarf_Off next_unit; // the first that was not scanned
    bool all_units;
};

// The id of an entry, given to it when it is met first.
int dwarf_type_id(struct dwarf_source *s, const Dwarf_Die *die, uint32_t part, type_id *out);
int dwarf_type_decode(struct dwarf_source *s, type_id id, struct kvm_err *err);
int dwarf_names_find(struct dwarf_source *s, enum type_kind kind, const char *name, type_id *out);
// The attribute's own text of the entry, "" when it has none.
const char *dwarf_entry_name(Dwarf_Die *die);
bool dwarf_entry_flag(Dwarf_Die *die, unsigned attribute);

#endif
