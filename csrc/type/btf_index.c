// SPDX-License-Identifier: BSD-2-Clause
// BTF's header, and its index: one pass over the type section notes where each type starts, so that
// everything else is decoded in place. Names are hashed by the first search; functions, which are a
// third of all types, only by the first search for a function.
//
// Documentation/bpf/btf.rst and include/uapi/linux/btf.h of Linux 6.12; the layout section and the
// wider vlen and kind fields of Linux 7.1 (commit 222edc843c15). Kinds newer than that are stepped
// over where the blob has a layout section. Base BTF only: split BTF of modules needs its base.
#include "type/btf.h"

#include "base/mem.h"

#include <string.h>

#define BTF_MAGIC        0xeb9f
#define HEADER_MIN       24
#define HEADER_LAYOUT    32           // with layout_off and layout_len
#define BLOB_MAX         (256u << 20) // kernels have 3 to 6 MB
#define LAYOUT_ITEM_SIZE 4

static const struct {
    uint8_t kind, fixed, item;
} kind_sizes[] = {
    {BTF_INT, 4, 0},        {BTF_PTR, 0, 0},      {BTF_ARRAY, 12, 0},   {BTF_STRUCT, 0, 12},
    {BTF_UNION, 0, 12},     {BTF_ENUM, 0, 8},     {BTF_FWD, 0, 0},      {BTF_TYPEDEF, 0, 0},
    {BTF_VOLATILE, 0, 0},   {BTF_CONST, 0, 0},    {BTF_RESTRICT, 0, 0}, {BTF_FUNC, 0, 0},
    {BTF_FUNC_PROTO, 0, 8}, {BTF_VAR, 4, 0},      {BTF_DATASEC, 0, 12}, {BTF_FLOAT, 0, 0},
    {BTF_DECL_TAG, 4, 0},   {BTF_TYPE_TAG, 0, 0}, {BTF_ENUM64, 0, 12},
};

// LEN bytes at OFF behind the header.
static const uint8_t *section(const struct btf *b, uint32_t header, uint32_t off, uint32_t len) {
    uint64_t at = (uint64_t)header + off;
    return mem_inside(at, len, b->len) ? b->bytes + at : NULL;
}

// struct btf_layout of each kind: u8 size behind btf_type, u8 size of an item, u16 flags.
static int read_layout(struct btf *b, uint32_t header, struct kvm_err *err) {
    if (header < HEADER_LAYOUT) return 0;
    uint32_t off = bytes_u32(b->bytes + 24, b->big), len = bytes_u32(b->bytes + 28, b->big);
    const uint8_t *p = section(b, header, off, len);
    if (!p) return err_set(err, KVM_FORMAT, "BTF: the layout section lies outside of the data");
    uint32_t count = len / LAYOUT_ITEM_SIZE;
    for (uint32_t kind = BTF_KINDS_KNOWN; kind < count && kind < BTF_KINDS_MAX; kind++) {
        b->fixed[kind] = p[(size_t)kind * LAYOUT_ITEM_SIZE];
        b->item[kind] = p[(size_t)kind * LAYOUT_ITEM_SIZE + 1];
        b->known[kind] = true;
    }
    return 0;
}

static int read_magic(struct btf *b, struct kvm_err *err) {
    if (b->len < 2) return err_set(err, KVM_FORMAT, "BTF: no data");
    b->big = bytes_u16(b->bytes, true) == BTF_MAGIC;
    if (!b->big && bytes_u16(b->bytes, false) != BTF_MAGIC)
        return err_set(err, KVM_FORMAT, "BTF: wrong magic 0x%04x", bytes_u16(b->bytes, false));
    if (b->len < HEADER_MIN)
        return err_set(err, KVM_FORMAT, "BTF: the header is cut off at %zu bytes", b->len);
    if (b->len > BLOB_MAX) return err_set(err, KVM_FORMAT, "BTF: %zu bytes are absurd", b->len);
    if (b->bytes[2] != 1)
        return err_set(err, KVM_UNSUPPORTED, "BTF: version %u; 1 is read", b->bytes[2]);
    return 0;
}

