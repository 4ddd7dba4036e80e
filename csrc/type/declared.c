// SPDX-License-Identifier: BSD-2-Clause
// Types that were added by hand: declared in C by a user, or made up for a cast ("struct foo *[4]").
// Names and items are copied. Pointers, arrays, prototypes and qualified types are kept once each. One hash
// table finds named types by name and those by what they are made from; it holds the ids, chained from the
// newest on.
#include "type/type_priv.h"

#include "base/mem.h"

#include <string.h>

enum { TYPES_MAX = 1 << 22, ITEMS_MAX = 1 << 20 };

struct declared_type {
    struct type_info info; // its name is ours
    struct type_member *members;
    struct type_enumerator *enumerators;
    uint32_t next; // in its chain of the hash table; 0: the last
};

struct declared {
    struct type_source source;
    struct declared_type *types; // [0] is unused
    size_t len, cap;
    uint32_t *chains; // as many as there is room for types: ids, 0: empty
    size_t chains_len;
};

static struct declared *declared_of(struct type_source *s) {
    return (struct declared *)s;
}

static bool has_members(enum type_kind kind) {
    return kind == TYPE_STRUCT || kind == TYPE_UNION || kind == TYPE_FUNC_PROTO;
}

// --- hash table
static uint64_t mix(uint64_t hash, uint64_t v) {
    return (hash ^ v) * 0x100000001b3; // FNV-1a
}

static uint64_t hash_name(const char *name) {
    uint64_t hash = 0xcbf29ce484222325;
    for (; *name; name++)
        hash = mix(hash, (unsigned char)*name);
    return hash;
}

// A type that is kept once: it has no name.
static bool is_shared(enum type_kind kind) {
    return kind == TYPE_PTR || kind == TYPE_ARRAY || kind == TYPE_FUNC_PROTO ||
           kind == TYPE_CONST || kind == TYPE_VOLATILE || kind == TYPE_RESTRICT;
}

static uint64_t hash_type(const struct type_info *info) {
    if (!is_shared(info->kind)) return hash_name(info->name);
    uint64_t hash = mix(mix(hash_name(""), info->kind), info->target);
    return mix(mix(hash, info->target >> 32), info->count);
}

static uint32_t *chain_of(const struct declared *d, uint64_t hash) {
    return &d->chains[(hash ^ hash >> 32) % d->chains_len];
}

static void chain_add(struct declared *d, uint32_t id) {
    uint32_t *first = chain_of(d, hash_type(&d->types[id].info));
    d->types[id].next = *first;
    *first = id;
}

// Room for one more type.
static bool make_room(struct declared *d) {
    if (!mem_grow(&d->types, &d->cap, d->len + 1, sizeof(*d->types))) return false;
    if (d->chains_len == d->cap) return true;
    uint32_t *chains = mem_array(d->cap, sizeof(*chains));
    if (!chains) return false;
    mem_free(d->chains);
    d->chains = chains;
    d->chains_len = d->cap;
    for (uint32_t id = 1; id < d->len; id++)
        chain_add(d, id);
    return true;
}

// Of equal names the last one; a definition before a declaration.
static int find(struct type_source *s, enum type_kind kind, const char *name, uint32_t *out) {
    const struct declared *d = declared_of(s);
    uint32_t forward = 0;
    for (uint32_t id = *chain_of(d, hash_name(name)); id; id = d->types[id].next) {
        const struct type_info *info = &d->types[id].info;
        if (is_shared(info->kind) || strcmp(info->name, name) != 0) continue;
        bool match = info->kind == kind ||
                     (kind == TYPE_INT && (info->kind == TYPE_CHAR || info->kind == TYPE_BOOL));
        if (match) {
            *out = id;
            return 0;
        }
        bool fwd = info->kind == TYPE_FWD && kind == (info->is_union ? TYPE_UNION : TYPE_STRUCT);
        if (fwd && !forward) forward = id;
    }
    *out = forward;
    return forward ? 0 : KVM_NOTFOUND;
}

static int info(struct type_source *s, uint32_t id, struct type_info *out, struct kvm_err *err) {
    (void)err;
    *out = declared_of(s)->types[id].info;
    return 0;
}

static int member(struct type_source *s, uint32_t id, uint64_t i, struct type_member *out,
                  struct kvm_err *err) {
    (void)err;
    *out = declared_of(s)->types[id].members[i];
    return 0;
}

static int enumerator(struct type_source *s, uint32_t id, uint64_t i, struct type_enumerator *out,
                      struct kvm_err *err) {
    (void)err;
    *out = declared_of(s)->types[id].enumerators[i];
    return 0;
}

