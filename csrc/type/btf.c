// SPDX-License-Identifier: BSD-2-Clause
// BTF as a source of types: each question decodes the type's bytes in place. References are checked
// when they are followed, chains are bounded, and a name was checked when the type was indexed.
//
// Documentation/bpf/btf.rst and include/uapi/linux/btf.h of Linux 6.12; checked against blobs of
// Linux 5.10 to 7.2. Both byte orders. Sections of variables and tags of declarations are
// TYPE_OTHER. The flag of tags (Linux 6.14: attributes of any name) changes nothing here.
#include "type/btf.h"

#include "base/mem.h"

#include <string.h>

#define INT_SIGNED (1u << 24)
#define INT_BOOL   (4u << 24)

static struct btf *btf_of(struct type_source *s) {
    return (struct btf *)s;
}

// --- size
static bool has_size(uint8_t kind) {
    return kind == BTF_INT || kind == BTF_STRUCT || kind == BTF_UNION || kind == BTF_ENUM ||
           kind == BTF_FLOAT || kind == BTF_ENUM64;
}

static int pointer_size(struct btf *b, uint64_t *out, struct kvm_err *err) {
    if (!b->pointer_size) {
        int rc = btf_index_all(b, err);
        if (rc) return rc;
    }
    if (!b->pointer_size && b->base) return pointer_size(b->base, out, err);
    if (!b->pointer_size)
        return err_set(err, KVM_FORMAT, "BTF: without a type \"long\" no pointer's size is known");
    *out = b->pointer_size;
    return 0;
}

int type_btf_word_size(struct type_source *s, uint8_t *out, struct kvm_err *err) {
    uint64_t size = 0;
    int rc = pointer_size(btf_of(s), &size, err);
    *out = (uint8_t)size;
    return rc;
}

// One step towards the type that has a size; at->number is 0 when there is none to follow.
static int size_step(struct btf_ref *at, uint64_t *count, uint64_t *size, struct kvm_err *err) {
    struct btf *b = at->b;
    struct btf_record r;
    btf_record(b, at->number, &r);
    uint32_t from = at->number;
    at->number = 0;
    if (has_size(r.kind)) {
        *size = r.size_or_type;
        return 0;
    }
    switch (r.kind) {
    case BTF_PTR: return pointer_size(b, size, err);
    case BTF_ARRAY:
        if (!mem_mul(*count, bytes_u32(r.data + 8, b->big), count))
            return err_set(err, KVM_FORMAT, "BTF: the size of array %u overflows", from);
        return btf_refer(b, bytes_u32(r.data, b->big), at, err);
    case BTF_TYPEDEF:
    case BTF_VOLATILE:
    case BTF_CONST:
    case BTF_RESTRICT:
    case BTF_VAR:
    case BTF_TYPE_TAG: return btf_refer(b, r.size_or_type, at, err);
    default: return 0;
    }
}

static int size_of(struct btf_ref at, uint64_t *out, struct kvm_err *err) {
    uint64_t count = 1, size = 0;
    for (int steps = 0; at.number; steps++) {
        if (steps >= TYPE_MAX_CHAIN)
            return err_set(err, KVM_FORMAT, "BTF: type %u is a cycle", at.number);
        int rc = size_step(&at, &count, &size, err);
        if (rc) return rc;
    }
    if (!mem_mul(count, size, out))
        return err_set(err, KVM_FORMAT, "BTF: the size of an array overflows");
    return 0;
}

// --- one type
static int int_info(struct btf *b, uint32_t id, const struct btf_record *r, struct type_info *out,
                    struct kvm_err *err) {
    uint32_t v = bytes_u32(r->data, b->big), bits = v & 0xff;
    if (bits > 8 * (uint64_t)r->size_or_type || r->size_or_type > 16)
        return err_set(err, KVM_FORMAT, "BTF: integer %u has %u bits in %u bytes", id, bits,
                       r->size_or_type);
    out->is_signed = v & INT_SIGNED;
    out->bits = (uint8_t)bits;
    // gcc's and pahole's BTF do not mark char, clang's marks u8's unsigned char as well.
    if (v & INT_BOOL)
        out->kind = TYPE_BOOL;
    else
        out->kind = strcmp(out->name, "char") == 0 ? TYPE_CHAR : TYPE_INT;
    return 0;
}

// Before Linux 6.0 (commit 6089fb325cf7) the flag for signed enums did not exist and values were
// s32; a blob of which no enum has the flag is read so.
// Only a value with the highest bit set makes a difference, so only then all types are looked at.
static bool has_signs(struct btf *b) {
    if (b->enum_signs || (btf_index_all(b, NULL) == 0 && b->enum_signs)) return true;
    return b->base && b->base->enum_signs;
}

