// SPDX-License-Identifier: BSD-2-Clause
// BTF: every kind in both byte orders, and damage: each ends in FORMAT, none in a wrong answer.
#include "base/mem.h"
#include "btf_build.h"
#include "tap.h"
#include "type/type.h"

#include <stdlib.h>

static struct btf_build b;

static int give(void *ctx, struct type_source **out, struct kvm_err *err) {
    (void)err;
    *out = ctx;
    return 0;
}

// Opens a copy of exactly LEN bytes, so that a sanitizer sees what is read behind them.
static int open_copy(const uint8_t *p, size_t len, struct type_db **out, struct kvm_err *err) {
    struct type_source *s;
    int rc = type_btf_open(mem_dup(p, len), len, true, &s, err);
    if (rc) return rc;
    *out = type_db_create(give, s);
    type_origin(*out, NULL); // now the database owns the source
    return 0;
}

static struct type_db *open_built(void) {
    struct type_db *db = NULL;
    struct kvm_err err = {0};
    int rc = open_copy(b.blob, b.blob_len, &db, &err);
    ok(rc == 0, "opens: %s", err.text);
    return db;
}

static struct type_info info_of(struct type_db *db, type_id id) {
    struct type_info info = {.name = "?"};
    struct kvm_err err = {0};
    if (type_info(db, id, &info, &err)) ok(false, "type %u: %s", (unsigned)id, err.text);
    return info;
}

static void test_kinds(bool big) {
    static const enum type_kind kinds[] = {
        [0] = TYPE_VOID,
        [S_ULONG] = TYPE_INT,
        [S_INT] = TYPE_INT,
        [S_CHAR] = TYPE_CHAR,
        [S_UCHAR] = TYPE_INT,
        [S_U8] = TYPE_TYPEDEF,
        [S_COMM] = TYPE_ARRAY,
        [S_LIST] = TYPE_STRUCT,
        [S_LIST_P] = TYPE_PTR,
        [S_UNION] = TYPE_UNION,
        [S_INNER] = TYPE_STRUCT,
        [S_TASK] = TYPE_STRUCT,
        [S_TASK_P] = TYPE_PTR,
        [S_STATE] = TYPE_ENUM,
        [S_CONST_CHAR] = TYPE_CONST,
        [S_CONST_CHAR_P] = TYPE_PTR,
        [S_ROW] = TYPE_ARRAY,
        [S_GRID] = TYPE_ARRAY,
        [S_PROTO] = TYPE_FUNC_PROTO,
        [S_PROTO_P] = TYPE_PTR,
        [S_TABLE] = TYPE_ARRAY,
        [S_FWD_LIST] = TYPE_FWD,
        [S_FWD_ONLY] = TYPE_FWD,
        [S_BIG] = TYPE_ENUM,
        [S_FUNC] = TYPE_FUNC,
        [S_BOOL] = TYPE_BOOL,
        [S_FLOAT] = TYPE_FLOAT,
        [S_TAG] = TYPE_TAG,
        [S_TAG_P] = TYPE_PTR,
        [S_WIDE] = TYPE_INT,
        [S_OLD] = TYPE_STRUCT,
        [S_VAR] = TYPE_VAR,
        [S_SEC] = TYPE_OTHER,
        [S_DECL] = TYPE_OTHER,
        [S_FLEX] = TYPE_STRUCT,
        [S_NO_U8] = TYPE_ARRAY,
        [S_LIST2] = TYPE_STRUCT,
        [S_CV_INT] = TYPE_CONST,
        [S_V_INT] = TYPE_VOLATILE,
    };
    static const uint64_t sizes[S_LAST + 1] = {
        [S_ULONG] = 8,  [S_INT] = 4,    [S_CHAR] = 1,    [S_UCHAR] = 1,      [S_U8] = 1,
        [S_COMM] = 16,  [S_LIST] = 16,  [S_LIST_P] = 8,  [S_UNION] = 16,     [S_INNER] = 16,
        [S_TASK] = 112, [S_TASK_P] = 8, [S_STATE] = 4,   [S_CONST_CHAR] = 1, [S_CONST_CHAR_P] = 8,
        [S_ROW] = 6,    [S_GRID] = 30,  [S_PROTO_P] = 8, [S_TABLE] = 32,     [S_BIG] = 8,
        [S_BOOL] = 1,   [S_FLOAT] = 8,  [S_TAG] = 112,   [S_TAG_P] = 8,      [S_WIDE] = 4,
        [S_OLD] = 8,    [S_VAR] = 1,    [S_FLEX] = 4,    [S_LIST2] = 4,      [S_CV_INT] = 4,
        [S_V_INT] = 4,
    };
    b_sample(&b, big);
    struct type_db *db = open_built();
    is_int(type_last(db), S_LAST, "the number of types");
    is_str(type_origin(db, NULL), "BTF", "the origin");
    for (type_id id = 0; id <= S_LAST; id++) {
        struct type_info info = info_of(db, id);
        ok(info.kind == kinds[id] && info.size == sizes[id],
           "%s-endian type %u: kind %d, %llu bytes", big ? "big" : "little", (unsigned)id,
           info.kind, (unsigned long long)info.size);
    }
    type_db_destroy(db);
}

