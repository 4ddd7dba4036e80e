// SPDX-License-Identifier: BSD-2-Clause
// C types of the target as one graph, whatever they were read from: the kernel's own (BTF, DWARF or
// CTF), those of modules, a debug file's, and those that were declared by hand. Nothing is read
// before a type is asked for, and then only indexed: a type's bytes are decoded when it is looked at.
//
// How to add a type source:
//  1. Write csrc/type/<source>.c with one `const struct type_ops type_<source>` and its open
//  function. A source numbers its types 1 .. last by itself; what it tells about other types (targets,
//  members' types) are ids of the graph: type_id_of(source, number).
//  2. Let the loader (session/types.c) try it where it belongs in the order.
//  3. A builder in spec/support/build, a comparison with pahole, a fuzz target, a line in
//  CHANGELOG.md.
#ifndef KVM_TYPE_TYPE_H
#define KVM_TYPE_TYPE_H

#include "base/reader.h"

#include <stddef.h>

// 0 is void. Else the number of its source in the upper half, its number there in the lower one.
typedef uint64_t type_id;

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
    uint64_t size;    // bytes, of typedefs too; 0 for void, functions, forward declarations
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

// A function that an address of the target's code lies in, and the line in it: of the innermost
// one, the line of the instruction; of each other one, the line of the call that was inlined.
struct type_place {
    const char *name;      // "" unknown; borrowed from the source, as file is
    const char *file;      // as the debug file has it; "" unknown
    uint32_t line, column; // 0 unknown
    bool inlined;          // into the place that follows
};

// How the value of a register of the caller is found: base + offset, or what is in memory there.
struct type_rule {
    enum { TYPE_RULE_UNKNOWN, TYPE_RULE_VALUE, TYPE_RULE_MEMORY } kind; // UNKNOWN: it is lost
    int base;       // DWARF's number of a register, or TYPE_BASE_CFA
    int64_t offset; // bytes
};
enum { TYPE_BASE_CFA = -1, TYPE_FRAME_REGISTERS = 17 };

// The row of call frame information in force at an address (DWARF 5, 6.4).
struct type_frame {
    struct type_rule cfa; // the caller's stack pointer; never UNKNOWN
    struct type_rule
        registers[TYPE_FRAME_REGISTERS]; // by DWARF's numbers; the last: the return address
    bool interrupted;                    // the caller is not behind a call (augmentation 'S')
};

struct type_db;
struct type_source;

struct type_ops {
    const char *name; // "BTF"
    // Finds a named type of one of the kinds struct, union, enum, typedef, int, float, function, variable (a
    // definition before a forward declaration). NOTFOUND without message when absent.
    int (*find)(struct type_source *s, enum type_kind kind, const char *name, uint32_t *out);
    // Optional: why the last find failed, when it was for another reason than NOTFOUND.
    void (*find_error)(struct type_source *s, struct kvm_err *err);
    // Optional: another definition of a struct, union, enum or typedef of that name: *id is the last one's (0: none
    // yet), then the next one's, in any order; 0 when there are no more. May read everything.
    int (*next_definition)(struct type_source *s, enum type_kind kind, const char *name,
                           uint32_t *id, struct kvm_err *err);
    int (*info)(struct type_source *s, uint32_t id, struct type_info *out, struct kvm_err *err);
    int (*member)(struct type_source *s, uint32_t id, uint64_t i, struct type_member *out,
                  struct kvm_err *err); // members of struct and union, parameters of a function
    int (*enumerator)(struct type_source *s, uint32_t id, uint64_t i, struct type_enumerator *out,
                      struct kvm_err *err);
    uint32_t (*last)(struct type_source *s); // ids are 1 .. last
    // Whether there is a type of that id (not 0): INVAL when not. May read up to it.
    int (*reach)(struct type_source *s, uint32_t id, struct kvm_err *err);
    void (*destroy)(struct type_source *s);
    // The rest may be NULL.
    // The I-th definition, from 0, of the variable NAME: of the one whose address in the file is *ADDR,
    // or where ADDR is NULL of the global one, or if there is none of all static ones. What is only declared
    // counts where nothing is defined. NOTFOUND: no more.
    int (*variable)(struct type_source *s, const char *name, const uint64_t *addr, size_t i,
                    uint32_t *out, struct kvm_err *err);
    // The places, innermost first, of the code at ADDR, an address in the file. *n is at most MAX.
    // NOTFOUND: no code that the file knows.
    int (*places)(struct type_source *s, uint64_t addr, struct type_place *out, size_t max,
                  size_t *n, struct kvm_err *err);
    // Call frame information of the code at ADDR, an address in the file. NOTFOUND: none.
    int (*frame)(struct type_source *s, uint64_t addr, struct type_frame *out, struct kvm_err *err);
};
struct type_source {
    const struct type_ops *ops;
    uint32_t number; // in its graph; 0 for the kernel's own types
};
static inline type_id type_id_of(const struct type_source *s, uint32_t id) {
    return id ? (type_id)s->number << 32 | id : 0;
}