static bool enum_signed(struct btf *b, uint32_t id, const struct btf_record *r) {
    if (r->flag || r->kind == BTF_ENUM64) return r->flag;
    if (b->signed_asked == id) return b->signed_answer; // each of its enumerators asks
    b->signed_asked = id;
    b->signed_answer = false;
    for (uint32_t i = 0; i < r->vlen && !b->signed_answer; i++)
        b->signed_answer = bytes_u32(r->data + 8 * (size_t)i + 4, b->big) >> 31;
    return b->signed_answer = b->signed_answer && !has_signs(b);
}

static const enum type_kind kinds[] = {
    [BTF_INT] = TYPE_INT,
    [BTF_PTR] = TYPE_PTR,
    [BTF_ARRAY] = TYPE_ARRAY,
    [BTF_STRUCT] = TYPE_STRUCT,
    [BTF_UNION] = TYPE_UNION,
    [BTF_ENUM] = TYPE_ENUM,
    [BTF_FWD] = TYPE_FWD,
    [BTF_TYPEDEF] = TYPE_TYPEDEF,
    [BTF_VOLATILE] = TYPE_VOLATILE,
    [BTF_CONST] = TYPE_CONST,
    [BTF_RESTRICT] = TYPE_RESTRICT,
    [BTF_FUNC] = TYPE_FUNC,
    [BTF_FUNC_PROTO] = TYPE_FUNC_PROTO,
    [BTF_VAR] = TYPE_VAR,
    [BTF_DATASEC] = TYPE_OTHER,
    [BTF_FLOAT] = TYPE_FLOAT,
    [BTF_DECL_TAG] = TYPE_OTHER,
    [BTF_TYPE_TAG] = TYPE_TAG,
    [BTF_ENUM64] = TYPE_ENUM,
};

static int info(struct type_source *s, uint32_t id, struct type_info *out, struct kvm_err *err) {
    struct btf *b = btf_of(s);
    struct btf_record r;
    btf_record(b, id, &r);
    *out = (struct type_info){.kind = r.kind < BTF_KINDS_KNOWN ? kinds[r.kind] : TYPE_OTHER};
    int rc = btf_string(b, r.name, &out->name, err);
    if (rc || out->kind == TYPE_OTHER) return rc;
    if (has_size(r.kind)) {
        out->size = r.size_or_type;
        if (r.kind == BTF_INT) return int_info(b, id, &r, out, err);
        out->count = r.kind == BTF_FLOAT ? 0 : r.vlen;
        if (out->kind == TYPE_ENUM) out->is_signed = enum_signed(b, id, &r);
        if (out->kind == TYPE_ENUM && out->size > 8)
            return err_set(err, KVM_FORMAT, "BTF: enum %u of %u bytes", id, r.size_or_type);
        return 0;
    }
    uint32_t target = r.size_or_type;
    struct btf_ref self = {b, id}, to;
    switch (r.kind) {
    case BTF_FWD: out->is_union = r.flag; return 0;
    case BTF_ARRAY:
        target = bytes_u32(r.data, b->big);
        out->count = bytes_u32(r.data + 8, b->big);
        break;
    case BTF_FUNC_PROTO: out->count = r.vlen; break;
    default: break;
    }
    rc = btf_refer(b, target, &to, err);
    if (rc) return rc;
    out->target = btf_id(&to);
    return size_of(self, &out->size, err);
}

// --- what types consist of
// Without the struct's flag, a bit field is a member whose integer type has fewer bits than bytes.
static void old_bit_field(const struct btf_ref *type, struct type_member *m) {
    struct btf_record r;
    if (type->number == 0) return;
    btf_record(type->b, type->number, &r);
    if (r.kind != BTF_INT) return;
    uint32_t v = bytes_u32(r.data, type->b->big), bits = v & 0xff, offset = (v >> 16) & 0xff;
    if (offset == 0 && bits == 8 * (uint64_t)r.size_or_type) return;
    m->bit_offset += offset;
    m->bit_size = bits;
}

static int item_name(struct btf *b, uint32_t id, const uint8_t *item, const char **out,
                     struct kvm_err *err) {
    uint32_t name = bytes_u32(item, b->big);
    if (btf_has_string(b, name)) return btf_string(b, name, out, err);
    return err_set(err, KVM_FORMAT, "BTF: a name in type %u lies outside of the strings", id);
}

static int member(struct type_source *s, uint32_t id, uint64_t i, struct type_member *out,
                  struct kvm_err *err) {
    struct btf *b = btf_of(s);
    struct btf_record r;
    struct btf_ref type;
    btf_record(b, id, &r);
    bool record = r.kind == BTF_STRUCT || r.kind == BTF_UNION;
    const uint8_t *p = r.data + i * (record ? 12 : 8);
    *out = (struct type_member){0};
    int rc = item_name(b, id, p, &out->name, err);
    uint32_t to = bytes_u32(p + 4, b->big);
    if (rc == 0) rc = btf_refer(b, to, &type, err);
    if (rc == 0 && record) rc = btf_check_part(b, to, err);
    if (rc) return rc;
    out->type = btf_id(&type);
    if (!record) return 0;
    uint32_t offset = bytes_u32(p + 8, b->big);
    out->bit_offset = r.flag ? offset & 0xffffff : offset;
    if (r.flag)
        out->bit_size = offset >> 24;
    else
        old_bit_field(&type, out);
    return 0;
}

