// SPDX-License-Identifier: BSD-2-Clause
// CTF as a source of types: each question decodes the type's bytes in place; references are checked when they are
// followed, chains are bounded. FreeBSD's sys/sys/ctf.h, libctf and ctfconvert (dwarf.c), 14.0.
//
// A bit field is a member whose integer type has fewer bits than its size. Of an enum's bit field CTF does not tell the
// bits: they reach up to the next bit field of its unit; where none follows, the member has no type (void). One that is
// alone in its unit can't be told from a whole enum. What a forward declaration is of is not told by
// FreeBSD's writer: it is taken for a union's where only a union has the name.
#include "type/ctf.h"

#include "base/mem.h"

#include <string.h>

enum { INT_SIGNED = 1, INT_BOOL = 4 };

static struct ctf *ctf_of(struct type_source *s) {
    return (struct ctf *)(void *)s;
}

static uint32_t encoding(const struct ctf *c, const struct ctf_record *r) {
    return bytes_u32(r->data, c->big);
}

// --- references
// A type of this file or of its parent; n is 0 for void.
struct ref {
    struct ctf *in;
    uint32_t n;
};

// ctfconvert's void is an integer of no bits.
static bool is_void(const struct ctf *c, const struct ctf_record *r) {
    return r->kind == CTF_INTEGER && r->size == 0 && (encoding(c, r) & 0xffff) == 0;
}

// RECORD is all zero for the void of number 0.
static int follow(struct ctf *c, uint32_t id, struct ref *out, struct ctf_record *record,
                  struct kvm_err *err) {
    bool child = id & c->layout->child;
    *out = (struct ref){c->parent && !child ? c->parent : c, id & ~c->layout->child};
    *record = (struct ctf_record){0};
    if (out->n == 0 && !child) return 0;
    int rc = ctf_index(out->in, err);
    if (rc) return rc;
    if (out->n == 0 || out->n > out->in->last || (child && !c->parent))
        return err_set(err, KVM_FORMAT, "CTF: reference to type 0x%x of %u", id, out->in->last);
    ctf_record(out->in, out->n, record);
    if (is_void(out->in, record)) out->n = 0;
    return 0;
}

static int id_of(struct ctf *c, uint32_t id, type_id *out, struct kvm_err *err) {
    struct ref ref;
    struct ctf_record r;
    int rc = follow(c, id, &ref, &r, err);
    if (rc == 0) *out = type_id_of(&ref.in->source, ref.n);
    return rc;
}

static bool is_alias(uint8_t kind) {
    return kind >= CTF_TYPEDEF && kind <= CTF_RESTRICT;
}

static int cycle(struct kvm_err *err) {
    return err_set(err, KVM_FORMAT, "CTF: a cycle of types");
}

// The type behind typedefs and qualifiers; ref->n is 0 for void.
static int strip(struct ctf *c, uint32_t id, struct ref *ref, struct ctf_record *r,
                 struct kvm_err *err) {
    int rc = follow(c, id, ref, r, err);
    for (int steps = 0; rc == 0 && ref->n && is_alias(r->kind); steps++) {
        if (steps >= TYPE_MAX_CHAIN) return cycle(err);
        rc = follow(ref->in, r->ref, ref, r, err);
    }
    return rc;
}

// --- size
// In all of CTF's ABIs a pointer has the size of long. A detached file does not tell its class.
static int pointer_size(struct ctf *c, uint64_t *out, struct kvm_err *err) {
    static const char *const longs[] = {"long", "unsigned long", "long int", "long unsigned int"};
    if (!c->pointer_size && c->parent) return pointer_size(c->parent, out, err);
    for (size_t i = 0; !c->pointer_size && i < sizeof(longs) / sizeof(longs[0]); i++) {
        uint32_t n;
        struct ctf_record r;
        if (ctf_find_type(c, TYPE_INT, longs[i], &n)) continue;
        ctf_record(c, n, &r);
        if (r.size == 4 || r.size == 8) c->pointer_size = (uint8_t)r.size;
    }
    if (!c->pointer_size)
        return err_set(err, KVM_FORMAT, "CTF: without a type \"long\" no pointer's size is known");
    *out = c->pointer_size;
    return 0;
}

