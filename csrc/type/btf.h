// SPDX-License-Identifier: BSD-2-Clause
// What btf.c (decoding) and btf_index.c (header, index, names) share.
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

// Names -> types by hash; chains go through btf.next in descending order of ids.
struct btf_names {
    uint32_t *buckets;
    uint32_t mask;
    uint32_t last; // the highest id that is in it
};

struct btf {
    struct type_source source;
    const uint8_t *bytes; // the whole blob
    size_t len;
    bool owned;
    bool big;
    const uint8_t *types; // the type section
    uint32_t types_len;
    const char *strings; // ends with a NUL
    uint32_t strings_len;
    // Where the bytes come from when they are read as they are needed (virt.read is not NULL): how many of each
    // section are there.
    struct reader virt;
    uint64_t addr;
    uint32_t types_have, strings_have;
    struct kvm_err error; // of the read or the type that ended the index
    // Bytes behind struct btf_type, and for each of vlen items; known[] where the kind has a size.
    uint8_t fixed[BTF_KINDS_MAX], item[BTF_KINDS_MAX];
    bool known[BTF_KINDS_MAX];
    uint32_t last;     // the highest id that is indexed
    uint32_t at;       // where the next one starts
    bool complete;     // there is no next one
    uint32_t *offsets; // by id: where in the type section; [0] is unused
    uint32_t *next;    // by id: the next of its hash chain
    struct btf_names tags, functions;
    uint8_t pointer_size; // 0: there is no type "long" to tell
    bool enum_signs;      // the producer knew the flag for signed enums
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

static inline void btf_record(const struct btf *b, type_id id, struct btf_record *out) {
    btf_decode(b, b->types + b->offsets[id], out);
}

int btf_index_create(struct btf *b,
                     struct kvm_err *err); // header, and all types that are in memory
// Indexes at least up to ID; FORMAT when there is no such type.
int btf_reach(struct btf *b, uint32_t id, struct kvm_err *err);
// All types.
int btf_index_all(struct btf *b, struct kvm_err *err);
// The string at OFF (< strings_len); NULL with the reason in b->error when it can't be read.
const char *btf_string(struct btf *b, uint32_t off);
// Tells b->error; returns its code.
int btf_failed(const struct btf *b, struct kvm_err *err);
void btf_index_destroy(struct btf *b);
int btf_find(struct btf *b, enum type_kind kind, const char *name, type_id *out);

#endif