static int enumerator(struct type_source *s, uint32_t id, uint64_t i, struct type_enumerator *out,
                      struct kvm_err *err) {
    struct btf *b = btf_of(s);
    struct btf_record r;
    btf_record(b, id, &r);
    bool wide = r.kind == BTF_ENUM64;
    const uint8_t *p = r.data + i * (wide ? 12 : 8);
    uint32_t low = bytes_u32(p + 4, b->big);
    int rc = item_name(b, id, p, &out->name, err);
    if (rc) return rc;
    if (wide)
        out->value = (int64_t)(low | (uint64_t)bytes_u32(p + 8, b->big) << 32);
    else
        out->value = low >> 31 && (r.flag || !has_signs(b)) ? (int32_t)low : (int64_t)low;
    return 0;
}

// --- the source
static int find(struct type_source *s, enum type_kind kind, const char *name, uint32_t *out) {
    return btf_find(btf_of(s), kind, name, out);
}

static void find_error(struct type_source *s, struct kvm_err *err) {
    if (err) *err = btf_of(s)->find_error;
}

static int next_definition(struct type_source *s, enum type_kind kind, const char *name,
                           uint32_t *id, struct kvm_err *err) {
    return btf_next_definition(btf_of(s), kind, name, id, err);
}

static uint32_t last(struct type_source *s) {
    btf_index_all(btf_of(s), NULL);
    return btf_of(s)->last;
}

static int reach(struct type_source *s, uint32_t id, struct kvm_err *err) {
    struct btf *b = btf_of(s);
    int rc = btf_reach(b, id, err);
    bool absent = rc == KVM_FORMAT && b->error.code == 0;
    return absent ? err_set(err, KVM_INVAL, "no type has number %u", id) : rc;
}

static void destroy(struct type_source *s) {
    struct btf *b = btf_of(s);
    btf_index_destroy(b);
    btf_split_deinit(b);
    if (b->owned) mem_free((void *)b->bytes);
    mem_free(b);
}

const struct type_ops type_btf = {
    .name = "BTF",
    .find = find,
    .find_error = find_error,
    .next_definition = next_definition,
    .info = info,
    .member = member,
    .enumerator = enumerator,
    .last = last,
    .reach = reach,
    .destroy = destroy,
};

// When it fails, what FROM and BASE own is freed.
static int open_btf(const struct btf *from, const struct type_btf_base *base,
                    struct type_source **out, struct kvm_err *err) {
    struct btf *b = mem_dup(from, sizeof(*from));
    if (!b) {
        if (from->owned) mem_free((void *)from->bytes);
        if (base && base->distilled) base->distilled->ops->destroy(base->distilled);
        return err_nomem(err, "BTF");
    }
    int rc = base ? btf_split_init(b, base, err) : 0;
    if (rc == 0) rc = btf_index_create(b, err);
    if (rc) {
        destroy(&b->source);
        return rc;
    }
    *out = &b->source;
    return 0;
}

static int open_at(const struct reader *virt, uint64_t addr, size_t len,
                   const struct type_btf_base *base, struct type_source **out,
                   struct kvm_err *err) {
    enum { HEADER = 64 };               // more than any version's
    uint8_t *bytes = mem_array(len, 1); // what is not read is never backed by memory
    if (!bytes) return err_nomem(err, "BTF");
    int rc = reader_read(virt, addr, bytes, len < HEADER ? len : HEADER, err);
    if (rc) {
        mem_free(bytes);
        return rc;
    }
    const struct btf b = {.source = {.ops = &type_btf},
                          .bytes = bytes,
                          .len = len,
                          .owned = true,
                          .virt = *virt,
                          .addr = addr};
    return open_btf(&b, base, out, err);
}

int type_btf_open(const uint8_t *bytes, size_t len, bool owned, struct type_source **out,
                  struct kvm_err *err) {
    return type_btf_open_split(bytes, len, owned, NULL, out, err);
}

int type_btf_open_split(const uint8_t *bytes, size_t len, bool owned,
                        const struct type_btf_base *base, struct type_source **out,
                        struct kvm_err *err) {
    const struct btf b = {.source = {.ops = &type_btf}, .bytes = bytes, .len = len, .owned = owned};
    return open_btf(&b, base, out, err);
}

int type_btf_open_at(const struct reader *virt, uint64_t addr, size_t len, struct type_source **out,
                     struct kvm_err *err) {
    return open_at(virt, addr, len, NULL, out, err);
}

int type_btf_open_split_at(const struct reader *virt, uint64_t addr, size_t len,
                           const struct type_btf_base *base, struct type_source **out,
                           struct kvm_err *err) {
    return open_at(virt, addr, len, base, out, err);
}