// LOAD is called once, by the first question; it gives the source (then owned by the database), whose
// `number` is set for it.
typedef int type_load(void *ctx, struct type_source **out, struct kvm_err *err);
struct type_db *type_db_create(type_load *load, void *ctx);
void type_db_destroy(struct type_db *db); // NULL-safe
// "BTF" and the like, NULL with the reason in err when there are no types. Loads the source.
const char *type_origin(struct type_db *db, struct kvm_err *err);

// --- what stands beside the kernel's own types
// Types of modules, by index from 0: loaded when a name is asked for that the kernel's types do not
// have, or when a module is named.
struct type_modules {
    // The name of module I. NOTFOUND: there are no more.
    int (*name)(void *ctx, size_t i, const char **out, struct kvm_err *err);
    // Its types, for a graph in which its number is NUMBER. NOTFOUND: it has none. BASE is the source of the
    // kernel's own types, NULL when it has none; it outlives the module's.
    int (*load)(void *ctx, size_t i, struct type_source *base, uint32_t number,
                struct type_source **out, struct kvm_err *err);
    // Its debug file, as type_db_set_debug has it for the kernel. May be NULL.
    int (*debug)(void *ctx, size_t i, struct type_source **out, struct kvm_err *err);
};
void type_db_set_modules(struct type_db *db, const struct type_modules *ops, void *ctx);
// A debug file of the kernel, for what its own types do not tell: types of variables. LOAD gives NOTFOUND when there
// is none.
void type_db_set_debug(struct type_db *db, type_load *load, void *ctx);
// The debug file's source, of the kernel (the kernel's own types, where they are DWARF) or of MODULE; loads it.
// NOTFOUND: none.
int type_db_debug(struct type_db *db, const char *module, struct type_source **out,
                  struct kvm_err *err);
// Adds a type by hand. INFO's kind: anything but void, tags and others; names and items are copied, and
// their type ids must be of this graph. A pointer, array or prototype that is there already is given again; a
// later struct of a name stands before an earlier one. A TYPE_VAR tells the type of a variable.
int type_declare(struct type_db *db, const struct type_info *info,
                 const struct type_member *members, const struct type_enumerator *enumerators,
                 type_id *out, struct kvm_err *err);

// NAME as C writes it: "struct list_head", "union x", "enum y", or a bare name, which is a typedef
// or basic type ("pid_t", "int", "unsigned long", "u64") or, failing that, a struct, union or enum
// of that tag. Of the kernel's own types only.
int type_find(struct type_db *db, const char *name, type_id *out, struct kvm_err *err);
// The same among all: what was declared by hand stands before the kernel's own types, which stand before
// those of modules. INVAL: the kernel, or modules, have different types of that name. NOTFOUND's text tells of
// modules that could not be read. With MODULE, of modules only this one, which is an error when it can't be read, and before the
// kernel; "vmlinux": no module. Of several types of the name the first is given then, without a look at the others.
int type_lookup(struct type_db *db, const char *module, const char *name, type_id *out,
                struct kvm_err *err);
// The type of the variable or function NAME: declared by hand, else of the debug file, else as BTF tells it (per-CPU
// variables; all since pahole 1.28's global_var), of the kernel or of MODULE. NOTFOUND: unknown.
int type_variable(struct type_db *db, const char *module, const char *name, type_id *out,
                  struct kvm_err *err);
// The same for the variable at *ADDR, its address in the debug file, where several have that name; ADDR may be NULL.
// INVAL: static variables of that name have different types, and ADDR does not tell which is meant. What it gives is
// canonical.
int type_variable_at(struct type_db *db, const char *module, const char *name, const uint64_t *addr,
                     type_id *out, struct kvm_err *err);
