// SPDX-License-Identifier: BSD-2-Clause
// C types of the target as one graph, whatever they were read from. Nothing is read before a type
// is asked for, and then only indexed: a type's bytes are decoded when it is looked at.
//
// How to add a type source:
//  1. Write csrc/type/<source>.c with one `const struct type_ops type_<source>` and its open
//  function.
//  2. Let the loader (session/types.c) try it where it belongs in the order.
//  3. A builder in spec/support/build, a comparison with pahole, a fuzz target, a line in
//  CHANGELOG.md.
#ifndef KVM_TYPE_TYPE_H
#define KVM_TYPE_TYPE_H

#include "base/reader.h"

#include <stddef.h>

typedef uint32_t type_id; // 0 is void

enum type_kind {
    TYPE_VOID,
    TYPE_INT,
    TYPE_BOOL,
    TYPE_CHAR,
    TYPE_FLOAT,
    TYPE_PTR,
    TYPE_ARRAY,
    TYPE_STRUCT,
    TYPE_UNION,
    TYPE_ENUM,
    TYPE_FWD,
    TYPE_TYPEDEF,
    TYPE_CONST,
    TYPE_VOLATILE,
    TYPE_RESTRICT,
    TYPE_FUNC,
    TYPE_FUNC_PROTO,
    TYPE_VAR,
    TYPE_TAG,   // a type tag, passed through like const
    TYPE_OTHER, // an entry of the source that is no C type (a section, a tag of a declaration)
    TYPE_KINDS
};

struct type_info {
    enum type_kind kind;
    const char *name; // "" when anonymous; borrowed from the source
    uint64_t size;    // bytes; 0 for void, functions, forward declarations
    bool is_signed;   // integers, enums
    bool is_union;    // TYPE_FWD: of a union
    uint8_t bits;     // TYPE_INT: how many bits count (normally 8 * size)
    type_id target;   // of pointers, typedefs, qualifiers, variables; array element; of TYPE_FUNC
                      // its TYPE_FUNC_PROTO; of TYPE_FUNC_PROTO the result
    uint64_t count;   // array elements, struct or union members, enumerators, parameters
};

struct type_member {
    const char *name; // "" when anonymous
    type_id type;
    uint64_t bit_offset; // from the start of the struct; for bit fields as the target's byte order
                         // counts them
    uint32_t bit_size;   // 0: not a bit field
    // A last parameter without name and type stands for "...".
};

struct type_enumerator {
    const char *name;
    int64_t value; // of an unsigned 64-bit enum: its bits
};

// Where a path such as "signal.rlim[3].rlim_cur" ends. Offsets go through anonymous members.
struct type_field {
    type_id type;
    uint64_t bit_offset;
    uint32_t bit_size;
};

struct type_db;
struct type_source;

struct type_ops {
    const char *name; // "BTF"
    // Finds a named type of one of the kinds struct, union, enum, typedef, int, float, function (a
    // definition before a forward declaration). NOTFOUND without message when absent.
    int (*find)(struct type_source *s, enum type_kind kind, const char *name, type_id *out);
    int (*info)(struct type_source *s, type_id id, struct type_info *out, struct kvm_err *err);
    int (*member)(struct type_source *s, type_id id, uint64_t i, struct type_member *out,
                  struct kvm_err *err); // members of struct and union, parameters of a function
    int (*enumerator)(struct type_source *s, type_id id, uint64_t i, struct type_enumerator *out,
                      struct kvm_err *err);
    type_id (*last)(struct type_source *s); // ids are 1 .. last
    // Whether there is a type of that id (not 0): INVAL when not. May read up to it.
    int (*reach)(struct type_source *s, type_id id, struct kvm_err *err);
    void (*destroy)(struct type_source *s);
};
struct type_source {
    const struct type_ops *ops;
};

// LOAD is called once, by the first question; it gives the source (then owned by the database).
typedef int type_load(void *ctx, struct type_source **out, struct kvm_err *err);
struct type_db *type_db_create(type_load *load, void *ctx);
void type_db_destroy(struct type_db *db); // NULL-safe
// "BTF" and the like, NULL with the reason in err when there are no types. Loads the source.
const char *type_origin(struct type_db *db, struct kvm_err *err);

// NAME as C writes it: "struct list_head", "union x", "enum y", or a bare name, which is a typedef
// or basic type ("pid_t", "int", "unsigned long", "u64") or, failing that, a struct, union or enum
// of that tag.
int type_find(struct type_db *db, const char *name, type_id *out, struct kvm_err *err);
int type_info(struct type_db *db, type_id id, struct type_info *out, struct kvm_err *err);
int type_member(struct type_db *db, type_id id, uint64_t i, struct type_member *out,
                struct kvm_err *err);
int type_enumerator(struct type_db *db, type_id id, uint64_t i, struct type_enumerator *out,
                    struct kvm_err *err);
type_id type_last(struct type_db *db);
// Typedefs and qualifiers taken off; a forward declaration gives way to the definition, where there
// is one. FORMAT on a cycle.
int type_strip(struct type_db *db, type_id id, type_id *out, struct type_info *info,
               struct kvm_err *err);
// The C spelling of a type: "struct list_head *", "char [16]", "int (*)(void *)". INVAL when it needs
// more than SIZE bytes.
int type_spell(struct type_db *db, type_id id, char *buf, size_t size, struct kvm_err *err);
// Resolves PATH from the struct or union id: names joined with '.', [N] on arrays; no pointers are
// followed. NOTFOUND: "struct task_struct has no member X".
int type_field(struct type_db *db, type_id id, const char *path, struct type_field *out,
               struct kvm_err *err);
// Shorthand: byte offset and size in bytes of struct NAME's member PATH (INVAL for a bit field);
// offset or size may be NULL.
int type_offset(struct type_db *db, const char *name, const char *path, uint64_t *offset,
                uint64_t *size, struct kvm_err *err);

// --- sources
// BTF (Linux Documentation/bpf/btf.rst). When OWNED, BYTES is freed (mem_free), on failure too; else
// it is borrowed.
int type_btf_open(const uint8_t *bytes, size_t len, bool owned, struct type_source **out,
                  struct kvm_err *err);
// BTF of LEN bytes in the target's memory. Types are read in order, as far as questions need: the ones that most
// questions are about stand in front (a kernel's first source file includes nearly all headers).
int type_btf_open_at(const struct reader *virt, uint64_t addr, size_t len, struct type_source **out,
                     struct kvm_err *err);
// BTF of a file: the section .BTF of an ELF file, or BTF as it is. NOTFOUND: an ELF file without
// BTF.
int type_elf_btf_open(const char *path, struct type_source **out, struct kvm_err *err);
// DWARF of an ELF file, read compilation unit by compilation unit as names are asked for. Ids are
// given out as types are met, so type_last grows. NOTFOUND: no DWARF in it. UNSUPPORTED: built
// without libdw, or a relocatable file.
int type_dwarf_open(const char *path, struct type_source **out, struct kvm_err *err);

#endif