static int size_of(struct ctf *c, uint32_t id, uint64_t *out, struct kvm_err *err) {
    uint64_t count = 1, size = 0;
    struct ref ref;
    struct ctf_record r;
    for (int steps = 0;; steps++) {
        int rc = strip(c, id, &ref, &r, err);
        if (rc) return rc;
        if (ref.n == 0 || r.kind != CTF_ARRAY) break;
        if (steps >= TYPE_MAX_CHAIN) return cycle(err);
        c = ref.in;
        id = ctf_word(c, r.data);
        if (!mem_mul(count, bytes_u32(r.data + 2u * c->layout->id, c->big), &count))
            return err_set(err, KVM_FORMAT, "CTF: the size of an array overflows");
    }
    int rc = 0;
    if (ref.n && r.kind == CTF_POINTER)
        rc = pointer_size(ref.in, &size, err);
    else if (ref.n && r.kind != CTF_UNKNOWN)
        size = r.size;
    if (rc == 0 && !mem_mul(count, size, out))
        return err_set(err, KVM_FORMAT, "CTF: the size of an array overflows");
    return rc;
}

// --- one type
static int int_info(const struct ctf *c, uint32_t n, const struct ctf_record *r,
                    struct type_info *out, struct kvm_err *err) {
    uint32_t e = encoding(c, r), bits = e & 0xffff;
    if (is_void(c, r)) {
        out->kind = TYPE_VOID;
        return 0;
    }
    if (r->size > 16 || bits > 8 * r->size)
        return err_set(err, KVM_FORMAT, "CTF: integer %u has %u bits in %llu bytes", n, bits,
                       (unsigned long long)r->size);
    out->bits = (uint8_t)bits;
    bool is_bool = e >> 24 & INT_BOOL; // marked as signed too
    out->is_signed = !is_bool && (e >> 24 & INT_SIGNED);
    // Unsigned and signed char have the flag for characters as well.
    if (is_bool)
        out->kind = TYPE_BOOL;
    else if (strcmp(out->name, "char") == 0)
        out->kind = TYPE_CHAR;
    return 0;
}

// Single, double and long double; the others are complex, imaginary and intervals.
static bool is_real(const struct ctf *c, const struct ctf_record *r) {
    unsigned e = encoding(c, r) >> 24;
    return e == 1 || e == 2 || e == 6;
}

static bool has_negative(const struct ctf *c, const struct ctf_record *r) {
    for (uint32_t i = 0; i < r->vlen; i++) {
        if (bytes_u32(r->data + 8 * (size_t)i + 4, c->big) >> 31) return true;
    }
    return false;
}

static void forward_info(struct ctf *c, const struct ctf_record *r, struct type_info *out) {
    uint32_t n;
    struct ctf_record found = {0};
    if (r->ref == CTF_ENUM) {
        out->kind = TYPE_ENUM;
        return;
    }
    out->is_union = r->ref == CTF_UNION;
    if (r->ref != CTF_UNKNOWN) return;
    // A declaration is found only where there is no definition.
    if (ctf_find_type(c, TYPE_STRUCT, out->name, &n) == 0) ctf_record(c, n, &found);
    if (found.kind == CTF_STRUCT || ctf_find_type(c, TYPE_UNION, out->name, &n)) return;
    ctf_record(c, n, &found);
    out->is_union = found.kind == CTF_UNION;
}

static int sized_info(struct ctf *c, uint32_t n, const struct ctf_record *r, struct type_info *out,
                      struct kvm_err *err) {
    out->size = r->size;
    switch (r->kind) {
    case CTF_INTEGER: return int_info(c, n, r, out, err);
    case CTF_FLOAT:
        if (!is_real(c, r)) out->kind = TYPE_OTHER;
        return 0;
    case CTF_ENUM:
        if (r->size > 8)
            return err_set(err, KVM_FORMAT, "CTF: enum %u of %llu bytes", n,
                           (unsigned long long)r->size);
        out->is_signed = has_negative(c, r);
        break;
    default: break;
    }
    out->count = r->vlen;
    return 0;
}

static int reference_info(struct ctf *c, const struct ctf_record *r, struct type_info *out,
                          struct kvm_err *err) {
    if (r->kind == CTF_POINTER) {
        int rc = pointer_size(c, &out->size, err);
        return rc ? rc : id_of(c, r->ref, &out->target, err);
    }
    uint32_t id = r->kind == CTF_ARRAY ? ctf_word(c, r->data) : r->ref;
    int rc = id_of(c, id, &out->target, err);
    if (rc == 0) rc = size_of(c, id, &out->size, err);
    if (rc || r->kind != CTF_ARRAY) return rc;
    out->count = bytes_u32(r->data + 2u * c->layout->id, c->big);
    return mem_mul(out->size, out->count, &out->size)
               ? 0
               : err_set(err, KVM_FORMAT, "CTF: the size of an array overflows");
}