// The type that stands for ID among the kernel's own: a debug file has a struct task_struct of its own. A named
// struct, union, enum, typedef or basic type becomes the one of the same kind, name and size of the module's own types
// or the kernel's, where there is one; pointers, arrays, qualifiers and prototypes are made anew over
// such ones.
int type_canonical(struct type_db *db, type_id id, type_id *out, struct kvm_err *err);
// Whether two types are the same C type: the same entry, or the same declarator over types of the same
// kind, name, size and members.
int type_same(struct type_db *db, type_id a, type_id b, bool *out, struct kvm_err *err);
int type_info(struct type_db *db, type_id id, struct type_info *out, struct kvm_err *err);
int type_member(struct type_db *db, type_id id, uint64_t i, struct type_member *out,
                struct kvm_err *err);
int type_enumerator(struct type_db *db, type_id id, uint64_t i, struct type_enumerator *out,
                    struct kvm_err *err);
uint32_t type_last(struct type_db *db); // of the kernel's own types, whose ids are 1 .. last
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

// What the BTF of a module (split BTF) stands on.
struct type_btf_base {
    struct type_source *kernel; // the kernel's own types, BTF; borrowed, outlives the module's
    // NULL, or the base that the module was made with where that was not the kernel's (section .BTF.base, Linux 6.11
    // and later): named types without their members, looked for in the kernel's when they are asked about. The
    // module's source owns it from the call on, a failed one frees it.
    struct type_source *distilled;
    uint32_t number; // of the module's types in the graph
};
// FORMAT: the types of another kernel. UNSUPPORTED: the kernel's own types are no BTF. Indexes all of them. BASE NULL:
// no module.
int type_btf_open_split(const uint8_t *bytes, size_t len, bool owned,
                        const struct type_btf_base *base, struct type_source **out,
                        struct kvm_err *err);
int type_btf_open_split_at(const struct reader *virt, uint64_t addr, size_t len,
                           const struct type_btf_base *base, struct type_source **out,
                           struct kvm_err *err);
// Where the ids of a module's BTF that stands on S begin, and its string offsets. NOTFOUND: S is no BTF.
int type_btf_end(struct type_source *s, uint32_t *ids, uint32_t *strings, struct kvm_err *err);
// BTF of a file: the section .BTF of an ELF file, or BTF as it is. NOTFOUND: an ELF file without
// BTF.
int type_elf_btf_open(const char *path, struct type_source **out, struct kvm_err *err);
// Of a file that is BTF as it is: its byte order, and the size of "long" and of pointers. NOTFOUND: it is something else.
int type_btf_file_about(const char *path, bool *big, uint8_t *word_size, struct kvm_err *err);
// The same as type_elf_btf_open for a module (a .ko file with or without .BTF.base, or /sys/kernel/btf/NAME), for the graph's NUMBER.
int type_elf_btf_open_split(const char *path, struct type_source *kernel, uint32_t number,
                            struct type_source **out, struct kvm_err *err);
// DWARF of an ELF file, read compilation unit by compilation unit as names are asked for. Ids are
// given out as types are met, so type_last grows. NOTFOUND: no DWARF in it. UNSUPPORTED: built
// without libdw.
int type_dwarf_open(const char *path, struct type_source **out, struct kvm_err *err);
// The same of a relocatable file (a module) whose sections the kernel has put at those addresses, which are then
// the addresses in the file. What refers to a section that is not among them has no address.
struct type_section {
    const char *name;
    uint64_t addr;
};
int type_dwarf_open_at(const char *path, const struct type_section *sections, size_t n,
                       struct type_source **out, struct kvm_err *err);
// CTF of FreeBSD and illumos: the section .SUNW_ctf of an ELF file, or CTF as it is. PARENT, for a graph in which
// this source is NUMBER, is the CTF of the kernel that a module's types build on (it outlives this one), or NULL.
// NOTFOUND: an ELF file without CTF. UNSUPPORTED: CTF of another version. INVAL: it was made for another parent, or for
// one that is not given.
int type_ctf_open(const char *path, struct type_source *parent, uint32_t number,
                  struct type_source **out, struct kvm_err *err);

#endif
