// SPDX-License-Identifier: BSD-2-Clause
// The graph of C types: the kernel's own source, loaded by the first question, and beside it what
// was declared by hand, a debug file, and modules. What every source would have to check is checked
// here: indices, ids, and that a member lies inside its struct, so that a caller who fetched the
// struct's bytes may decode any member from them.
#include "type/type_priv.h"

#include "base/mem.h"

#include <string.h>

enum { MODULES_MAX = 65536 };

// A source that is loaded when it is first asked for.
struct slot {
    struct type_source *source;
    bool loaded; // source, or why there is none
    int rc;
    struct kvm_err why;
};

struct module {
    char *name;
    struct slot types, debug;
};

struct type_db {
    type_load *load, *load_debug;
    void *ctx, *debug_ctx;
    const struct type_modules *modules_ops;
    void *modules_ctx;
    struct slot kernel, debug;
    struct type_source *declared; // NULL until something is
    struct module *modules;
    size_t modules_len, modules_cap;
    bool modules_listed, listing;
};

struct type_db *type_db_create(type_load *load, void *ctx) {
    struct type_db *db = mem_zalloc(sizeof(*db));
    if (!db) return NULL;
    db->load = load;
    db->ctx = ctx;
    return db;
}

static void slot_deinit(struct slot *s) {
    if (s->source) s->source->ops->destroy(s->source);
}

void type_db_destroy(struct type_db *db) {
    if (!db) return;
    for (size_t i = 0; i < db->modules_len; i++) {
        slot_deinit(&db->modules[i].types);
        slot_deinit(&db->modules[i].debug);
        mem_free(db->modules[i].name);
    }
    mem_free(db->modules);
    if (db->declared) db->declared->ops->destroy(db->declared);
    slot_deinit(&db->debug);
    slot_deinit(&db->kernel);
    mem_free(db);
}

void type_db_set_modules(struct type_db *db, const struct type_modules *ops, void *ctx) {
    db->modules_ops = ops;
    db->modules_ctx = ctx;
}

void type_db_set_debug(struct type_db *db, type_load *load, void *ctx) {
    db->load_debug = load;
    db->debug_ctx = ctx;
}

// --- sources
// What the slot's loader said, kept: except that memory may be there the next time.
static int slot_keep(struct slot *s, uint32_t number, int rc) {
    s->loaded = rc != KVM_NOMEM;
    if (rc == KVM_NOMEM) return rc;
    s->rc = rc;
    if (rc == 0) s->source->number = number;
    return rc;
}

static int slot_result(const struct slot *s, struct type_source **out, struct kvm_err *err) {
    if (s->rc && err) *err = s->why;
    if (s->rc == 0) *out = s->source;
    return s->rc;
}

static int slot_load(struct slot *s, uint32_t number, type_load *load, void *ctx,
                     struct type_source **out, struct kvm_err *err) {
    if (!s->loaded && slot_keep(s, number, load(ctx, &s->source, &s->why)) == KVM_NOMEM) {
        if (err) *err = s->why;
        return KVM_NOMEM;
    }
    return slot_result(s, out, err);
}

int type_db_source(struct type_db *db, struct type_source **out, struct kvm_err *err) {
    return slot_load(&db->kernel, TYPE_KERNEL, db->load, db->ctx, out, err);
}

// Listing them asks for types itself, of the kernel: while it runs there are no modules.
static int list_modules(struct type_db *db, struct kvm_err *err) {
    while (db->modules_ops && !db->modules_listed && !db->listing) {
        const char *name = NULL;
        db->listing = true;
        int rc = db->modules_ops->name(db->modules_ctx, db->modules_len, &name, err);
        db->listing = false;
        db->modules_listed = rc == KVM_NOTFOUND;
        if (db->modules_listed) {
            err_clear(err);
            return 0;
        }
        if (rc) return rc;
        if (db->modules_len >= MODULES_MAX)
            return err_set(err, KVM_FORMAT, "more than %d modules", MODULES_MAX);
        if (!mem_grow(&db->modules, &db->modules_cap, db->modules_len + 1, sizeof(*db->modules)))
            return err_nomem(err, "the list of modules");
        struct module *m = &db->modules[db->modules_len];
        *m = (struct module){.name = mem_strdup(name)};
        if (!m->name) return err_nomem(err, "the name of a module");
        db->modules_len++;
    }
    return 0;
}