static const enum type_kind kinds[CTF_KINDS] = {
    [CTF_UNKNOWN] = TYPE_OTHER, [CTF_INTEGER] = TYPE_INT,       [CTF_FLOAT] = TYPE_FLOAT,
    [CTF_POINTER] = TYPE_PTR,   [CTF_ARRAY] = TYPE_ARRAY,       [CTF_FUNCTION] = TYPE_FUNC_PROTO,
    [CTF_STRUCT] = TYPE_STRUCT, [CTF_UNION] = TYPE_UNION,       [CTF_ENUM] = TYPE_ENUM,
    [CTF_FORWARD] = TYPE_FWD,   [CTF_TYPEDEF] = TYPE_TYPEDEF,   [CTF_VOLATILE] = TYPE_VOLATILE,
    [CTF_CONST] = TYPE_CONST,   [CTF_RESTRICT] = TYPE_RESTRICT,
};

// --- variables and functions
// A variable, or one of the two ids of a function.
struct entry {
    const struct ctf_symbol *symbol;
    bool function, proto;
};

static struct entry entry_of(const struct ctf *c, uint32_t id) {
    uint32_t i = id - c->last - 1, variables = (uint32_t)c->variables_len;
    if (i < variables) return (struct entry){&c->variables[i], false, false};
    i -= variables;
    return (struct entry){&c->routines[i / 2], true, i % 2};
}

static int symbol_info(struct ctf *c, uint32_t id, struct type_info *out, struct kvm_err *err) {
    struct entry e = entry_of(c, id);
    uint32_t word = ctf_word(c, e.symbol->at);
    *out = (struct type_info){.name = e.proto ? "" : e.symbol->name};
    if (e.proto) {
        out->kind = TYPE_FUNC_PROTO;
        out->count = word & c->layout->vlen;
        return id_of(c, ctf_word(c, e.symbol->at + c->layout->id), &out->target, err);
    }
    out->kind = e.function ? TYPE_FUNC : TYPE_VAR;
    out->target = type_id_of(&c->source, id + 1);
    if (e.function) return 0;
    int rc = id_of(c, word, &out->target, err);
    return rc ? rc : size_of(c, word, &out->size, err);
}

static int info(struct type_source *s, uint32_t id, struct type_info *out, struct kvm_err *err) {
    struct ctf *c = ctf_of(s);
    if (id > c->last) return symbol_info(c, id, out, err);
    struct ctf_record r;
    ctf_record(c, id, &r);
    *out = (struct type_info){.name = ctf_string(c, r.name), .kind = kinds[r.kind]};
    switch (r.kind) {
    case CTF_UNKNOWN: return 0;
    case CTF_FORWARD: forward_info(c, &r, out); return 0;
    case CTF_INTEGER:
    case CTF_FLOAT:
    case CTF_STRUCT:
    case CTF_UNION:
    case CTF_ENUM: return sized_info(c, id, &r, out, err);
    case CTF_FUNCTION: out->count = r.vlen; return id_of(c, r.ref, &out->target, err);
    default: return reference_info(c, &r, out, err);
    }
}

// --- what types consist of
struct field {
    uint32_t name, type;
    uint64_t bit_offset;
};

static struct field field_of(const struct ctf *c, const struct ctf_record *r, uint64_t i) {
    bool large = r->size >= c->layout->large_struct;
    size_t id = c->layout->id;
    const uint8_t *p = r->data + i * (large ? CTF_LMEMBER : c->layout->member);
    struct field f = {.name = bytes_u32(p, c->big), .type = ctf_word(c, p + 4)};
    f.bit_offset = large ? (uint64_t)bytes_u32(p + 8, c->big) << 32 | bytes_u32(p + 12, c->big)
                         : ctf_word(c, p + 4 + id);
    return f;
}

// Whether a member of that type can be a bit field by its type: an integer of fewer bits, or an enum.
static bool may_be_bits(struct ctf *c, uint32_t type) {
    struct ref ref;
    struct ctf_record r;
    if (strip(c, type, &ref, &r, NULL) || ref.n == 0) return false;
    return r.kind == CTF_ENUM || (r.kind == CTF_INTEGER && !ctf_is_whole(ref.in, &r));
}