static void test_details(bool big) {
    b_sample(&b, big);
    struct type_db *db = open_built();
    ok(info_of(db, S_INT).is_signed && !info_of(db, S_ULONG).is_signed, "signs of integers");
    is_int(info_of(db, S_WIDE).bits, 5, "bits of an integer");
    is_int((int64_t)info_of(db, S_COMM).count, 16, "elements of an array");
    is_int(info_of(db, S_COMM).target, S_CHAR, "the type of the elements");
    ok(info_of(db, S_FWD_ONLY).is_union && !info_of(db, S_FWD_LIST).is_union, "kind of a forward");
    ok(info_of(db, S_STATE).is_signed && !info_of(db, S_BIG).is_signed, "signs of enums");
    is_int(info_of(db, S_FUNC).target, S_PROTO, "a function's prototype");
    struct type_enumerator e;
    struct kvm_err err;
    is_int(type_enumerator(db, S_STATE, 0, &e, &err), 0, "an enumerator");
    is_int(e.value, -1, "of a negative value");
    is_int(type_enumerator(db, S_BIG, 0, &e, &err), 0, "an enumerator of 64 bits");
    is_int(e.value, 0x0123456789abcdef, "its value");
    struct type_member m;
    is_int(type_member(db, S_TASK, 2, &m, &err), 0, "a bit field");
    ok(m.bit_offset == 33 && m.bit_size == 3, "at bit 33, 3 bits");
    is_int(type_member(db, S_OLD, 1, &m, &err), 0, "a bit field of the old form");
    ok(m.bit_offset == 35 && m.bit_size == 5, "at bit 35, 5 bits");
    is_int(type_member(db, S_PROTO, 2, &m, &err), 0, "the last parameter");
    ok(m.type == 0 && m.name[0] == '\0', "stands for ...");
    type_id id;
    is_int(type_find(db, "struct list_head", &id, &err), 0, "finds a struct");
    is_int(id, S_LIST, "the first definition of two, not the declaration");
    is_int(type_strip(db, S_FWD_LIST, &id, NULL, &err), 0, "strips a declaration");
    is_int(id, S_FWD_LIST, "which stays one where there are two definitions");
    is_int(type_lookup(db, NULL, "struct list_head", &id, &err), KVM_INVAL,
           "tells of two definitions");
    is_int(type_lookup(db, "vmlinux", "struct list_head", &id, &err), 0,
           "but gives the first of the kernel's");
    is_int(id, S_LIST, "when these are asked for");
    is_int(type_find(db, "union only_declared", &id, &err), 0, "finds what is only declared");
    is_int(id, S_FWD_ONLY, "as declaration");
    is_int(type_find(db, "struct only_declared", &id, &err), KVM_NOTFOUND, "not with another tag");
    type_db_destroy(db);
}

