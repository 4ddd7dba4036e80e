// SPDX-License-Identifier: BSD-2-Clause
// Types of variables and functions: declared by hand, of a debug file, or as BTF tells them. In a debug file
// several static variables may have one name: their types are compared, and where they differ the
// address must say which is meant.
#include "type/type_priv.h"

struct query {
    struct type_db *db;
    const char *module; // NULL: the kernel
    const char *name;
    const uint64_t *addr; // in the debug file; NULL: unknown
    struct kvm_err *err;
};

static int target_of(const struct query *q, type_id id, type_id *out) {
    struct type_info info;
    int rc = type_info(q->db, id, &info, q->err);
    if (rc == 0) *out = info.target;
    return rc;
}

static int in_source(const struct query *q, struct type_source *s, type_id *out) {
    type_id id;
    int rc = type_source_find(s, TYPE_VAR, q->name, &id, q->err);
    if (rc == KVM_NOTFOUND) rc = type_source_find(s, TYPE_FUNC, q->name, &id, q->err);
    if (rc == KVM_NOTFOUND) return rc;
    return rc ? err_prepend(q->err, rc, "search for variable \"%.200s\"", q->name)
              : target_of(q, id, out);
}

static int in_debug_file(const struct query *q, struct type_source *s, type_id *out) {
    uint32_t id;
    int rc = s->ops->variable(s, q->name, q->addr, 0, &id, q->err);
    if (rc == 0) rc = target_of(q, type_id_of(s, id), out);
    if (rc) return rc;
    for (size_t i = 1;; i++) {
        type_id other;
        bool same = true;
        rc = s->ops->variable(s, q->name, q->addr, i, &id, q->err);
        if (rc == KVM_NOTFOUND) return 0;
        if (rc == 0) rc = target_of(q, type_id_of(s, id), &other);
        if (rc == 0) rc = type_same(q->db, *out, other, &same, q->err);
        if (rc) return rc;
        if (!same)
            return err_set(q->err, KVM_INVAL,
                           "several static variables are named %.100s and have different types, "
                           "and no address tells which is meant",
                           q->name);
    }
}

// A source that can't be loaded tells nothing.
static int ask(const struct query *q, uint32_t number, type_id *out) {
    struct type_source *s;
    if (type_db_numbered(q->db, number, &s, NULL)) return KVM_NOTFOUND;
    return s->ops->variable ? in_debug_file(q, s, out) : in_source(q, s, out);
}

static int not_known(const struct query *q) {
    struct type_source *s;
    struct kvm_err why = {0};
    type_db_debug(q->db, q->module, &s, &why);
    return err_set(q->err, KVM_NOTFOUND, "the type of the variable %.100s is not known%s%.300s",
                   q->name, why.code ? ": " : "", why.code ? why.text : "");
}

int type_variable_at(struct type_db *db, const char *module, const char *name, const uint64_t *addr,
                     type_id *out, struct kvm_err *err) {
    struct query q = {db, module, name, addr, err};
    uint32_t types = TYPE_KERNEL, debug = TYPE_DEBUG;
    int rc = 0;
    if (module) {
        rc = type_db_module(db, module, &types, err);
        debug = types + 1;
    }
    if (rc) return rc;
    const uint32_t order[] = {TYPE_DECLARED, debug, types};
    rc = KVM_NOTFOUND;
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]) && rc == KVM_NOTFOUND; i++)
        rc = ask(&q, order[i], out);
    if (rc == KVM_NOTFOUND) return not_known(&q);
    return rc ? rc : type_canonical(db, *out, out, err);
}

int type_variable(struct type_db *db, const char *module, const char *name, type_id *out,
                  struct kvm_err *err) {
    return type_variable_at(db, module, name, NULL, out, err);
}
