// SPDX-License-Identifier: BSD-2-Clause
// Paths to members: "signal.rlim[3].rlim_cur", through anonymous structs and unions as in C. Types
// come from a dump, so nesting and the number of members that one search looks at are bounded.
#include "type/type_priv.h"

#include "base/mem.h"

#include <string.h>

#define MAX_NESTING 32
// Members of nested anonymous structs that one search looks at. The largest struct of Linux 7.2 has
// 410 members; nested anonymous unions that name each other could make this exponential.
#define MAX_VISITS (1u << 21)
#define MAX_NAME   256

struct search {
    struct type_db *db;
    const char *name;
    size_t len;
    uint32_t visits;
    struct kvm_err *err;
};

static int search_members(struct search *s, type_id id, uint64_t count, int depth,
                          struct type_field *out);

// Looks into an anonymous member. NOTFOUND without message when the name is not there.
static int search_anonymous(struct search *s, const struct type_member *m, int depth,
                            struct type_field *out) {
    struct type_info info;
    type_id id;
    int rc = type_strip(s->db, m->type, &id, &info, s->err);
    if (rc) return rc;
    if (info.kind != TYPE_STRUCT && info.kind != TYPE_UNION) return KVM_NOTFOUND;
    if (depth >= MAX_NESTING)
        return err_set(s->err, KVM_FORMAT, "types: anonymous members nest deeper than %d",
                       MAX_NESTING);
    rc = search_members(s, id, info.count, depth + 1, out);
    if (rc == 0) out->bit_offset += m->bit_offset;
    return rc;
}

static int search_members(struct search *s, type_id id, uint64_t count, int depth,
                          struct type_field *out) {
    struct type_source *src;
    int rc = type_db_numbered(s->db, (uint32_t)(id >> 32), &src, s->err);
    if (rc) return rc;
    for (uint64_t i = 0; i < count; i++) {
        struct type_member m;
        rc = src->ops->member(src, (uint32_t)id, i, &m, s->err);
        if (rc) return rc;
        if (m.name[0] == '\0') {
            if (s->visits++ > MAX_VISITS)
                return err_set(s->err, KVM_FORMAT, "types: too many anonymous members");
            // Asked for again for the check that it lies inside the struct.
            rc = type_member(s->db, id, i, &m, s->err);
            if (rc == 0) rc = search_anonymous(s, &m, depth, out);
            if (rc != KVM_NOTFOUND) return rc;
        } else if (strncmp(m.name, s->name, s->len) == 0 && m.name[s->len] == '\0') {
            rc = type_member(s->db, id, i, &m, s->err);
            *out = (struct type_field){m.type, m.bit_offset, m.bit_size};
            return rc;
        } else if (depth > 0 && s->visits++ > MAX_VISITS) {
            return err_set(s->err, KVM_FORMAT, "types: too many anonymous members");
        }
    }
    return KVM_NOTFOUND;
}

static int not_member(struct type_db *db, type_id id, const char *name, size_t len,
                      struct kvm_err *err) {
    char owner[128];
    int rc = type_spell(db, id, owner, sizeof(owner), err);
    if (rc) return rc;
    return err_set(err, KVM_NOTFOUND, "%s has no member %.*s", owner, (int)len, name);
}

// One ".name": AT becomes the member.
static int step_member(struct type_db *db, struct type_field *at, const char *name, size_t len,
                       struct kvm_err *err) {
    struct type_info info;
    type_id id;
    int rc = type_strip(db, at->type, &id, &info, err);
    if (rc) return rc;
    if (info.kind != TYPE_STRUCT && info.kind != TYPE_UNION)
        return not_member(db, at->type, name, len, err);
    struct search s = {.db = db, .name = name, .len = len, .err = err};
    struct type_field found;
    rc = search_members(&s, id, info.count, 0, &found);
    if (rc == KVM_NOTFOUND) return not_member(db, at->type, name, len, err);
    if (rc) return rc;
    if (!mem_add(at->bit_offset, found.bit_offset, &found.bit_offset))
        return err_set(err, KVM_FORMAT, "types: the offset of %.*s overflows", (int)len, name);
    *at = found;
    return 0;
}

// One "[N]": AT becomes the element. Arrays of no elements are flexible ones and take any index.
static int step_element(struct type_db *db, struct type_field *at, uint64_t index,
                        struct kvm_err *err) {
    struct type_info info, element;
    int rc = type_strip(db, at->type, NULL, &info, err);
    if (rc) return rc;
    if (info.kind != TYPE_ARRAY)
        return err_set(err, KVM_INVAL, "[%llu] on what is no array", (unsigned long long)index);
    if (info.count && index >= info.count)
        return err_set(err, KVM_INVAL, "[%llu] on an array of %llu", (unsigned long long)index,
                       (unsigned long long)info.count);
    rc = type_strip(db, info.target, NULL, &element, err); // a typedef may stand for a declaration
    if (rc) return rc;
    uint64_t off;
    if (!mem_mul(element.size, 8, &off) || !mem_mul(off, index, &off) ||
        !mem_add(at->bit_offset, off, &at->bit_offset))
        return err_set(err, KVM_INVAL, "[%llu] lies outside of memory", (unsigned long long)index);
    at->type = info.target;
    at->bit_size = 0;
    return 0;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// "[N]" at *PATH, which is moved behind it.
static bool parse_index(const char **path, uint64_t *out) {
    const char *p = *path + 1;
    if (!is_digit(*p)) return false;
    uint64_t v = 0;
    for (; is_digit(*p); p++) {
        if (!mem_mul(v, 10, &v) || !mem_add(v, (uint64_t)(*p - '0'), &v)) return false;
    }
    if (*p != ']') return false;
    *path = p + 1;
    *out = v;
    return true;
}

int type_field(struct type_db *db, type_id id, const char *path, struct type_field *out,
               struct kvm_err *err) {
    struct type_field at = {.type = id};
    const char *p = path;
    int rc = 0;
    while (rc == 0) {
        uint64_t index;
        if (*p == '[') {
            if (!parse_index(&p, &index)) break;
            rc = step_element(db, &at, index, err);
        } else {
            size_t len = strcspn(p, ".[]");
            if (len == 0 || len > MAX_NAME) break;
            rc = step_member(db, &at, p, len, err);
            p += len;
        }
        if (rc) return rc;
        if (*p == '\0') {
            *out = at;
            return 0;
        }
        if (*p == '.') {
            if (*++p == '[') break;
        } else if (*p != '[') {
            break;
        }
    }
    return rc ? rc : err_set(err, KVM_INVAL, "not a path of members: \"%.100s\"", path);
}

int type_offset(struct type_db *db, const char *name, const char *path, uint64_t *offset,
                uint64_t *size, struct kvm_err *err) {
    type_id id = 0;
    struct type_field f = {0};
    struct type_info info = {0};
    int rc = type_find(db, name, &id, err);
    if (rc == 0) rc = type_field(db, id, path, &f, err);
    if (rc == 0) rc = type_info(db, f.type, &info, err);
    if (rc) return rc;
    if (f.bit_size)
        return err_set(err, KVM_INVAL, "%s.%s is a bit field and has no byte offset", name, path);
    if (f.bit_offset % 8)
        return err_set(err, KVM_FORMAT, "types: %s.%s does not start at a byte", name, path);
    if (offset) *offset = f.bit_offset / 8;
    if (size) *size = info.size;
    return 0;
}