static int read_header(struct btf *b, struct kvm_err *err) {
    int rc = read_magic(b, err);
    if (rc) return rc;
    uint32_t f[5]; // hdr_len, type_off, type_len, str_off, str_len
    for (int i = 0; i < 5; i++)
        f[i] = bytes_u32(b->bytes + 4 + 4 * i, b->big);
    if (f[0] < HEADER_MIN || f[0] > b->len)
        return err_set(err, KVM_FORMAT, "BTF: header length %u", f[0]);
    b->types = section(b, f[0], f[1], f[2]);
    b->types_len = f[2];
    if (!b->types) return err_set(err, KVM_FORMAT, "BTF: the types lie outside of the data");
    b->strings = (const char *)section(b, f[0], f[3], f[4]);
    b->strings_len = f[4];
    if (!b->strings) return err_set(err, KVM_FORMAT, "BTF: the strings lie outside of the data");
    if (f[4] == 0 || b->strings[0] != '\0' || b->strings[f[4] - 1] != '\0')
        return err_set(err, KVM_FORMAT, "BTF: the strings do not start and end with a NUL");
    for (size_t i = 0; i < sizeof(kind_sizes) / sizeof(kind_sizes[0]); i++) {
        unsigned kind = kind_sizes[i].kind;
        b->fixed[kind] = kind_sizes[i].fixed;
        b->item[kind] = kind_sizes[i].item;
        b->known[kind] = true;
    }
    return read_layout(b, f[0], err);
}

// BTF does not tell the size of pointers; in all of Linux's ABIs it is that of long.
static void note_int(struct btf *b, const struct btf_record *r) {
    static const char *const longs[] = {"long unsigned int", "unsigned long", "long int", "long"};
    if (b->pointer_size || (r->size_or_type != 4 && r->size_or_type != 8)) return;
    for (size_t i = 0; i < sizeof(longs) / sizeof(longs[0]); i++) {
        if (strcmp(b->strings + r->name, longs[i]) == 0) b->pointer_size = (uint8_t)r->size_or_type;
    }
}

static int unknown_kind(uint32_t id, unsigned kind, struct kvm_err *err) {
    if (kind == 0) return err_set(err, KVM_FORMAT, "BTF: type %u is of kind 0", id);
    return err_set(err, KVM_UNSUPPORTED, "BTF: type %u is of unknown kind %u", id, kind);
}

static int index_types(struct btf *b, struct kvm_err *err) {
    const uint8_t *p = b->types;
    uint32_t at = 0, id = 1;
    for (; b->types_len - at >= BTF_TYPE_SIZE; id++) {
        struct btf_record r;
        btf_decode(b, p + at, &r);
        if (!b->known[r.kind]) return unknown_kind(id, r.kind, err);
        if (r.name >= b->strings_len)
            return err_set(err, KVM_FORMAT, "BTF: the name of type %u lies outside", id);
        uint64_t size = BTF_TYPE_SIZE + b->fixed[r.kind] + (uint64_t)b->item[r.kind] * r.vlen;
        if (size > b->types_len - at)
            return err_set(err, KVM_FORMAT, "BTF: type %u with %u items is cut off", id, r.vlen);
        if (r.kind == BTF_INT)
            note_int(b, &r);
        else if (r.kind == BTF_ENUM64 || (r.kind == BTF_ENUM && r.flag))
            b->enum_signs = true;
        b->offsets[id] = at;
        at += (uint32_t)size;
    }
    if (at != b->types_len)
        return err_set(err, KVM_FORMAT, "BTF: %u bytes behind the last type", b->types_len - at);
    b->last = id - 1;
    return 0;
}

int btf_index_create(struct btf *b, struct kvm_err *err) {
    int rc = read_header(b, err);
    if (rc) return rc;
    // At most this many types; what of it is not written is never backed by memory.
    size_t most = b->types_len / BTF_TYPE_SIZE + 1;
    b->offsets = mem_alloc(most * sizeof(*b->offsets));
    if (!b->offsets) return err_nomem(err, "the index of BTF");
    b->offsets[0] = 0;
    return index_types(b, err);
}