static int load_module(struct type_db *db, uint32_t number, struct type_source **out,
                       struct kvm_err *err) {
    size_t i = (number - TYPE_MODULES) / 2;
    bool debug = (number - TYPE_MODULES) % 2;
    const struct type_modules *ops = db->modules_ops;
    struct slot *s = debug ? &db->modules[i].debug : &db->modules[i].types;
    if (!s->loaded) {
        struct type_source *base = NULL;
        int rc;
        // Loading it asks for types itself; then it has none.
        s->loaded = true;
        s->rc = err_set(&s->why, KVM_NOTFOUND, "the types of a module are being loaded");
        if (!debug) {
            type_db_source(db, &base, NULL);
            rc = ops->load(db->modules_ctx, i, base, number, &s->source, &s->why);
        } else if (ops->debug) {
            rc = ops->debug(db->modules_ctx, i, &s->source, &s->why);
        } else {
            rc = err_set(&s->why, KVM_NOTFOUND, "no debug file of a module");
        }
        if (rc) err_prepend(&s->why, rc, "module %s", db->modules[i].name);
        if (slot_keep(s, number, rc) == KVM_NOMEM) {
            if (err) *err = s->why;
            return KVM_NOMEM;
        }
    }
    return slot_result(s, out, err);
}

int type_db_numbers(struct type_db *db, uint32_t *out, struct kvm_err *err) {
    int rc = list_modules(db, err);
    *out = TYPE_MODULES + 2 * (uint32_t)db->modules_len;
    return rc;
}

static int kernel_debug(struct type_db *db, struct type_source **out, struct kvm_err *err) {
    struct type_source *s;
    if (type_db_source(db, &s, NULL) == 0 && s->ops->variable) {
        *out = s;
        return 0;
    }
    if (!db->load_debug) return err_set(err, KVM_NOTFOUND, "no debug file of the kernel");
    return slot_load(&db->debug, TYPE_DEBUG, db->load_debug, db->debug_ctx, out, err);
}

int type_db_numbered(struct type_db *db, uint32_t number, struct type_source **out,
                     struct kvm_err *err) {
    if (number == TYPE_KERNEL) return type_db_source(db, out, err);
    if (number == TYPE_DEBUG) return kernel_debug(db, out, err);
    if (number == TYPE_DECLARED && db->declared) {
        *out = db->declared;
        return 0;
    }
    if (number >= TYPE_MODULES && (number - TYPE_MODULES) / 2 < db->modules_len)
        return load_module(db, number, out, err);
    return err_set(err, KVM_NOTFOUND, "there are no such types");
}

int type_db_module(struct type_db *db, const char *name, uint32_t *out, struct kvm_err *err) {
    int rc = list_modules(db, err);
    for (size_t i = 0; i < db->modules_len; i++) {
        if (strcmp(db->modules[i].name, name) != 0) continue;
        *out = TYPE_MODULES + 2 * (uint32_t)i;
        err_clear(err);
        return 0;
    }
    if (rc) return rc;
    return err_set(err, KVM_NOTFOUND, "no module \"%.100s\" is loaded", name);
}

int type_db_debug(struct type_db *db, const char *module, struct type_source **out,
                  struct kvm_err *err) {
    uint32_t number;
    if (!module) return kernel_debug(db, out, err);
    int rc = type_db_module(db, module, &number, err);
    return rc ? rc : type_db_numbered(db, number + 1, out, err);
}

const char *type_db_owner(struct type_db *db, uint32_t number) {
    if (number == TYPE_DECLARED) return "declarations";
    if (number < TYPE_MODULES) return "the kernel";
    size_t i = (number - TYPE_MODULES) / 2;
    return i < db->modules_len ? db->modules[i].name : "?";
}

const char *type_origin(struct type_db *db, struct kvm_err *err) {
    struct type_source *s;
    return type_db_source(db, &s, err) == 0 ? s->ops->name : NULL;
}

uint32_t type_last(struct type_db *db) {
    struct type_source *s;
    return type_db_source(db, &s, NULL) == 0 ? s->ops->last(s) : 0;
}