// M, member I of OWNER, is an enum of SIZE bytes: a whole one, or a bit field that ends where the next one in its unit
// begins. Where neither is sure it becomes a member without type.
static void enum_bits(struct ctf *c, const struct ctf_record *owner, uint64_t i, uint64_t size,
                      struct type_member *m) {
    uint64_t unit = 8 * size, at = m->bit_offset, next = UINT64_MAX;
    struct field f = {0};
    if (unit == 0 || at > UINT64_MAX - unit) return;
    if (i + 1 < owner->vlen && owner->kind == CTF_STRUCT) {
        f = field_of(c, owner, i + 1);
        next = f.bit_offset;
    }
    bool overlaps = next > at && next < at + unit;
    if (!overlaps && at % unit == 0) return;
    if (overlaps && next / unit == at / unit && (next % 8 || may_be_bits(c, f.type)))
        m->bit_size = (uint32_t)(next - at);
    else
        m->type = 0;
}

static int bit_field(struct ctf *c, const struct ctf_record *owner, uint64_t i, uint32_t type,
                     struct type_member *m, struct kvm_err *err) {
    struct ref ref;
    struct ctf_record r;
    int rc = strip(c, type, &ref, &r, err);
    if (rc || ref.n == 0) return rc;
    if (r.kind == CTF_ENUM && r.size <= 8) enum_bits(c, owner, i, r.size, m);
    if (r.kind != CTF_INTEGER) return 0;
    uint32_t e = encoding(ref.in, &r), bits = e & 0xffff, offset = e >> 16 & 0xff;
    if (offset == 0 && bits == 8 * r.size && m->bit_offset % 8 == 0) return 0;
    m->bit_offset += offset;
    m->bit_size = bits;
    return 0;
}

static int parameter(struct ctf *c, const uint8_t *words, uint64_t i, struct type_member *out,
                     struct kvm_err *err) {
    *out = (struct type_member){.name = ""};
    return id_of(c, ctf_word(c, words + i * c->layout->id), &out->type, err);
}

static int member(struct type_source *s, uint32_t id, uint64_t i, struct type_member *out,
                  struct kvm_err *err) {
    struct ctf *c = ctf_of(s);
    if (id > c->last)
        return parameter(c, entry_of(c, id).symbol->at + 2u * c->layout->id, i, out, err);
    struct ctf_record r;
    ctf_record(c, id, &r);
    if (r.kind == CTF_FUNCTION) return parameter(c, r.data, i, out, err);
    struct field f = field_of(c, &r, i);
    *out = (struct type_member){.name = ctf_string(c, f.name), .bit_offset = f.bit_offset};
    if (!out->name)
        return err_set(err, KVM_FORMAT, "CTF: a name in type %u lies outside of the strings", id);
    int rc = id_of(c, f.type, &out->type, err);
    return rc ? rc : bit_field(c, &r, i, f.type, out, err);
}

static int enumerator(struct type_source *s, uint32_t id, uint64_t i, struct type_enumerator *out,
                      struct kvm_err *err) {
    const struct ctf *c = ctf_of(s);
    struct ctf_record r;
    ctf_record(c, id, &r);
    const uint8_t *p = r.data + 8 * i;
    out->name = ctf_string(c, bytes_u32(p, c->big));
    out->value = (int32_t)bytes_u32(p + 4, c->big);
    return out->name
               ? 0
               : err_set(err, KVM_FORMAT, "CTF: a name in type %u lies outside of the strings", id);
}

// --- the source
static int find(struct type_source *s, enum type_kind kind, const char *name, uint32_t *out) {
    bool symbol = kind == TYPE_VAR || kind == TYPE_FUNC;
    return (symbol ? ctf_find_symbol : ctf_find_type)(ctf_of(s), kind, name, out);
}

static uint32_t last(struct type_source *s) {
    struct ctf *c = ctf_of(s);
    if (ctf_symbols_load(c, NULL)) return c->last;
    return c->last + (uint32_t)(c->variables_len + 2 * c->routines_len);
}

static int reach(struct type_source *s, uint32_t id, struct kvm_err *err) {
    struct ctf *c = ctf_of(s);
    int rc = ctf_index(c, err);
    if (rc || id <= c->last) return rc;
    rc = ctf_symbols_load(c, err);
    if (rc || id <= last(s)) return rc;
    return err_set(err, KVM_INVAL, "no type has number %u", id);
}

static void destroy(struct type_source *s) {
    ctf_close(ctf_of(s));
}

const struct type_ops type_ctf = {
    .name = "CTF",
    .find = find,
    .info = info,
    .member = member,
    .enumerator = enumerator,
    .last = last,
    .reach = reach,
    .destroy = destroy,
};