void btf_index_destroy(struct btf *b) {
    mem_free(b->offsets);
    mem_free(b->next);
    mem_free(b->tags.buckets);
    mem_free(b->functions.buckets);
}

// --- names
static uint32_t hash(const char *s) {
    uint32_t h = 2166136261u; // FNV-1a
    for (; *s; s++)
        h = (h ^ (uint8_t)*s) * 16777619u;
    return h ^ (h >> 15);
}

static bool has_name(const struct btf_record *r, bool functions) {
    if (r->name == 0) return false;
    if (functions) return r->kind == BTF_FUNC;
    switch (r->kind) {
    case BTF_INT:
    case BTF_STRUCT:
    case BTF_UNION:
    case BTF_ENUM:
    case BTF_FWD:
    case BTF_TYPEDEF:
    case BTF_FLOAT:
    case BTF_ENUM64: return true;
    default: return false;
    }
}

static bool build_names(struct btf *b, struct btf_names *n, bool functions) {
    if (!b->next) b->next = mem_alloc(((size_t)b->last + 1) * sizeof(*b->next));
    if (!b->next) return false;
    uint32_t size = 64;
    while (size < b->last / 2)
        size *= 2;
    n->buckets = mem_array(size, sizeof(*n->buckets));
    if (!n->buckets) return false;
    n->mask = size - 1;
    // From behind, so that every chain starts with its lowest id.
    for (uint32_t id = b->last; id > 0; id--) {
        struct btf_record r;
        btf_record(b, id, &r);
        if (!has_name(&r, functions)) continue;
        uint32_t *bucket = &n->buckets[hash(b->strings + r.name) & n->mask];
        b->next[id] = *bucket;
        *bucket = id;
    }
    n->built = true;
    return true;
}

enum match { MATCH_NO, MATCH_DECLARATION, MATCH_DEFINITION };

static enum match match_kind(const struct btf_record *r, enum type_kind kind) {
    bool yes = false;
    switch (kind) {
    case TYPE_STRUCT:
    case TYPE_UNION:
        if (r->kind == BTF_FWD)
            return r->flag == (kind == TYPE_UNION) ? MATCH_DECLARATION : MATCH_NO;
        yes = r->kind == (kind == TYPE_STRUCT ? BTF_STRUCT : BTF_UNION);
        break;
    case TYPE_ENUM:
        // An enum that was only declared has no enumerators.
        if (r->kind != BTF_ENUM && r->kind != BTF_ENUM64) return MATCH_NO;
        return r->vlen ? MATCH_DEFINITION : MATCH_DECLARATION;
    case TYPE_TYPEDEF: yes = r->kind == BTF_TYPEDEF; break;
    case TYPE_INT: yes = r->kind == BTF_INT; break;
    case TYPE_FLOAT: yes = r->kind == BTF_FLOAT; break;
    case TYPE_FUNC: yes = r->kind == BTF_FUNC; break;
    default: break;
    }
    return yes ? MATCH_DEFINITION : MATCH_NO;
}

int btf_find(struct btf *b, enum type_kind kind, const char *name, type_id *out) {
    bool functions = kind == TYPE_FUNC;
    struct btf_names *n = functions ? &b->functions : &b->tags;
    if (!n->built && !build_names(b, n, functions)) return KVM_NOMEM;
    type_id declared = 0;
    for (uint32_t id = n->buckets[hash(name) & n->mask]; id; id = b->next[id]) {
        struct btf_record r;
        btf_record(b, id, &r);
        enum match m = match_kind(&r, kind);
        if (m == MATCH_NO || strcmp(b->strings + r.name, name) != 0) continue;
        if (m == MATCH_DEFINITION) {
            *out = id;
            return 0;
        }
        if (!declared) declared = id;
    }
    if (!declared) return KVM_NOTFOUND;
    *out = declared;
    return 0;
}