// Offsets have 24 bits with kind_flag, 32 without.
static void test_wide_offset(void) {
    b_init(&b, false);
    b_int(&b, "int", 4, 1, 32);
    b_type(&b, "flag", B_STRUCT, B_FLAG | 1, 0x00300000);
    b_member(&b, "m", 1, B_BITS(5, 0xabcdef));
    b_type(&b, "plain", B_STRUCT, 1, 0x20000000);
    b_member(&b, "m", 1, 0xabcdef00);
    b_finish(&b, B_HEADER);
    struct type_db *db = open_built();
    struct type_member m = {0};
    struct kvm_err err;
    is_int(type_member(db, 2, 0, &m, &err), 0, "a bit field far behind");
    ok(m.bit_offset == 0xabcdef && m.bit_size == 5, "at bit 0x%llx",
       (unsigned long long)m.bit_offset);
    is_int(type_member(db, 3, 0, &m, &err), 0, "a member further behind");
    ok(m.bit_offset == 0xabcdef00 && m.bit_size == 0, "at bit 0x%llx",
       (unsigned long long)m.bit_offset);
    type_db_destroy(db);
}

// Before Linux 6.0 no enum had a flag: values are signed then.
static void test_old_enum(void) {
    b_init(&b, false);
    b_type(&b, "e", B_ENUM, 1, 4);
    b_pair(&b, "MINUS", 0xfffffffe);
    b_finish(&b, B_HEADER);
    struct type_db *db = open_built();
    struct type_enumerator e = {0};
    struct kvm_err err;
    is_int(type_enumerator(db, 1, 0, &e, &err), 0, "an enumerator of old BTF");
    is_int(e.value, -2, "is signed");
    ok(info_of(db, 1).is_signed, "so is its enum");
    type_db_destroy(db);
    b_init(&b, false);
    b_type(&b, "e", B_ENUM, 1, 4);
    b_pair(&b, "MANY", 0xfffffffe);
    b_type(&b, "f", B_ENUM, B_FLAG | 1, 4);
    b_pair(&b, "MINUS", 0xffffffff);
    b_finish(&b, B_HEADER);
    db = open_built();
    is_int(type_enumerator(db, 1, 0, &e, &err), 0, "an enumerator of newer BTF");
    is_int(e.value, 0xfffffffe, "is unsigned without the flag");
    ok(!info_of(db, 1).is_signed, "so is its enum");
    type_db_destroy(db);
}

static void is_format(const char *what, int want) {
    struct type_db *db;
    struct kvm_err err = {0};
    int rc = open_copy(b.blob, b.blob_len, &db, &err);
    is_int(rc, want, what);
    has_text(err.text, "BTF: ", "with a text");
    if (rc == 0) type_db_destroy(db);
}

static void test_header(void) {
    static const struct {
        const char *what;
        size_t at;
        uint32_t value;
    } words[] = {
        {"header length 0", 4, 0},
        {"header length 23", 4, 23},
        {"header length huge", 4, UINT32_MAX},
        {"type offset huge", 8, UINT32_MAX},
        {"type length huge", 12, UINT32_MAX},
        {"type length past the end", 12, 16384},
        {"string offset huge", 16, UINT32_MAX - 7},
        {"string length 0", 20, 0},
        {"string length huge", 20, UINT32_MAX},
        {"string length of one too few", 20, 0},
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        b_sample(&b, false);
        uint32_t value = words[i].value;
        if (i + 1 == sizeof(words) / sizeof(words[0])) value = (uint32_t)b.strings_len - 1;
        bytes_put_u32(b.blob + words[i].at, value, false);
        is_format(words[i].what, KVM_FORMAT);
    }
    b_sample(&b, false);
    b.blob[0] ^= 1;
    is_format("wrong magic", KVM_FORMAT);
    b_sample(&b, false);
    b.blob[2] = 2;
    is_format("version 2", KVM_UNSUPPORTED);
    b_sample(&b, false);
    b.blob[B_HEADER + b.types_len] = 'x';
    is_format("strings that do not start with a NUL", KVM_UNSUPPORTED);
    b_sample(&b, false);
    b.blob_len = 0;
    is_format("nothing", KVM_FORMAT);
    b_sample(&b, false);
    b_finish(&b, 40);
    bytes_put_u32(b.blob + 24, 0, false);
    struct type_db *db = open_built();
    is_int(type_last(db), S_LAST, "a longer header is stepped over");
    type_db_destroy(db);
}

