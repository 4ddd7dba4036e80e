// SPDX-License-Identifier: BSD-2-Clause
// Names of BTF -> types, by hash. They are hashed by searches, as far as types are indexed; functions and variables, which
// are a third of all types, only by searches for one of them. (The BTF of Linux 7.1 and later is sorted by name; that
// spares nothing here, since where a type starts is only known from the one before it.)
#include "type/btf.h"

#include "base/mem.h"

#include <string.h>

static uint32_t hash(const char *s) {
    uint32_t h = 2166136261u; // FNV-1a
    for (; *s; s++)
        h = (h ^ (uint8_t)*s) * 16777619u;
    return h ^ (h >> 15);
}

static bool has_name(const struct btf_record *r, bool values) {
    if (r->name == 0) return false;
    if (values) return r->kind == BTF_FUNC || r->kind == BTF_VAR;
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

void btf_names_deinit(struct btf_names *n) {
    mem_free(n->buckets);
}

// Adds the types that were indexed since the last time. From the lowest number on: each chain then starts with its
// highest.
static int extend(struct btf *b, bool values, struct kvm_err *err) {
    struct btf_names *n = values ? &b->values : &b->tags;
    if (!n->buckets) {
        uint32_t size = 64; // a type takes about 26 bytes
        while (size < b->types_len / 52)
            size *= 2;
        n->buckets = mem_array(size, sizeof(*n->buckets));
        if (!n->buckets) return err_nomem(err, "names of BTF");
        n->mask = size - 1;
    }
    for (; n->last < b->last; n->last++) {
        uint32_t number = n->last + 1;
        struct btf_record r;
        const char *name;
        btf_record(b, number, &r);
        if (!has_name(&r, values)) continue;
        int rc = btf_string(b, r.name, &name, err);
        if (rc) return rc;
        uint32_t *bucket = &n->buckets[hash(name) & n->mask];
        b->next[number] = *bucket;
        *bucket = number;
    }
    return 0;
}

// The type NUMBER of a chain, and whether it has that name: names were read when they were hashed.
static bool is_named(struct btf *b, uint32_t number, const char *name, struct btf_record *r) {
    const char *have;
    btf_record(b, number, r);
    return btf_string(b, r->name, &have, NULL) == 0 && strcmp(have, name) == 0;
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
    case TYPE_VAR: yes = r->kind == BTF_VAR; break;
    default: break;
    }
    return yes ? MATCH_DEFINITION : MATCH_NO;
}

// Of the types that are indexed: the first definition, else the first declaration (*declared).
static uint32_t look(struct btf *b, const struct btf_names *n, enum type_kind kind,
                     const char *name, uint32_t *declared) {
    uint32_t defined = 0;
    for (uint32_t i = n->buckets[hash(name) & n->mask]; i; i = b->next[i]) {
        struct btf_record r;
        btf_record(b, i, &r);
        enum match m = match_kind(&r, kind);
        if (m == MATCH_NO || !is_named(b, i, name, &r)) continue;
        *(m == MATCH_DEFINITION ? &defined : declared) = i; // chains descend: the last one stays
    }
    return defined;
}

int btf_find(struct btf *b, enum type_kind kind, const char *name, uint32_t *out) {
    enum { STEP = 2048 }; // types
    bool values = kind == TYPE_FUNC || kind == TYPE_VAR;
    uint32_t declared = 0;
    for (;;) {
        int rc = extend(b, values, &b->find_error);
        if (rc) return rc;
        *out = look(b, values ? &b->values : &b->tags, kind, name, &declared);
        if (*out) return 0;
        if (b->complete) break;
        if (btf_index_to(b, b->last < UINT32_MAX - STEP ? b->last + STEP : UINT32_MAX)) {
            b->find_error = b->error;
            return b->error.code;
        }
    }
    *out = declared;
    return declared ? 0 : KVM_NOTFOUND;
}

int btf_next_named(struct btf *b, const char *name, uint32_t *number, struct kvm_err *err) {
    int rc = btf_index_all(b, err);
    if (rc == 0) rc = extend(b, false, err);
    if (rc) return rc;
    struct btf_record r;
    uint32_t i = *number ? b->next[*number] : b->tags.buckets[hash(name) & b->tags.mask];
    while (i && !is_named(b, i, name, &r))
        i = b->next[i];
    *number = i;
    return 0;
}

int btf_next_definition(struct btf *b, enum type_kind kind, const char *name, uint32_t *number,
                        struct kvm_err *err) {
    struct btf_record r;
    do {
        int rc = btf_next_named(b, name, number, err);
        if (rc || !*number) return rc;
        btf_record(b, *number, &r);
    } while (match_kind(&r, kind) != MATCH_DEFINITION);
    return 0;
}
