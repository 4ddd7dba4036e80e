// SPDX-License-Identifier: BSD-2-Clause
// The database of C types: one source, loaded by the first question. What every source would have
// to check is checked here: indices, ids, and that a member lies inside its struct, so that a
// caller who fetched the struct's bytes may decode any member from them.
#include "type/type_priv.h"

#include "base/mem.h"

struct type_db {
    type_load *load;
    void *ctx;
    struct type_source *source;
    bool loaded; // source, or why there is none
    int rc;
    struct kvm_err why;
};

struct type_db *type_db_create(type_load *load, void *ctx) {
    struct type_db *db = mem_zalloc(sizeof(*db));
    if (!db) return NULL;
    db->load = load;
    db->ctx = ctx;
    return db;
}

void type_db_destroy(struct type_db *db) {
    if (!db) return;
    if (db->source) db->source->ops->destroy(db->source);
    mem_free(db);
}

int type_db_source(struct type_db *db, struct type_source **out, struct kvm_err *err) {
    if (!db->loaded) {
        int rc = db->load(db->ctx, &db->source, &db->why);
        // Memory may be there the next time; everything else stays as it is.
        if (rc == KVM_NOMEM) {
            if (err) *err = db->why;
            return rc;
        }
        db->loaded = true;
        db->rc = rc;
    }
    if (db->rc && err) *err = db->why;
    if (db->rc == 0) *out = db->source;
    return db->rc;
}

const char *type_origin(struct type_db *db, struct kvm_err *err) {
    struct type_source *s;
    return type_db_source(db, &s, err) == 0 ? s->ops->name : NULL;
}

type_id type_last(struct type_db *db) {
    struct type_source *s;
    return type_db_source(db, &s, NULL) == 0 ? s->ops->last(s) : 0;
}

int type_info(struct type_db *db, type_id id, struct type_info *out, struct kvm_err *err) {
    if (id == 0) {
        *out = (struct type_info){.kind = TYPE_VOID, .name = "void"};
        return 0;
    }
    struct type_source *s;
    int rc = type_db_source(db, &s, err);
    if (rc) return rc;
    rc = s->ops->reach(s, id, err);
    return rc ? rc : s->ops->info(s, id, out, err);
}

// The owner of a member, enumerator or parameter I; INVAL where there is no such one.
static int item_owner(struct type_db *db, type_id id, uint64_t i, struct type_info *out,
                      struct kvm_err *err) {
    int rc = type_info(db, id, out, err);
    if (rc) return rc;
    if (i >= out->count)
        return err_set(err, KVM_INVAL, "type %u (%s) has no item %llu", id, out->name,
                       (unsigned long long)i);
    return 0;
}

static int member_inside(struct type_db *db, const struct type_info *owner,
                         const struct type_member *m, struct kvm_err *err) {
    struct type_info info = {0};
    int rc = type_info(db, m->type, &info, err);
    if (rc) return rc;
    uint64_t bits = m->bit_size, all;
    if (!bits && !mem_mul(info.size, 8, &bits)) bits = UINT64_MAX;
    if (!mem_mul(owner->size, 8, &all)) all = UINT64_MAX;
    if (mem_inside(m->bit_offset, bits, all)) return 0;
    return err_set(err, KVM_FORMAT, "types: member \"%s\" lies outside its %llu-byte %s \"%s\"",
                   m->name, (unsigned long long)owner->size,
                   owner->kind == TYPE_UNION ? "union" : "struct", owner->name);
}

int type_member(struct type_db *db, type_id id, uint64_t i, struct type_member *out,
                struct kvm_err *err) {
    struct type_info owner = {0};
    int rc = item_owner(db, id, i, &owner, err);
    if (rc) return rc;
    bool record = owner.kind == TYPE_STRUCT || owner.kind == TYPE_UNION;
    if (!record && owner.kind != TYPE_FUNC_PROTO)
        return err_set(err, KVM_INVAL, "type %u (%s) has no members", id, owner.name);
    rc = db->source->ops->member(db->source, id, i, out, err);
    return rc || !record ? rc : member_inside(db, &owner, out, err);
}

int type_enumerator(struct type_db *db, type_id id, uint64_t i, struct type_enumerator *out,
                    struct kvm_err *err) {
    struct type_info owner = {0};
    int rc = item_owner(db, id, i, &owner, err);
    if (rc) return rc;
    if (owner.kind != TYPE_ENUM)
        return err_set(err, KVM_INVAL, "type %u (%s) is no enum", id, owner.name);
    return db->source->ops->enumerator(db->source, id, i, out, err);
}

bool type_is_alias(enum type_kind kind) {
    return kind == TYPE_TYPEDEF || kind == TYPE_CONST || kind == TYPE_VOLATILE ||
           kind == TYPE_RESTRICT || kind == TYPE_TAG;
}

int type_strip(struct type_db *db, type_id id, type_id *out, struct type_info *info,
               struct kvm_err *err) {
    struct type_info got = {0};
    type_id at = id;
    int rc = type_info(db, at, &got, err);
    for (int steps = 0; rc == 0 && type_is_alias(got.kind); steps++) {
        if (steps >= TYPE_MAX_CHAIN)
            return err_set(err, KVM_FORMAT, "types: type %u is a cycle of typedefs or qualifiers",
                           id);
        at = got.target;
        rc = type_info(db, at, &got, err);
    }
    if (rc == 0 && got.kind == TYPE_FWD) {
        enum type_kind kind = got.is_union ? TYPE_UNION : TYPE_STRUCT;
        type_id full = 0;
        rc = db->source->ops->find(db->source, kind, got.name, &full);
        if (rc == 0) {
            at = full;
            rc = type_info(db, at, &got, err);
        } else if (rc == KVM_NOTFOUND) {
            rc = 0;
        } else {
            err_set(err, rc, "types: no search for the definition of \"%s\"", got.name);
        }
    }
    if (rc) return rc;
    if (out) *out = at;
    if (info) *info = got;
    return 0;
}
