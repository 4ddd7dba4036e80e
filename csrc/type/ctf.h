// SPDX-License-Identifier: BSD-2-Clause
// What the files of CTF share: ctf_file.c (the file, header, decompression), ctf_index.c (types and
// names), ctf_symbols.c (types of variables and functions) and ctf.c (decoding).
#ifndef KVM_TYPE_CTF_H
#define KVM_TYPE_CTF_H

#include "type/type_priv.h"

#include <libelf.h>

// FreeBSD's sys/sys/ctf.h, 14.0
enum ctf_kind {
    CTF_UNKNOWN, // also a hole among the ids
    CTF_INTEGER,
    CTF_FLOAT,
    CTF_POINTER,
    CTF_ARRAY,
    CTF_FUNCTION,
    CTF_STRUCT,
    CTF_UNION,
    CTF_ENUM,
    CTF_FORWARD,
    CTF_TYPEDEF,
    CTF_VOLATILE,
    CTF_CONST,
    CTF_RESTRICT,
    CTF_KINDS
};

enum { CTF_LMEMBER = 16 }; // bytes of a member of a large struct, in either version

// What the versions differ in.
struct ctf_layout {
    uint8_t id;            // bytes of a type's id, and of the info word
    uint8_t member;        // bytes of a member of a struct below the threshold
    uint8_t kind_shift;    // info: the kind
    uint32_t root;         // info: the type is visible by its name
    uint32_t vlen;         // info: how many items
    uint32_t large_size;   // a size of this stands for 64 bits behind
    uint32_t large_struct; // from this size (bytes) on, members have 64-bit offsets
    uint32_t child;        // id: of this file, where it has a parent
};

struct ctf_name {
    const char *name;
    uint32_t id;
};

// A symbol with a type.
struct ctf_symbol {
    const char *name;
    const uint8_t *at; // its word or record
    bool local;
};

struct ctf {
    struct type_source source;
    const struct ctf_layout *layout;
    bool big;
    uint8_t pointer_size; // 0: not known
    struct ctf *parent;   // NULL: none
    int fd;
    Elf *elf;           // NULL: a detached file
    const uint8_t *raw; // the detached file, or the section
    size_t raw_len;
    uint8_t *owned[2];   // what is to be freed: the detached file, the decompressed body
    const uint8_t *body; // what stands behind the header
    uint32_t labels, objects, functions, types, strings, strings_len; // where in it
    const char *elf_strings;                                          // ends with a NUL; NULL: none
    size_t elf_strings_len;
    Elf_Data *symtab;     // NULL: none
    struct kvm_err error; // of the index
    bool indexed;
    uint32_t last;          // the highest number of a type
    uint32_t *offsets;      // by number: where in the body
    struct ctf_name *names; // sorted by name and number; NULL: not made yet
    size_t names_len, names_cap;
    bool symbols_loaded;
    struct ctf_symbol *variables, *routines; // in the order of the symbol table
    size_t variables_len, variables_cap, routines_len, routines_cap;
    struct ctf_name *symbols; // both, sorted; ids are those of the graph
    size_t symbols_len;
};

// A type's record, decoded.
struct ctf_record {
    uint32_t name, vlen, ref;
    uint64_t size;
    uint8_t kind;
    bool root;
    const uint8_t *data; // behind it
};

extern const struct type_ops type_ctf;

static inline uint32_t ctf_word(const struct ctf *c, const uint8_t *p) {
    return c->layout->id == 2 ? bytes_u16(p, c->big) : bytes_u32(p, c->big);
}
static inline unsigned ctf_kind(const struct ctf *c, uint32_t info) {
    return info >> c->layout->kind_shift;
}
// A name in either table of strings; NULL when it lies outside of them.
const char *ctf_string(const struct ctf *c, uint32_t name);

void ctf_close(struct ctf *c);

// --- ctf_index.c
// Finds where each type starts; once, what failed stays failed.
int ctf_index(struct ctf *c, struct kvm_err *err);
// The record of type N (1 .. last), which is indexed.
void ctf_record(const struct ctf *c, uint32_t n, struct ctf_record *out);
// Whether all bits of an integer count: a bit field's has the name of the whole one, and fewer bits.
bool ctf_is_whole(const struct ctf *c, const struct ctf_record *r);
// The first type of that name and kind: those that are visible by their name before others, definitions before
// declarations.
int ctf_find_type(struct ctf *c, enum type_kind kind, const char *name, uint32_t *out);
// By name, then number.
int ctf_name_compare(const void *a, const void *b);
// The first of the sorted NAMES that has NAME, or the one behind.
size_t ctf_name_first(const struct ctf_name *names, size_t count, const char *name);

// --- ctf_symbols.c
// Ids behind the last type: variables, then for each function TYPE_FUNC and TYPE_FUNC_PROTO.
int ctf_symbols_load(struct ctf *c, struct kvm_err *err);
int ctf_find_symbol(struct ctf *c, enum type_kind kind, const char *name, uint32_t *out);

#endif
