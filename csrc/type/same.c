// SPDX-License-Identifier: BSD-2-Clause
// Whether two entries of the graph are one C type: the same struct is in the BTF of several modules,
// and a pointer may stand in many sources. Structs behind pointers are compared by name alone, as C
// does it between translation units.
#include "type/type_priv.h"

#include <string.h>

#define MAX_NESTING 32
#define MAX_STEPS                                                                                  \
    100000 // the largest struct of Linux 7.2 has some thousand members in all its structs

struct compare {
    struct type_db *db;
    uint32_t steps;
    struct kvm_err *err;
};

static int same(struct compare *c, type_id a, type_id b, bool behind_pointer, int depth, bool *out);

static bool is_tagged(enum type_kind kind) {
    return kind == TYPE_STRUCT || kind == TYPE_UNION || kind == TYPE_ENUM || kind == TYPE_FWD;
}

// "struct x;" and "struct x { ... };" are one type behind a pointer.
static bool same_tag(const struct type_info *a, const struct type_info *b) {
    bool union_a = a->kind == TYPE_UNION || (a->kind == TYPE_FWD && a->is_union);
    bool union_b = b->kind == TYPE_UNION || (b->kind == TYPE_FWD && b->is_union);
    return (a->kind == TYPE_ENUM) == (b->kind == TYPE_ENUM) && union_a == union_b;
}

static int same_members(struct compare *c, type_id a, type_id b, uint64_t count, int depth,
                        bool *out) {
    int rc = 0;
    for (uint64_t i = 0; rc == 0 && *out && i < count; i++) {
        struct type_member m, n;
        rc = type_member(c->db, a, i, &m, c->err);
        if (rc == 0) rc = type_member(c->db, b, i, &n, c->err);
        if (rc) return rc;
        *out =
            m.bit_offset == n.bit_offset && m.bit_size == n.bit_size && strcmp(m.name, n.name) == 0;
        if (*out) rc = same(c, m.type, n.type, false, depth + 1, out);
    }
    return rc;
}

static int same_enumerators(struct compare *c, type_id a, type_id b, uint64_t count, bool *out) {
    int rc = 0;
    for (uint64_t i = 0; rc == 0 && *out && i < count; i++) {
        struct type_enumerator m, n;
        rc = type_enumerator(c->db, a, i, &m, c->err);
        if (rc == 0) rc = type_enumerator(c->db, b, i, &n, c->err);
        if (rc == 0) *out = m.value == n.value && strcmp(m.name, n.name) == 0;
    }
    return rc;
}

// A typedef is what it stands for.
static int unalias(struct compare *c, type_id *id, struct type_info *info) {
    for (int steps = 0; steps < TYPE_MAX_CHAIN; steps++) {
        int rc = type_info(c->db, *id, info, c->err);
        if (rc || (info->kind != TYPE_TYPEDEF && info->kind != TYPE_TAG)) return rc;
        *id = info->target;
    }
    return err_set(c->err, KVM_FORMAT, "types: a cycle of typedefs");
}

static int same(struct compare *c, type_id a, type_id b, bool behind_pointer, int depth,
                bool *out) {
    struct type_info x, y;
    *out = a == b;
    if (*out) return 0;
    if (depth > MAX_NESTING || c->steps++ > MAX_STEPS) return 0;
    int rc = unalias(c, &a, &x);
    if (rc == 0) rc = unalias(c, &b, &y);
    *out = rc == 0 && a == b;
    if (rc || *out) return rc;
    if (strcmp(x.name, y.name) != 0) return 0;
    if (behind_pointer && is_tagged(x.kind) && is_tagged(y.kind) && x.name[0]) {
        *out = same_tag(&x, &y);
        return 0;
    }
    *out = x.kind == y.kind && x.size == y.size && x.count == y.count &&
           x.is_signed == y.is_signed && x.bits == y.bits && x.is_union == y.is_union;
    if (!*out) return 0;
    if (x.kind == TYPE_ENUM) return same_enumerators(c, a, b, x.count, out);
    if (x.kind == TYPE_STRUCT || x.kind == TYPE_UNION)
        return same_members(c, a, b, x.count, depth, out);
    bool pointer = behind_pointer || x.kind == TYPE_PTR || x.kind == TYPE_FUNC_PROTO;
    if (x.kind == TYPE_FUNC_PROTO) rc = same_members(c, a, b, x.count, depth, out);
    return rc || !*out ? rc : same(c, x.target, y.target, pointer, depth + 1, out);
}

int type_same(struct type_db *db, type_id a, type_id b, bool *out, struct kvm_err *err) {
    struct compare c = {.db = db, .err = err};
    return same(&c, a, b, false, 0, out);
}
