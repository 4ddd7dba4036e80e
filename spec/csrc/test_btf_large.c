// SPDX-License-Identifier: BSD-2-Clause
// BTF of absurd measures: structs and enums of a million items, sizes past 2^32 and 2^64, and the flag of tags.
#define BTF_BUILD_TYPES   (32 << 20)
#define BTF_BUILD_STRINGS 4096
#include "base/mem.h"
#include "btf_build.h"
#include "tap.h"
#include "type/type.h"

#include <time.h>

enum { MANY = 1000000, SECONDS_MAX = 20 }; // what is not linear takes hours

static struct btf_build b;

static int load(void *ctx, struct type_source **out, struct kvm_err *err) {
    (void)ctx;
    return type_btf_open(b.blob, b.blob_len, false, out, err);
}

static void test_many(void) {
    struct kvm_err err = {0};
    struct type_info info;
    struct type_field f;
    struct type_enumerator e;
    b_init(&b, false);
    b_int(&b, "long int", 8, 1, 64);
    b_int(&b, "int", 4, 1, 32);
    b_type(&b, "wide", B_STRUCT, MANY, 4u * MANY);
    for (uint32_t i = 0; i < MANY; i++) {
        b_u32(&b, 0);
        b_u32(&b, 2);
        b_u32(&b, 32 * i);
    }
    bytes_put_u32(b.types + b.types_len - 12, b_string(&b, "last"), false);
    b_type(&b, "range", B_ENUM, MANY, 4);
    for (uint32_t i = 0; i < MANY; i++)
        b_pair(&b, "", i);
    b_finish(&b, B_HEADER);
    time_t start = time(NULL);
    struct type_db *db = type_db_create(load, NULL);
    ok(type_info(db, 3, &info, &err) == 0 && info.count == MANY, "a struct of a million members");
    is_int(type_field(db, 3, "last", &f, &err), 0, "its last one");
    is_int((int64_t)f.bit_offset, INT64_C(32) * (MANY - 1), "has its place");
    is_int(type_field(db, 3, "none", &f, &err), KVM_NOTFOUND, "one that is not there");
    bool good = true;
    for (uint32_t i = 0; good && i < MANY; i++)
        good = type_enumerator(db, 4, i, &e, &err) == 0 && e.value == i;
    ok(good, "all of a million enumerators %s", err.text);
    ok(time(NULL) - start < SECONDS_MAX, "in linear time");
    type_db_destroy(db);
    b.blob_len -= b.strings_len + 8; // the last enumerator and the strings
    struct type_source *s;
    is_int(load(NULL, &s, &err), KVM_FORMAT, "and cut off");
}

static void test_sizes(void) {
    struct kvm_err err = {0};
    struct type_info info;
    struct type_member m;
    struct type_field f;
    b_init(&b, true);
    b_int(&b, "long int", 8, 1, 64);
    uint32_t most = b_array(&b, 1, UINT32_MAX);    // 2^35 bytes
    uint32_t more = b_array(&b, most, UINT32_MAX); // 2^67
    uint32_t holder = b_type(&b, "holder", B_STRUCT, 1, UINT32_MAX);
    b_member(&b, "m", most, 0);
    uint32_t far = b_type(&b, "far", B_STRUCT, 1, UINT32_MAX);
    b_member(&b, "m", 1, UINT32_MAX);
    uint32_t loop = b_type(&b, "loop", B_TYPEDEF, 0, b.last + 1);
    b_type(&b, "", B_CONST, 0, loop);
    uint32_t rows = b_array(&b, b.last + 1, 2); // of itself
    b_finish(&b, B_HEADER);
    struct type_db *db = type_db_create(load, NULL);
    ok(type_info(db, most, &info, &err) == 0 && info.size == UINT64_C(8) * UINT32_MAX,
       "an array past 2^32 bytes");
    is_int(type_info(db, more, &info, &err), KVM_FORMAT, "past 2^64");
    is_int(type_member(db, holder, 0, &m, &err), KVM_FORMAT, "larger than its struct");
    ok(type_member(db, far, 0, &m, &err) == 0 && m.bit_offset == UINT32_MAX,
       "a member far behind, inside its struct");
    is_int(type_info(db, loop, &info, &err), KVM_FORMAT, "a cycle of a typedef and a qualifier");
    is_int(type_strip(db, loop, NULL, &info, &err), KVM_FORMAT, "which has no end");
    is_int(type_info(db, rows, &info, &err), KVM_FORMAT, "an array of what is not there");
    is_int(type_field(db, most, "[4294967294]", &f, &err), 0, "the last element");
    is_int((int64_t)f.bit_offset, INT64_C(64) * (UINT32_MAX - 1), "lies past 2^32");
    type_db_destroy(db);
}

// Since 6.14 tags with the flag are attributes of any name; they change no layout.
static void test_tags(void) {
    struct kvm_err err = {0};
    struct type_info info;
    type_id id;
    char text[64];
    b_init(&b, false);
    b_int(&b, "long int", 8, 1, 64);
    b_type(&b, "s", B_STRUCT, 1, 8);
    b_member(&b, "m", 1, 0);
    b_type(&b, "address_space(1)", B_TYPE_TAG, B_FLAG, 2);
    uint32_t pointer = b_type(&b, "", B_PTR, 0, 3);
    uint32_t proto = b_type(&b, "", B_PROTO, 1, 0);
    b_pair(&b, "p", pointer);
    uint32_t function = b_type(&b, "start", B_FUNC, 1, proto);
    uint32_t tag = b_type(&b, "bpf_kfunc", B_DECL_TAG, 0, function);
    b_u32(&b, UINT32_MAX);
    b_type(&b, "bpf_arena", B_DECL_TAG, B_FLAG, function);
    b_u32(&b, 0);
    b_finish(&b, B_HEADER);
    struct type_db *db = type_db_create(load, NULL);
    ok(type_info(db, 3, &info, &err) == 0 && info.kind == TYPE_TAG && info.target == 2 &&
           info.size == 8,
       "an attribute is passed through");
    ok(type_info(db, tag, &info, &err) == 0 && info.kind == TYPE_OTHER, "a tag of a function");
    ok(type_info(db, tag + 1, &info, &err) == 0 && info.kind == TYPE_OTHER,
       "an attribute of a parameter");
    ok(type_strip(db, 3, &id, &info, &err) == 0 && id == 2, "what is behind it");
    ok(type_spell(db, function, text, sizeof(text), &err) == 0 &&
           strcmp(text, "void (struct s *)") == 0,
       "spelled %s", text);
    is_int(type_find(db, "struct s", &id, &err), 0, "names are those of types");
    is_int(type_find(db, "bpf_kfunc", &id, &err), KVM_NOTFOUND, "not of tags");
    type_db_destroy(db);
}

int main(void) {
    test_many();
    test_sizes();
    test_tags();
    return done();
}
