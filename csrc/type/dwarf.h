// SPDX-License-Identifier: BSD-2-Clause
// What dwarf.c (the source), dwarf_open.c (files), dwarf_names.c (search), dwarf_type.c (decoding),
// dwarf_var.c (variables), dwarf_line.c (lines) and dwarf_frame.c (call frames) share.
#ifndef KVM_TYPE_DWARF_H
#define KVM_TYPE_DWARF_H

#include "type/type_priv.h"

#include <elfutils/libdwfl.h>

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
    uint32_t next;    // of its hash chain
    uint8_t kind;     // enum type_kind
    bool declared;    // not defined so far
    bool in_types;    // its entry is in .debug_types
};

struct dwarf_source {
    struct type_source source;
    int fd;
    Elf *elf;
    Dwfl *dwfl; // of relocatable files: owns what follows
    Dwfl_Module *module;
    Dwarf *dwarf;
    Dwarf_CFI *eh_frame; // of a linked file; NULL: not read yet, or none
    bool eh_frame_read;
    struct dwarf_type *types; // [0] is unused
    size_t types_len, types_cap;
    uint32_t *type_buckets; // ids by address of the entry, linear probing
    size_t type_buckets_len;
    struct dwarf_name *names; // [0] is unused
    size_t names_len, names_cap;
    uint32_t *name_buckets;
    size_t name_buckets_len;
    Dwarf_CU *unit; // the last that was scanned
    bool all_units;
};

// Opens the file; the section addresses are those of type_dwarf_open_at, NULL: none are known.
int dwarf_file_open(struct dwarf_source *s, const char *path, const struct type_section *sections,
                    size_t n, struct kvm_err *err);
void dwarf_file_close(struct dwarf_source *s);

// The source's number of an entry, given to it when it is met first.
int dwarf_type_id(struct dwarf_source *s, const Dwarf_Die *die, uint32_t part, uint32_t *out);
int dwarf_type_decode(struct dwarf_source *s, uint32_t id, struct kvm_err *err);

int dwarf_names_find(struct dwarf_source *s, enum type_kind kind, const char *name, uint32_t *out);
// Indexes one more unit. FORMAT: it is damaged.
int dwarf_names_scan(struct dwarf_source *s);
// The newest index of a name so far, and the one before it; 0: there is none. Of types one is kept, of variables one
// declaration and all definitions.
uint32_t dwarf_names_first(const struct dwarf_source *s, enum type_kind kind, const char *name);
uint32_t dwarf_names_next(const struct dwarf_source *s, uint32_t i);
bool dwarf_names_entry(const struct dwarf_source *s, uint32_t i, Dwarf_Die *out);

int dwarf_variable(struct type_source *src, const char *name, const uint64_t *addr, size_t i,
                   uint32_t *out, struct kvm_err *err);
int dwarf_places(struct type_source *src, uint64_t addr, struct type_place *out, size_t max,
                 size_t *n, struct kvm_err *err);
int dwarf_frame(struct type_source *src, uint64_t addr, struct type_frame *out,
                struct kvm_err *err);

// The attribute's own text of the entry, "" when it has none.
const char *dwarf_entry_name(Dwarf_Die *die);
bool dwarf_entry_flag(Dwarf_Die *die, unsigned attribute);

#endif