// Cut off at every byte: never opens, as the strings come last.
static void test_truncated(void) {
    b_sample(&b, true);
    size_t opened = 0, odd = 0;
    for (size_t len = 0; len < b.blob_len; len++) {
        struct type_db *db;
        struct kvm_err err;
        int rc = open_copy(b.blob, len, &db, &err);
        if (rc == 0) {
            opened++;
            type_db_destroy(db);
        } else if (rc != KVM_FORMAT) {
            odd++;
        }
    }
    is_int((int64_t)opened, 0, "no truncated blob opens");
    is_int((int64_t)odd, 0, "each is FORMAT");
    // The type section cut at each length: opens only at a boundary between types.
    size_t boundaries = 0;
    for (uint32_t len = 0; len <= b.types_len; len++) {
        struct type_db *db;
        struct kvm_err err;
        bytes_put_u32(b.blob + 12, len, true);
        if (open_copy(b.blob, b.blob_len, &db, &err)) continue;
        boundaries++;
        type_db_destroy(db);
    }
    is_int((int64_t)boundaries, S_LAST + 1, "a cut type section opens between types only");
}

// Asks everything of every type; the answers do not matter, only that none reads outside.
static void ask_all(struct type_db *db) {
    struct kvm_err err;
    char text[256];
    for (type_id id = 0; id <= type_last(db); id++) {
        struct type_info info;
        struct type_member m;
        struct type_enumerator e;
        if (type_info(db, id, &info, &err)) continue;
        type_spell(db, id, text, sizeof(text), &err);
        for (uint64_t i = 0; i < info.count && i < 100; i++) {
            type_member(db, id, i, &m, &err);
            type_enumerator(db, id, i, &e, &err);
        }
        struct type_field f;
        type_field(db, id, "no.such.member", &f, &err);
    }
}

// Every byte of the sample set to 0 and to 0xff, one at a time.
static void test_flipped(void) {
    size_t n = 0;
    b_sample(&b, false);
    for (size_t at = 0; at < b.blob_len; at++) {
        for (int v = 0; v <= 0xff; v += 0xff) {
            struct type_db *db;
            struct kvm_err err;
            uint8_t old = b.blob[at];
            b.blob[at] = (uint8_t)v;
            if (open_copy(b.blob, b.blob_len, &db, &err) == 0) {
                ask_all(db);
                type_db_destroy(db);
                n++;
            }
            b.blob[at] = old;
        }
    }
    ok(n > 100, "%zu damaged blobs were read to the end", n);
}

static int info_code(type_id id, char *text, size_t size) {
    struct kvm_err err = {0};
    struct type_info info;
    struct type_db *db = open_built();
    int rc = type_info(db, id, &info, &err);
    snprintf(text, size, "%s", err.text);
    type_db_destroy(db);
    return rc;
}

static void test_references(void) {
    char text[512];
    b_init(&b, false);
    b_int(&b, "long unsigned int", 8, 0, 64);
    b_type(&b, "a", B_TYPEDEF, 0, 3);
    b_type(&b, "b", B_CONST, 0, 2);
    b_array(&b, 5, 0xffffffff);
    b_array(&b, 6, 0xffffffff);
    b_array(&b, 1, 0xffffffff);
    b_array(&b, 1, 0x10000000);
    b_type(&b, "", B_PTR, 0, 99);
    b_type(&b, "s", B_STRUCT, 3, 8);
    b_member(&b, "out", 1, 1);
    b_member(&b, "id", 1000, 0);
    b_member(&b, "fits", 1, 0);
    b_int(&b, "odd", 1, 0, 9);
    b_finish(&b, B_HEADER);
    is_int(info_code(2, text, sizeof(text)), KVM_FORMAT, "a cycle of typedef and const");
    has_text(text, "cycle", "is called one");
    is_int(info_code(4, text, sizeof(text)), KVM_FORMAT, "an array of more than 2^64 bytes");
    has_text(text, "overflow", "overflows");
    is_int(info_code(7, text, sizeof(text)), 0, "an array of 2 GiB");
    is_int(info_code(8, text, sizeof(text)), KVM_FORMAT, "a pointer to a type that is not there");
    is_int(info_code(10, text, sizeof(text)), KVM_FORMAT, "9 bits in a byte");
    struct type_db *db = open_built();
    struct type_member m;
    struct kvm_err err;
    is_int((int64_t)info_of(db, 7).size, 0x80000000, "has its size");
    is_int(type_strip(db, 2, NULL, NULL, &err), KVM_FORMAT, "strip of a cycle");
    is_int(type_member(db, 9, 0, &m, &err), KVM_FORMAT, "a member that sticks out");
    is_int(type_member(db, 9, 1, &m, &err), KVM_FORMAT, "a member of no type");
    is_int(type_member(db, 9, 2, &m, &err), 0, "a member that fits");
    is_int(type_member(db, 9, 3, &m, &err), KVM_INVAL, "no fourth member");
    is_int(type_info(db, 11, &(struct type_info){0}, &err), KVM_INVAL, "no such id");
    type_db_destroy(db);
}

