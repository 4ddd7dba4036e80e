// SPDX-License-Identifier: BSD-2-Clause
// Types of a debug file as the kernel's own. BTF and a debug file of one kernel both have a struct
// task_struct; what is told about a variable leads to the one that everything else is about.
// Anonymous structs stay those of the debug file, and so do typedefs and structs that only it has.
#include "type/type_priv.h"

#include "base/mem.h"

enum {
    MAX_NESTING = 32,     // prototypes within prototypes, each a chain of declarators
    MAX_PARAMETERS = 256, // C asks compilers for 127
};

struct canon {
    struct type_db *db;
    struct type_source *own[2]; // the module's types, the kernel's
    size_t own_len;
    struct kvm_err *err;
};

// The kind under which sources find it by name; TYPE_VOID: not by name.
static enum type_kind search_kind(const struct type_info *info) {
    switch (info->kind) {
    case TYPE_STRUCT:
    case TYPE_UNION:
    case TYPE_ENUM:
    case TYPE_TYPEDEF:
    case TYPE_FLOAT: return info->kind;
    case TYPE_FWD: return info->is_union ? TYPE_UNION : TYPE_STRUCT;
    case TYPE_INT:
    case TYPE_CHAR:
    case TYPE_BOOL: return TYPE_INT;
    default: return TYPE_VOID;
    }
}

static int size_of(struct canon *c, type_id id, uint64_t *out) {
    struct type_info info;
    int rc = type_strip(c->db, id, NULL, &info, c->err);
    if (rc == 0) *out = info.size;
    return rc;
}

// Whether what is found by name is that type: a declaration is any definition of its name.
static int stands_for(struct canon *c, type_id id, const struct type_info *info, type_id found,
                      bool *out) {
    struct type_info other;
    uint64_t size = 0, other_size = 0;
    int rc = type_info(c->db, found, &other, c->err);
    *out = rc == 0 && (info->kind == TYPE_FWD || other.kind == TYPE_FWD ||
                       (other.kind == info->kind && other.count == info->count));
    if (rc || !*out || info->kind == TYPE_FWD) return rc;
    if (other.kind == TYPE_FWD) {
        *out = false;
        return 0;
    }
    rc = size_of(c, id, &size);
    if (rc == 0) rc = size_of(c, found, &other_size);
    *out = size == other_size;
    return rc;
}

// ID stays where neither the module nor the kernel has such a type.
static int by_name(struct canon *c, enum type_kind kind, type_id id, const struct type_info *info,
                   type_id *out) {
    *out = id;
    for (size_t i = 0; info->name[0] && i < c->own_len; i++) {
        type_id there;
        bool match;
        int rc = type_source_find(c->own[i], kind, info->name, &there, c->err);
        if (rc == KVM_NOTFOUND) continue;
        if (rc) return err_prepend(c->err, rc, "search for type \"%.200s\"", info->name);
        rc = stands_for(c, id, info, there, &match);
        if (rc) return rc;
        if (!match) continue;
        *out = there;
        return 0;
    }
    return 0;
}

static int canonical(struct canon *c, type_id id, int depth, type_id *out);

// The parameters of ID; *changed where one is another type now.
static int parameters(struct canon *c, type_id id, uint64_t count, int depth,
                      struct type_member *out, bool *changed) {
    int rc = 0;
    for (uint64_t i = 0; rc == 0 && i < count; i++) {
        rc = type_member(c->db, id, i, &out[i], c->err);
        type_id was = rc == 0 ? out[i].type : 0;
        if (rc == 0) rc = canonical(c, was, depth + 1, &out[i].type);
        if (rc == 0 && out[i].type != was) *changed = true;
    }
    return rc;
}

static int prototype(struct canon *c, type_id id, struct type_info *info, int depth, type_id *out) {
    if (info->count > MAX_PARAMETERS)
        return err_set(c->err, KVM_FORMAT, "types: a function with %llu parameters",
                       (unsigned long long)info->count);
    struct type_member *members = mem_array((size_t)info->count, sizeof(*members));
    if (!members) return err_nomem(c->err, "parameters");
    type_id was = info->target;
    bool changed = false;
    int rc = parameters(c, id, info->count, depth, members, &changed);
    if (rc == 0) rc = canonical(c, was, depth + 1, &info->target);
    *out = id;
    if (rc == 0 && (changed || info->target != was))
        rc = type_declare(c->db, info, members, NULL, out, c->err);
    mem_free(members);
    return rc;
}

static bool is_own(const struct canon *c, type_id id) {
    for (size_t i = 0; i < c->own_len; i++) {
        if ((uint32_t)(id >> 32) == c->own[i]->number) return true;
    }
    return id == 0 || id >> 32 == TYPE_DECLARED;
}

// One step of the chain of declarators each; a chain of a thousand is damage.
static int canonical(struct canon *c, type_id id, int depth, type_id *out) {
    struct type_info info;
    *out = id;
    if (is_own(c, id)) return 0;
    if (depth > MAX_NESTING) return err_set(c->err, KVM_FORMAT, "types: a type has no end");
    int rc = type_info(c->db, id, &info, c->err);
    if (rc) return rc;
    enum type_kind kind = search_kind(&info);
    if (kind != TYPE_VOID) return by_name(c, kind, id, &info, out);
    if (info.kind == TYPE_FUNC_PROTO) return prototype(c, id, &info, depth, out);
    bool declarator = info.kind == TYPE_PTR || info.kind == TYPE_ARRAY || info.kind == TYPE_CONST ||
                      info.kind == TYPE_VOLATILE || info.kind == TYPE_RESTRICT;
    if (!declarator) return 0;
    type_id was = info.target;
    rc = canonical(c, was, depth + 1, &info.target);
    if (rc || info.target == was) return rc;
    return type_declare(c->db, &info, NULL, NULL, out, c->err);
}

static void add_own(struct canon *c, uint32_t number) {
    struct type_source *s;
    if (type_db_numbered(c->db, number, &s, NULL) == 0) c->own[c->own_len++] = s;
}

int type_canonical(struct type_db *db, type_id id, type_id *out, struct kvm_err *err) {
    struct canon c = {.db = db, .err = err};
    uint32_t number = (uint32_t)(id >> 32);
    if (number > TYPE_MODULES && (number - TYPE_MODULES) % 2) add_own(&c, number - 1);
    add_own(&c, TYPE_KERNEL);
    return canonical(&c, id, 0, out);
}