// The source of a type, in which the type is there.
static int source_of(struct type_db *db, type_id id, struct type_source **out,
                     struct kvm_err *err) {
    int rc = type_db_numbered(db, (uint32_t)(id >> 32), out, err);
    return rc ? rc : (*out)->ops->reach(*out, (uint32_t)id, err);
}

int type_declare(struct type_db *db, const struct type_info *info,
                 const struct type_member *members, const struct type_enumerator *enumerators,
                 type_id *out, struct kvm_err *err) {
    if (!db->declared) db->declared = type_declared_create(TYPE_DECLARED);
    if (!db->declared) return err_nomem(err, "declarations");
    struct type_info target, sized = *info;
    uint32_t id;
    int rc = type_info(db, info->target, &target, err);
    if (rc == 0 && type_is_alias(info->kind)) sized.size = target.size;
    for (uint64_t i = 0; rc == 0 && members && i < info->count; i++)
        rc = type_info(db, members[i].type, &target, err);
    if (rc == 0) rc = type_declared_add(db->declared, &sized, members, enumerators, &id, err);
    if (rc == 0) *out = type_id_of(db->declared, id);
    return rc;
}

int type_source_find(struct type_source *s, enum type_kind kind, const char *name, type_id *out,
                     struct kvm_err *err) {
    uint32_t id;
    int rc = s->ops->find(s, kind, name, &id);
    if (rc == 0) *out = type_id_of(s, id);
    if (rc == 0 || rc == KVM_NOTFOUND) return rc;
    err_set(err, rc, "%s: the search failed", s->ops->name);
    if (s->ops->find_error) s->ops->find_error(s, err);
    return rc;
}

// --- questions
int type_info(struct type_db *db, type_id id, struct type_info *out, struct kvm_err *err) {
    if (id == 0) {
        *out = (struct type_info){.kind = TYPE_VOID, .name = "void"};
        return 0;
    }
    struct type_source *s;
    int rc = source_of(db, id, &s, err);
    return rc ? rc : s->ops->info(s, (uint32_t)id, out, err);
}

// The owner of a member, enumerator or parameter I; INVAL where there is no such one.
static int item_owner(struct type_db *db, type_id id, uint64_t i, struct type_source **s,
                      struct type_info *out, struct kvm_err *err) {
    int rc = type_info(db, id, out, err);
    if (rc) return rc;
    if (i >= out->count)
        return err_set(err, KVM_INVAL, "type %u (%s) has no item %llu", (unsigned)id, out->name,
                       (unsigned long long)i);
    return source_of(db, id, s, err);
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
    struct type_source *s;
    int rc = item_owner(db, id, i, &s, &owner, err);
    if (rc) return rc;
    bool record = owner.kind == TYPE_STRUCT || owner.kind == TYPE_UNION;
    if (!record && owner.kind != TYPE_FUNC_PROTO)
        return err_set(err, KVM_INVAL, "type %u (%s) has no members", (unsigned)id, owner.name);
    rc = s->ops->member(s, (uint32_t)id, i, out, err);
    return rc || !record ? rc : member_inside(db, &owner, out, err);
}

int type_enumerator(struct type_db *db, type_id id, uint64_t i, struct type_enumerator *out,
                    struct kvm_err *err) {
    struct type_info owner = {0};
    struct type_source *s;
    int rc = item_owner(db, id, i, &s, &owner, err);
    if (rc) return rc;
    if (owner.kind != TYPE_ENUM)
        return err_set(err, KVM_INVAL, "type %u (%s) is no enum", (unsigned)id, owner.name);
    return s->ops->enumerator(s, (uint32_t)id, i, out, err);
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
                           (unsigned)id);
        at = got.target;
        rc = type_info(db, at, &got, err);
    }
    if (rc == 0 && got.kind == TYPE_FWD) {
        rc = type_definition(db, got.is_union ? TYPE_UNION : TYPE_STRUCT, got.name, &at, err);
        if (rc == 0) rc = type_info(db, at, &got, err);
        if (rc == KVM_NOTFOUND) {
            err_clear(err);
            rc = 0;
        }
    }
    if (rc) return rc;
    if (out) *out = at;
    if (info) *info = got;
    return 0;
}
