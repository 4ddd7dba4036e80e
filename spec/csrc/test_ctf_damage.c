// SPDX-License-Identifier: BSD-2-Clause
// CTF that is damaged, absurd or of another version: it ends in an error and in no wrong answer.
#include "base/mem.h"
#include "ctf_build.h"
#include "tap.h"

static struct ctf_build b;

// Asks everything; nothing may crash, and what fails is FORMAT.
static void ask_all(struct type_db *db) {
    struct kvm_err err;
    char text[256];
    for (type_id id = 1; id <= type_last(db); id++) {
        struct type_info info = {0};
        struct type_member m;
        struct type_enumerator e;
        type_strip(db, id, NULL, NULL, &err);
        type_spell(db, id, text, sizeof(text), &err);
        if (type_info(db, id, &info, &err)) continue;
        for (uint64_t i = 0; i < info.count && i < 100; i++) {
            type_member(db, id, i, &m, &err);
            type_enumerator(db, id, i, &e, &err);
        }
    }
}

static void test_truncation(int version, bool compressed) {
    int opened = 0, wrong = 0;
    c_sample_with_symbols(&b, version, false, 8);
    c_finish(&b, compressed);
    for (size_t len = 0; len < b.blob_len; len++) {
        struct type_db *db = NULL;
        struct kvm_err err = {0};
        int rc = c_open(b.blob, len, &db, &err);
        if (rc == 0) {
            opened++;
            type_db_destroy(db);
        } else if (rc != KVM_FORMAT || !err.text[0]) {
            wrong++;
        }
    }
    ok(opened == 0 && wrong == 0, "v%d cut off anywhere%s is FORMAT (%d opened, %d wrong)", version,
       compressed ? ", compressed" : "", opened, wrong);
}

static void test_header_fields(void) {
    static const uint32_t values[] = {0, 1, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};
    for (size_t at = 4; at < C_HEADER; at += 4) {
        int crashes = 0;
        for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
            struct type_db *db = NULL;
            struct kvm_err err = {0};
            c_sample_with_symbols(&b, 3, true, 8);
            c_finish(&b, i % 2);
            bytes_put_u32(b.blob + at, values[i], true);
            int rc = c_open(b.blob, b.blob_len, &db, &err);
            if (rc == 0) ask_all(db);
            if (rc == 0) type_db_destroy(db);
            if (rc > 0 || (rc && !err.text[0])) crashes++;
        }
        is_int(crashes, 0, "absurd values of a header field");
    }
}

static int open_with(size_t at, uint8_t value, struct kvm_err *err) {
    struct type_db *db = NULL;
    c_sample(&b, 2, false, 8);
    c_finish(&b, false);
    b.blob[at] = value;
    int rc = c_open(b.blob, b.blob_len, &db, err);
    if (rc == 0) type_db_destroy(db);
    return rc;
}

static void test_preamble(void) {
    struct kvm_err err = {0};
    is_int(open_with(2, 1, &err), KVM_UNSUPPORTED, "version 1");
    has_text(err.text, "version 1", "is named");
    is_int(open_with(2, 4, &err), KVM_UNSUPPORTED, "version 4");
    is_int(open_with(3, 2, &err), KVM_UNSUPPORTED, "unknown flags");
    is_int(open_with(0, 0xf2, &err), KVM_FORMAT, "another magic");
    static const uint8_t gnu[2][4] = {{0xf2, 0xdf, 4, 0}, {0xdf, 0xf2, 4, 0}};
    for (int i = 0; i < 2; i++) {
        is_int(c_open(gnu[i], 4, NULL, &err), KVM_UNSUPPORTED, "GNU's format");
        has_text(err.text, "GNU", "is named");
    }
    c_sample(&b, 3, false, 8);
    c_finish(&b, true);
    bytes_put_u32(b.blob + 32, 200u << 20, false);
    is_int(c_open(b.blob, b.blob_len, NULL, &err), KVM_FORMAT, "a bomb");
    has_text(err.text, "can't be in", "is seen before it is unpacked");
}

static struct type_member first_member;

static int info_code(type_id id) {
    struct type_db *db = NULL;
    struct kvm_err err = {0};
    c_finish(&b, false);
    if (c_open(b.blob, b.blob_len, &db, &err)) return 1;
    struct type_info info = {0};
    int rc = type_info(db, id, &info, &err);
    if (rc == 0) rc = type_strip(db, id, NULL, NULL, &err);
    if (rc == 0 && info.kind == TYPE_STRUCT) rc = type_member(db, id, 0, &first_member, &err);
    ask_all(db);
    type_db_destroy(db);
    return rc;
}

