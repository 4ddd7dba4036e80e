// SPDX-License-Identifier: BSD-2-Clause
// BTF that is read as it is needed (type_btf_open_at): the same answers as with all of it in memory, for less.
#define BTF_BUILD_TYPES   (1 << 20)
#define BTF_BUILD_STRINGS (1 << 19)
#include "btf_build.h"
#include "tap.h"
#include "type/type.h"

enum { STRUCTS = 8000, BASE = 0x10000 };

static struct btf_build b;
static size_t bytes_read;
static uint64_t hole; // a page that can't be read; 0: none

static int read_blob(void *ctx, uint64_t addr, void *buf, size_t len, struct kvm_err *err) {
    (void)ctx;
    if (hole && addr < hole + 4096 && addr + len > hole)
        return err_at(err, KVM_EXCLUDED, hole, "left out");
    if (addr < BASE || addr + len > BASE + b.blob_len)
        return err_at(err, KVM_FAULT, addr, "outside");
    bytes_read += len;
    memcpy(buf, b.blob + (addr - BASE), len);
    return 0;
}

// struct s_N { long a_N; struct s_(N * 7 % STRUCTS) *b; }, and enums behind all of them.
static void build(bool big, bool signs) {
    char name[32];
    b_init(&b, big);
    b_type(&b, "long", B_INT, 0, 8);
    b_u32(&b, 1u << 24 | 64);
    for (uint32_t i = 0; i < STRUCTS; i++) {
        b_type(&b, "", B_PTR, 0, 3 + 2 * (i * 7 % STRUCTS));
        snprintf(name, sizeof(name), "s_%u", i);
        b_type(&b, name, B_STRUCT, 2, 16);
        snprintf(name, sizeof(name), "a_%u", i);
        b_u32(&b, b_string(&b, name));
        b_u32(&b, 1);
        b_u32(&b, 0);
        b_u32(&b, b_string(&b, "b"));
        b_u32(&b, b.last - 1);
        b_u32(&b, 64);
    }
    b_type(&b, "sign", B_ENUM, 1, 4);
    b_u32(&b, b_string(&b, "HIGH"));
    b_u32(&b, 0x80000000);
    b_type(&b, "flagged", B_ENUM, (signs ? B_FLAG : 0) | 1, 4);
    b_u32(&b, b_string(&b, "LOW"));
    b_u32(&b, 1);
    b_finish(&b, B_HEADER);
}

static int give(void *ctx, struct type_source **out, struct kvm_err *err) {
    (void)err;
    *out = ctx;
    return 0;
}

static struct type_db *open_it(bool lazy) {
    struct kvm_err err = {0};
    struct type_source *s = NULL;
    const struct reader virt = {NULL, read_blob, b.big, 8};
    bytes_read = 0;
    int rc = lazy ? type_btf_open_at(&virt, BASE, b.blob_len, &s, &err)
                  : type_btf_open(b.blob, b.blob_len, false, &s, &err);
    ok(rc == 0, "opens%s: %s", lazy ? " lazily" : "", err.text);
    struct type_db *db = type_db_create(give, s);
    type_origin(db, NULL);
    return db;
}

static bool same_type(struct type_db *x, struct type_db *y, type_id id) {
    struct type_info i = {0}, j = {0};
    struct type_member m, n;
    if (type_info(x, id, &i, NULL) || type_info(y, id, &j, NULL)) return false;
    bool same = i.kind == j.kind && i.size == j.size && i.target == j.target &&
                i.count == j.count && i.is_signed == j.is_signed && strcmp(i.name, j.name) == 0;
    for (uint64_t k = 0; same && i.kind == TYPE_STRUCT && k < i.count; k++)
        same = type_member(x, id, k, &m, NULL) == 0 && type_member(y, id, k, &n, NULL) == 0 &&
               m.type == n.type && m.bit_offset == n.bit_offset && strcmp(m.name, n.name) == 0;
    return same;
}

static void same_answers(bool big, bool signs) {
    build(big, signs);
    struct type_db *all = open_it(false), *lazy = open_it(true);
    struct type_enumerator x, y;
    type_id id, other, last = b.last;
    bool same = true;
    is_int(type_find(lazy, "struct s_7", &id, NULL), 0, "a struct near the front");
    ok(bytes_read < b.blob_len / 2, "is found without reading the rest");
    for (type_id i = 1; i <= last; i++)
        same = same && same_type(all, lazy, i);
    ok(same, "all types and members are the same");
    type_find(all, "enum sign", &id, NULL);
    ok(type_find(lazy, "enum sign", &other, NULL) == 0 && id == other, "so are ids by name");
    ok(type_enumerator(all, id, 0, &x, NULL) == 0 && type_enumerator(lazy, id, 0, &y, NULL) == 0 &&
           x.value == y.value && x.value == (signs ? INT64_C(0x80000000) : INT64_C(-0x80000000)),
       "and a value whose sign only a later enum tells");
    is_int(type_find(lazy, "struct none", &id, NULL), KVM_NOTFOUND, "an unknown name");
    is_int((int64_t)type_last(lazy), (int64_t)last, "the last id");
    type_db_destroy(all);
    type_db_destroy(lazy);
}

static void backwards(void) {
    build(false, true);
    struct type_db *lazy = open_it(true);
    type_id id;
    struct type_field f;
    is_int(type_find(lazy, "struct s_7999", &id, NULL), 0, "the last struct first");
    is_int(type_field(lazy, id, "a_7999", &f, NULL), 0, "with its member");
    is_int(type_find(lazy, "struct s_0", &id, NULL), 0, "then the first");
    is_int((int64_t)id, 3, "its id");
    type_db_destroy(lazy);
    lazy = open_it(true);
    struct type_info info = {0};
    is_int(type_info(lazy, b.last - 3, &info, NULL), 0, "a late id at once");
    is_int(type_info(lazy, b.last + 1, &info, NULL), KVM_INVAL, "an id that is not there");
    type_db_destroy(lazy);
}

static void holes(void) {
    build(false, true);
    hole = BASE + b.types_len / 2 / 4096 * 4096;
    struct type_db *lazy = open_it(true);
    struct kvm_err err = {0};
    type_id id;
    is_int(type_find(lazy, "struct s_7", &id, &err), 0, "types in front of a missing page");
    is_int(type_find(lazy, "struct s_7999", &id, &err), KVM_EXCLUDED, "a type behind it");
    is_int(type_find(lazy, "struct none", &id, &err), KVM_EXCLUDED, "an unknown one may be there");
    is_int(type_find(lazy, "struct s_8", &id, &err), 0, "those in front go on working");
    type_db_destroy(lazy);
    hole = 0;
}

int main(void) {
    same_answers(false, true);
    same_answers(true, false);
    backwards();
    holes();
    return done();
}