static void test_unknown_kind(void) {
    b_init(&b, false);
    b_type(&b, "odd", 0, 0, 0);
    b_finish(&b, B_HEADER);
    is_format("kind 0", KVM_FORMAT);
    b_init(&b, false);
    b_int(&b, "int", 4, 1, 32);
    b_type(&b, "new", 21, 2, 0);
    for (int i = 0; i < 3; i++)
        b_u32(&b, 7);
    b_int(&b, "char", 1, 1, 8);
    b_finish(&b, B_HEADER);
    is_format("an unknown kind", KVM_UNSUPPORTED);
    // With a layout section (kind 21: 4 bytes, and 4 for each item), laid over the end of a copy.
    b_finish(&b, 32);
    uint32_t off = (uint32_t)(b.blob_len - 32);
    memset(b.blob + b.blob_len, 0, 22 * 4);
    b.blob[b.blob_len + 21 * 4] = 4;
    b.blob[b.blob_len + 21 * 4 + 1] = 4;
    b.blob_len += 22 * 4;
    bytes_put_u32(b.blob + 24, off, false);
    bytes_put_u32(b.blob + 28, 22 * 4, false);
    struct type_db *db = open_built();
    is_int(type_last(db), 3, "the layout section tells how to step over it");
    is_int(info_of(db, 2).kind, TYPE_OTHER, "it is no C type");
    is_str(info_of(db, 3).name, "char", "the next is right");
    type_db_destroy(db);
    bytes_put_u32(b.blob + 28, 23 * 4, false);
    is_format("a layout section past the end", KVM_FORMAT);
}

static void test_pointer_size(void) {
    char text[512];
    b_init(&b, true);
    b_int(&b, "long int", 4, 1, 32);
    b_type(&b, "", B_PTR, 0, 0);
    b_finish(&b, B_HEADER);
    struct type_db *db = open_built();
    is_int((int64_t)info_of(db, 2).size, 4, "pointers are as long as long");
    type_db_destroy(db);
    b_init(&b, true);
    b_type(&b, "", B_PTR, 0, 0);
    b_finish(&b, B_HEADER);
    is_int(info_code(1, text, sizeof(text)), KVM_FORMAT, "without long their size is unknown");
}

// A chain of anonymous structs that contain each other, and a union of unions: bounded.
static void test_nesting(void) {
    struct kvm_err err = {0};
    struct type_field f;
    b_init(&b, false);
    b_type(&b, "self", B_STRUCT, 1, 8);
    b_member(&b, "", 2, 0);
    b_type(&b, "", B_STRUCT, 2, 8);
    b_member(&b, "", 2, 0);
    b_member(&b, "", 2, 0);
    for (uint32_t i = 0; i < 30; i++) {
        b_type(&b, "", B_UNION, 4, 8);
        for (int k = 0; k < 4; k++)
            b_member(&b, "", b.last + (i < 29), 0);
        if (i == 29) b.types[b.types_len - 8] = 1;
    }
    b_finish(&b, B_HEADER);
    struct type_db *db = open_built();
    is_int(type_field(db, 1, "x", &f, &err), KVM_FORMAT, "a struct inside itself");
    is_int(type_field(db, 3, "x", &f, &err), KVM_FORMAT, "exponentially many members");
    type_db_destroy(db);
}

int main(void) {
    for (int big = 0; big <= 1; big++) {
        test_kinds(big);
        test_details(big);
    }
    test_wide_offset();
    test_old_enum();
    test_header();
    test_truncated();
    test_flipped();
    test_references();
    test_unknown_kind();
    test_pointer_size();
    test_nesting();
    return done();
}
