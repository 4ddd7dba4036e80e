// SPDX-License-Identifier: BSD-2-Clause
// What the files of BTF share: btf.c (decoding), btf_index.c (header, index), btf_names.c (names), btf_split.c (what
// a module's BTF says about its base). Two numberings: an id in a blob counts from the base's first type, and
// belongs to the base or to the blob itself; a number is what a source counts its own types by, from 1.
#ifndef KVM_TYPE_BTF_H
#define KVM_TYPE_BTF_H

#include "type/type_priv.h"

// include/uapi/linux/btf.h, Linux 6.12
enum btf_kind {
    BTF_INT = 1,
    BTF_PTR,
    BTF_ARRAY,
    BTF_STRUCT,
    BTF_UNION,
    BTF_ENUM,
    BTF_FWD,
    BTF_TYPEDEF,
    BTF_VOLATILE,
    BTF_CONST,
    BTF_RESTRICT,
    BTF_FUNC,
    BTF_FUNC_PROTO,
    BTF_VAR,
    BTF_DATASEC,
    BTF_FLOAT,
    BTF_DECL_TAG,
    BTF_TYPE_TAG,
    BTF_ENUM64,
    BTF_KINDS_KNOWN, // what follows is only known as far as the blob tells its layout
    BTF_KINDS_MAX = 128
};

#define BTF_TYPE_SIZE 12 // struct btf_type: name_off, info, size or type

// Names -> types by hash; chains go through btf.next in descending order of numbers.
struct btf_names {
    uint32_t *buckets;
    uint32_t mask;
    uint32_t last; // the highest number that is in it
};

struct btf {
    struct type_source source;
    const uint8_t *bytes; // the whole blob
    size_t len;
    bool owned;
    bool big;
    // Split BTF, of a module: its ids and string offsets go on where those of its base end.
    struct btf *base; // the kernel's types, all indexed, borrowed; NULL: no split BTF
    struct btf *
        distilled; // NULL, or the base that it was made with, which only sketches the kernel's; owned
    uint32_t *mapped;       // by distilled id: the type of BASE that is meant; 0: not asked yet
    uint32_t below;         // ids up to this are the base's
    uint32_t strings_below; // string offsets less than this are the base's
    const uint8_t *types;   // the type section
    uint32_t types_len;
    const char *strings; // ends with a NUL
    uint32_t strings_len;
    // Where the bytes come from when they are read as they are needed (virt.read is not NULL): how many of each
    // section are there.
    struct reader virt;
    uint64_t addr;
    uint32_t types_have, strings_have;
    struct kvm_err error;      // of the read or the type that ended the index
    struct kvm_err find_error; // of the last search
    // Bytes behind struct btf_type, and for each of vlen items; known[] where the kind has a size.
    uint8_t fixed[BTF_KINDS_MAX], item[BTF_KINDS_MAX];
    bool known[BTF_KINDS_MAX];
    uint32_t last;     // the highest number that is indexed
    uint32_t at;       // where the next one starts
    bool complete;     // there is no next one
    uint32_t *offsets; // by number: where in the type section; [0] is unused
    uint32_t *next;    // by number: the next of its hash chain
    struct btf_names tags,
        values;            // the two name spaces of C: tags and types, functions and variables
    uint8_t pointer_size;  // 0: there is no type "long" to tell
    bool enum_signs;       // the producer knew the flag for signed enums
    uint32_t signed_asked; // the last enum whose sign was asked for, and the answer
    bool signed_answer;
};

// struct btf_type, decoded.
struct btf_record {
    uint32_t name, vlen, size_or_type;
    uint8_t kind;
    bool flag;
    const uint8_t *data; // behind it
};

static inline void btf_decode(const struct btf *b, const uint8_t *at, struct btf_record *out) {
    uint32_t info = bytes_u32(at + 4, b->big);
    out->name = bytes_u32(at, b->big);
    out->size_or_type = bytes_u32(at + 8, b->big);
    // Before Linux 7.1 vlen had 16 bits and kind 5, with unused zero bits between them.
    out->vlen = info & 0xffffff;
    out->kind = (info >> 24) & 0x7f;
    out->flag = info >> 31;
    out->data = at + BTF_TYPE_SIZE;
}

static inline void btf_record(const struct btf *b, uint32_t number, struct btf_record *out) {
    btf_decode(b, b->types + b->offsets[number], out);
}

// Where an id of a blob leads: a type of the blob itself or of its base.
struct btf_ref {
    struct btf *b;
    uint32_t number; // 0: void
};

// --- btf_index.c
int btf_index_create(struct btf *b,
                     struct kvm_err *err); // header, and all types that are in memory
void btf_index_destroy(struct btf *b);
// Indexes at least up to NUMBER; FORMAT when there is no such type.
int btf_reach(struct btf *b, uint32_t number, struct kvm_err *err);
// Indexes up to NUMBER or the end; 0, or b->error's code.
int btf_index_to(struct btf *b, uint32_t number);
// All types.
int btf_index_all(struct btf *b, struct kvm_err *err);
// Whether a name may lie at OFF.
static inline bool btf_has_string(const struct btf *b, uint32_t off) {
    return off < (uint64_t)b->strings_below + b->strings_len;
}
// The string at OFF, where btf_has_string.
int btf_string(struct btf *b, uint32_t off, const char **out, struct kvm_err *err);

// --- btf_names.c
void btf_names_deinit(struct btf_names *n);
int btf_find(struct btf *b, enum type_kind kind, const char *name, uint32_t *out);
// The next type behind *NUMBER (0: the first) of all structs, unions, enums, integers, floats, typedefs and forward
// declarations of that name, in descending order; 0: no more. All are indexed for it.
int btf_next_named(struct btf *b, const char *name, uint32_t *number, struct kvm_err *err);
// The same of definitions of one kind.
int btf_next_definition(struct btf *b, enum type_kind kind, const char *name, uint32_t *number,
                        struct kvm_err *err);

// --- btf_split.c
// Makes B, of which the source is set, stand on the kernel's types.
int btf_split_init(struct btf *b, const struct type_btf_base *base, struct kvm_err *err);
void btf_split_deinit(struct btf *b);
// Follows an id that stands in B.
int btf_refer(struct btf *b, uint32_t id, struct btf_ref *out, struct kvm_err *err);
// Whether the type of a member in B has the size that B was made with, where only a distilled base tells of it.
int btf_check_part(struct btf *b, uint32_t id, struct kvm_err *err);
static inline type_id btf_id(const struct btf_ref *r) {
    return type_id_of(&r->b->source, r->number);
}
extern const struct type_ops type_btf;

#endif