static uint32_t last(struct type_source *s) {
    return (uint32_t)(declared_of(s)->len - 1);
}

static int reach(struct type_source *s, uint32_t id, struct kvm_err *err) {
    return id <= last(s) ? 0 : err_set(err, KVM_INVAL, "no declared type has number %u", id);
}

static void type_deinit(struct declared_type *t) {
    for (uint64_t i = 0; t->members && i < t->info.count; i++)
        mem_free((char *)(uintptr_t)t->members[i].name);
    for (uint64_t i = 0; t->enumerators && i < t->info.count; i++)
        mem_free((char *)(uintptr_t)t->enumerators[i].name);
    mem_free(t->members);
    mem_free(t->enumerators);
    mem_free((char *)(uintptr_t)t->info.name);
}

static void destroy(struct type_source *s) {
    struct declared *d = declared_of(s);
    for (size_t id = 1; id < d->len; id++)
        type_deinit(&d->types[id]);
    mem_free(d->chains);
    mem_free(d->types);
    mem_free(d);
}

static const struct type_ops type_declared = {
    .name = "declarations",
    .find = find,
    .info = info,
    .member = member,
    .enumerator = enumerator,
    .last = last,
    .reach = reach,
    .destroy = destroy,
};

struct type_source *type_declared_create(uint32_t number) {
    struct declared *d = mem_zalloc(sizeof(*d));
    if (!d) return NULL;
    d->source = (struct type_source){&type_declared, number};
    d->len = 1;
    if (!make_room(d)) {
        destroy(&d->source);
        return NULL;
    }
    return &d->source;
}

// --- adding
static bool same_items(const struct declared_type *t, const struct type_member *members) {
    for (uint64_t i = 0; t->members && i < t->info.count; i++) {
        if (t->members[i].type != members[i].type ||
            strcmp(t->members[i].name, members[i].name) != 0)
            return false;
    }
    return true;
}

// The same pointer, array, prototype or qualified type, when it is there.
static bool is_there(const struct declared *d, const struct type_info *want,
                     const struct type_member *members, uint32_t *out) {
    if (!is_shared(want->kind)) return false;
    for (uint32_t id = *chain_of(d, hash_type(want)); id; id = d->types[id].next) {
        const struct type_info *have = &d->types[id].info;
        if (have->kind != want->kind || have->target != want->target ||
            have->count != want->count || have->size != want->size ||
            !same_items(&d->types[id], members))
            continue;
        *out = id;
        return true;
    }
    return false;
}

static bool copy_members(struct declared_type *t, const struct type_member *members) {
    t->members = mem_array(t->info.count, sizeof(*members));
    for (uint64_t i = 0; t->members && i < t->info.count; i++) {
        t->members[i] = members[i];
        t->members[i].name = mem_strdup(members[i].name);
        if (!t->members[i].name) return false;
    }
    return t->members;
}

static bool copy_enumerators(struct declared_type *t, const struct type_enumerator *enumerators) {
    t->enumerators = mem_array(t->info.count, sizeof(*enumerators));
    for (uint64_t i = 0; t->enumerators && i < t->info.count; i++) {
        t->enumerators[i] = enumerators[i];
        t->enumerators[i].name = mem_strdup(enumerators[i].name);
        if (!t->enumerators[i].name) return false;
    }
    return t->enumerators;
}

int type_declared_add(struct type_source *s, const struct type_info *info,
                      const struct type_member *members, const struct type_enumerator *enumerators,
                      uint32_t *out, struct kvm_err *err) {
    struct declared *d = declared_of(s);
    bool items = info->count && (has_members(info->kind) || info->kind == TYPE_ENUM);
    if (is_there(d, info, members, out)) return 0;
    if (d->len >= TYPES_MAX || (items && info->count > ITEMS_MAX))
        return err_set(err, KVM_INVAL, "too many declared types, or a type of too many members");
    struct declared_type t = {.info = *info};
    t.info.name = mem_strdup(info->name);
    bool ok = t.info.name && make_room(d);
    if (ok && items)
        ok =
            info->kind == TYPE_ENUM ? copy_enumerators(&t, enumerators) : copy_members(&t, members);
    if (!ok) {
        type_deinit(&t);
        return err_nomem(err, "a declared type");
    }
    *out = (uint32_t)d->len;
    d->types[d->len] = t;
    chain_add(d, (uint32_t)d->len++);
    return 0;
}