static void test_bad_types(int version) {
    c_init(&b, version, false);
    c_type(&b, "loop", C_TYPEDEF, 0, 2);
    c_type(&b, NULL, C_CONST, 0, 1);
    is_int(info_code(1), KVM_FORMAT, "a cycle of typedefs");
    c_init(&b, version, false);
    c_array(&b, 1, 1);
    is_int(info_code(1), KVM_FORMAT, "an array of itself");
    c_init(&b, version, false);
    c_array(&b, 2, 0xffffffff);
    c_array(&b, 3, 0xffffffff);
    c_array(&b, 4, 0xffffffff);
    c_int(&b, "int", true, 4, 0, 32);
    is_int(info_code(1), KVM_FORMAT, "a size that overflows");
    c_init(&b, version, false);
    c_type(&b, NULL, C_PTR, 0, 2);
    is_int(info_code(1), KVM_FORMAT, "a pointer without a type long");
    c_init(&b, version, false);
    c_int(&b, "wide", true, 4, 0, 33);
    is_int(info_code(1), KVM_FORMAT, "more bits than fit");
    c_init(&b, version, false);
    c_type(&b, "far", C_TYPEDEF, 0, 9);
    is_int(info_code(1), KVM_FORMAT, "a reference behind the last type");
    c_init(&b, version, false);
    c_type(&b, "child", C_TYPEDEF, 0, version == 3 ? 0x80000001 : 0x8001);
    is_int(info_code(1), KVM_FORMAT, "a module's type without a module");
    c_init(&b, version, false);
    c_type(&b, "x", 14, 0, 0);
    is_int(info_code(1), KVM_FORMAT, "an unknown kind");
    c_init(&b, version, false);
    c_named(&b, 5000, C_TYPEDEF, true, 0, 0);
    is_int(info_code(1), KVM_FORMAT, "a name outside of the strings");
    c_init(&b, version, false);
    c_sized(&b, "many", C_STRUCT, true, version == 3 ? 0xffffff : 0x3ff, 8);
    is_int(info_code(1), KVM_FORMAT, "members that are cut off");
    c_init(&b, version, false);
    c_sized(&b, "vague", C_STRUCT, true, 1, 4);
    c_member(&b, 4, "e", 2, 3);
    c_sized(&b, "e", C_ENUM, true, 0, 4);
    is_int(info_code(1), 0, "an enum's bit field of which nothing tells the bits");
    is_int((int64_t)first_member.type, 0, "has no type");
    c_init(&b, version, false);
    c_sized(&b, "vague", C_STRUCT, true, 2, 8);
    c_member(&b, 8, "e", 2, 28);
    c_member(&b, 8, "x", 3, 32);
    c_sized(&b, "e", C_ENUM, true, 0, 4);
    c_int(&b, "int", false, 4, 0, 3);
    is_int(info_code(1), 0, "one before what lies in the next unit");
    is_int((int64_t)first_member.type, 0, "has none either");
    c_init(&b, version, false);
    c_sized(&b, "small", C_STRUCT, true, 1, 4);
    c_member(&b, 4, "x", 2, 8);
    c_int(&b, "int", true, 4, 0, 32);
    is_int(info_code(1), KVM_FORMAT, "a member that reaches out of its struct");
}

// Each allocation fails once.
static void test_out_of_memory(void) {
    char path[32];
    struct kvm_err err = {0};
    c_sample_with_symbols(&b, 3, false, 8);
    c_finish(&b, true);
    int fd = c_elf(&b, 2, ".SUNW_ctf", c_symbols, C_SYMBOLS, 2, path);
    int failures = 0, n = 0, rc = -1;
    for (n = 1; rc && n < 100; n++) {
        struct type_source *s = NULL;
        uint32_t id;
        mem_fail_from((unsigned long)n);
        rc = type_ctf_open(path, NULL, 0, &s, &err);
        if (rc == 0) rc = s->ops->find(s, TYPE_STRUCT, "proc", &id);
        if (rc == 0) rc = s->ops->find(s, TYPE_VAR, "twice", &id);
        mem_fail_from(0);
        if (s && rc == KVM_NOMEM && s->ops->find(s, TYPE_VAR, "twice", &id)) failures++;
        if (rc && rc != KVM_NOMEM) failures++;
        if (s) s->ops->destroy(s);
    }
    close(fd);
    ok(rc == 0 && failures == 0 && n > 5, "out of memory at each of %d places, then not", n - 1);
}

int main(void) {
    for (int version = 2; version <= 3; version++) {
        test_truncation(version, false);
        test_truncation(version, true);
        test_bad_types(version);
    }
    test_header_fields();
    test_preamble();
    test_out_of_memory();
    return done();
}
