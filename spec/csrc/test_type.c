// SPDX-License-Identifier: BSD-2-Clause
// The database of types over a small BTF: names, spellings, paths to members, and the loader.
#include "base/mem.h"
#include "btf_build.h"
#include "tap.h"
#include "type/type.h"

static struct btf_build b;
static int loads;

static int load(void *ctx, struct type_source **out, struct kvm_err *err) {
    const struct btf_build *from = ctx;
    loads++;
    return type_btf_open(from->blob, from->blob_len, false, out, err);
}

static struct type_db *sample(void) {
    b_sample(&b, false);
    return type_db_create(load, &b);
}

static void test_find(struct type_db *db) {
    static const struct {
        const char *name;
        int rc;
        type_id id;
    } cases[] = {
        {"struct task", 0, S_TASK},
        {"  struct   task ", 0, S_TASK},
        {"task", 0, S_TASK},
        {"enum state", 0, S_STATE},
        {"state", 0, S_STATE},
        {"u8", 0, S_U8},
        {"unsigned long", 0, S_ULONG},
        {"long unsigned int", 0, S_ULONG},
        {"unsigned long int", 0, S_ULONG},
        {"int", 0, S_INT},
        {"signed", 0, S_INT},
        {"signed int", 0, S_INT},
        {"char", 0, S_CHAR},
        {"unsigned char", 0, S_UCHAR},
        {"_Bool", 0, S_BOOL},
        {"bool", 0, S_BOOL},
        {"double", 0, S_FLOAT},
        {"void", 0, 0},
        {"union task", KVM_NOTFOUND, 0},
        {"struct u8", KVM_NOTFOUND, 0},
        {"struct", KVM_NOTFOUND, 0},
        {"struct task task", KVM_NOTFOUND, 0},
        {"unsigned", KVM_NOTFOUND, 0},
        {"signed char", KVM_NOTFOUND, 0},
        {"long long", KVM_NOTFOUND, 0},
        {"short", KVM_NOTFOUND, 0},
        {"long double", KVM_NOTFOUND, 0},
        {"unsigned signed", KVM_NOTFOUND, 0},
        {"long short", KVM_NOTFOUND, 0},
        {"char int", KVM_NOTFOUND, 0},
        {"unsigned double", KVM_NOTFOUND, 0},
        {"long long long", KVM_NOTFOUND, 0},
        {"fn", KVM_NOTFOUND, 0},
        {"char *", KVM_INVAL, 0},
        {"", KVM_INVAL, 0},
        {"a b c d e f g", KVM_INVAL, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        type_id id = 0;
        struct kvm_err err = {0};
        int rc = type_find(db, cases[i].name, &id, &err);
        ok(rc == cases[i].rc && id == cases[i].id, "find \"%s\": %d, type %u", cases[i].name, rc,
           (unsigned)id);
        if (rc) has_text(err.text, cases[i].name, "with the name in the text");
    }
}

// clang's names of basic types.
static void test_clang_names(void) {
    static const char *const names[][2] = {
        {"long", "long int"},           {"unsigned long", "long unsigned int"},
        {"short", "short int"},         {"unsigned short", "unsigned short"},
        {"long long", "long long int"}, {"unsigned long long", "unsigned long long int"},
        {"unsigned int", "unsigned"},   {"unsigned __int128", "unsigned __int128"},
        {"signed char", "char signed"}, {"long double", "double long"},
    };
    enum { COUNT = sizeof(names) / sizeof(names[0]) };
    b_init(&b, true);
    for (uint32_t i = 0; i + 1 < COUNT; i++)
        b_int(&b, names[i][0], 8, 0, 64);
    b_type(&b, names[COUNT - 1][0], B_FLOAT, 0, 16);
    b_finish(&b, B_HEADER);
    struct type_db *db = type_db_create(load, &b);
    for (uint32_t i = 0; i < COUNT; i++) {
        type_id id = 0;
        struct kvm_err err = {0};
        type_find(db, names[i][1], &id, &err);
        ok(id == i + 1, "\"%s\" is \"%s\" %s", names[i][1], names[i][0], err.text);
    }
    type_db_destroy(db);
}

static void spelled(struct type_db *db, type_id id, const char *want) {
    char text[256];
    struct kvm_err err = {0};
    int rc = type_spell(db, id, text, sizeof(text), &err);
    is_str(rc ? err.text : text, want, want);
}

static void test_spell(struct type_db *db) {
    spelled(db, 0, "void");
    spelled(db, S_LIST, "struct list_head");
    spelled(db, S_LIST_P, "struct list_head *");
    spelled(db, S_COMM, "char [16]");
    spelled(db, S_GRID, "u8 [5][6]");
    spelled(db, S_CONST_CHAR_P, "const char *");
    spelled(db, S_PROTO, "int (struct task *, const char *, ...)");
    spelled(db, S_PROTO_P, "int (*)(struct task *, const char *, ...)");
    spelled(db, S_TABLE, "int (*[4])(struct task *, const char *, ...)");
    spelled(db, S_FUNC, "int (struct task *, const char *, ...)");
    spelled(db, S_UNION, "union {...}");
    spelled(db, S_STATE, "enum state");
    spelled(db, S_FWD_ONLY, "union only_declared");
    spelled(db, S_TAG_P, "struct task *");
    spelled(db, S_CV_INT, "const volatile int");
    spelled(db, S_VAR, "u8");
    char text[19];
    struct kvm_err err;
    is_int(type_spell(db, S_LIST_P, text, 19, &err), 0, "a spelling that just fits");
    is_int(type_spell(db, S_LIST_P, text, 18, &err), KVM_INVAL, "one byte less does not do");
    is_int(type_spell(db, S_LAST + 1, text, 18, &err), KVM_INVAL, "no such type");
}

// Declarators that are not in the sample.
static void test_declarators(void) {
    b_init(&b, false);
    uint32_t num = b_int(&b, "int", 4, 1, 32), lng = b_int(&b, "long int", 8, 1, 64);
    uint32_t row = b_array(&b, num, 3);
    uint32_t to_row = b_type(&b, "", B_PTR, 0, row);
    uint32_t ptr = b_type(&b, "", B_PTR, 0, num);
    uint32_t const_ptr = b_type(&b, "", B_CONST, 0, ptr);
    uint32_t to_const_ptr = b_type(&b, "", B_PTR, 0, const_ptr);
    uint32_t const_ptrs = b_array(&b, const_ptr, 2);
    uint32_t restrict_ptr = b_type(&b, "", B_RESTRICT, 0, ptr);
    uint32_t none = b_type(&b, "", B_PROTO, 0, 0);
    uint32_t to_none = b_type(&b, "", B_PTR, 0, none);
    uint32_t gives = b_type(&b, "", B_PROTO, 1, to_none); // a function that returns a function's
    b_pair(&b, "", lng);
    uint32_t to_gives = b_type(&b, "", B_PTR, 0, gives);
    uint32_t const_row = b_type(&b, "", B_CONST, 0, row);
    uint32_t const_fn = b_type(&b, "", B_CONST, 0, to_none);
    uint32_t takes = b_type(&b, "", B_PROTO, 1, 0); // of a function that takes itself
    b_pair(&b, "", b.last + 1);
    uint32_t to_takes = b_type(&b, "", B_PTR, 0, takes);
    uint32_t cycle = b_type(&b, "", B_PTR, 0, b.last + 1);
    b_finish(&b, B_HEADER);
    struct type_db *db = type_db_create(load, &b);
    spelled(db, to_row, "int (*)[3]");
    spelled(db, const_ptr, "int * const");
    spelled(db, to_const_ptr, "int * const *");
    spelled(db, const_ptrs, "int * const[2]");
    spelled(db, restrict_ptr, "int * restrict");
    spelled(db, to_none, "void (*)(void)");
    spelled(db, to_gives, "void (*(*)(long int))(void)");
    spelled(db, const_row, "const int [3]");
    spelled(db, const_fn, "void (* const)(void)");
    char text[512];
    struct kvm_err err = {0};
    is_int(type_spell(db, to_takes, text, sizeof(text), &err), 0, "a function that takes itself");
    has_text(text, "(...)", "is cut off");
    is_int(type_spell(db, cycle, text, sizeof(text), &err), KVM_FORMAT, "a pointer to itself");
    type_db_destroy(db);
}

static void test_field(struct type_db *db) {
    static const struct {
        const char *path;
        uint64_t bit_offset;
        uint32_t bit_size;
        type_id type;
    } good[] = {
        {"pid", 0, 0, S_INT},
        {"lazy", 32, 1, S_INT},
        {"policy", 33, 3, S_INT},
        {"ulong", 64, 0, S_ULONG},
        {"first", 64, 0, S_INT},
        {"list", 64, 0, S_LIST},
        {"list.prev", 128, 0, S_LIST_P},
        {"comm", 192, 0, S_COMM},
        {"comm[15]", 312, 0, S_CHAR},
        {"grid[4]", 512, 0, S_ROW},
        {"grid[4][5]", 552, 0, S_U8},
        {"table[3]", 832, 0, S_PROTO_P},
    };
    static const struct {
        const char *path;
        int rc;
        const char *text;
    } bad[] = {
        {"nope", KVM_NOTFOUND, "struct task has no member nope"},
        {"list.nope", KVM_NOTFOUND, "struct list_head has no member nope"},
        {"pid.x", KVM_NOTFOUND, "int has no member x"},
        {"list.next.prev", KVM_NOTFOUND, "struct list_head * has no member prev"},
        {"pi", KVM_NOTFOUND, "no member pi"},
        {"pidd", KVM_NOTFOUND, "no member pidd"},
        {"comm[16]", KVM_INVAL, "[16] on an array of 16"},
        {"comm[18446744073709551616]", KVM_INVAL, "not a path"},
        {"pid[0]", KVM_INVAL, "no array"},
        {"", KVM_INVAL, "not a path"},
        {".pid", KVM_INVAL, "not a path"},
        {"pid.", KVM_INVAL, "not a path"},
        {"list..prev", KVM_INVAL, "not a path"},
        {"comm[", KVM_INVAL, "not a path"},
        {"comm[x]", KVM_INVAL, "not a path"},
        {"comm[]", KVM_INVAL, "not a path"},
        {"comm[-1]", KVM_INVAL, "not a path"},
        {"comm.[1]", KVM_INVAL, "not a path"},
        {"comm[1]x", KVM_INVAL, "not a path"},
    };
    struct type_field f;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct kvm_err err = {0};
        int rc = type_field(db, S_TASK, good[i].path, &f, &err);
        ok(rc == 0 && f.bit_offset == good[i].bit_offset && f.bit_size == good[i].bit_size &&
               f.type == good[i].type,
           "%s at bit %llu %s", good[i].path, (unsigned long long)good[i].bit_offset, err.text);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct kvm_err err = {0};
        is_int(type_field(db, S_TASK, bad[i].path, &f, &err), bad[i].rc, bad[i].path);
        has_text(err.text, bad[i].text, "and says why");
    }
}

static void test_offset(struct type_db *db) {
    struct kvm_err err = {0};
    uint64_t off = 0, size = 0;
    is_int(type_offset(db, "struct task", "comm", &off, &size, &err), 0, "offset of comm");
    ok(off == 24 && size == 16, "is 24, its size 16");
    is_int(type_offset(db, "struct task", "policy", &off, &size, &err), KVM_INVAL,
           "of a bit field");
    is_int(type_offset(db, "struct nope", "policy", &off, &size, &err), KVM_NOTFOUND, "no struct");
    is_str(err.text, "no type \"struct nope\" in BTF", "says which");
    is_int(type_offset(db, "struct task", "pid", NULL, NULL, &err), 0, "outputs may be NULL");
    struct type_field f;
    is_int(type_field(db, S_FLEX, "data[1000]", &f, &err), 0, "an element of a flexible array");
    is_int((int64_t)f.bit_offset, 32 + 8000, "lies behind the struct");
    is_int(type_field(db, S_FLEX, "data[18446744073709551615]", &f, &err), KVM_INVAL,
           "but not outside of memory");
    struct type_member m;
    struct type_enumerator e;
    is_int(type_member(db, S_INT, 0, &m, &err), KVM_INVAL, "an int has no members");
    is_int(type_member(db, S_STATE, 0, &m, &err), KVM_INVAL, "nor has an enum");
    is_int(type_enumerator(db, S_TASK, 0, &e, &err), KVM_INVAL, "a struct has no enumerators");
    is_int(type_enumerator(db, S_STATE, 3, &e, &err), KVM_INVAL, "no fourth enumerator");
}

// --- the loader
static int fail_code;
static int load_nothing(void *ctx, struct type_source **out, struct kvm_err *err) {
    (void)ctx;
    (void)out;
    loads++;
    return err_set(err, fail_code, "no types here");
}

static void test_loader(void) {
    struct kvm_err err = {0};
    type_id id;
    loads = 0;
    type_db_destroy(type_db_create(load, &b));
    type_db_destroy(NULL);
    is_int(loads, 0, "nothing is loaded before it is asked for");
    struct type_db *db = sample();
    type_find(db, "int", &id, &err);
    type_find(db, "u8", &id, &err);
    is_int(loads, 1, "and then once");
    type_db_destroy(db);
    loads = 0;
    fail_code = KVM_NOTFOUND;
    db = type_db_create(load_nothing, NULL);
    ok(type_origin(db, &err) == NULL, "no origin");
    is_str(err.text, "no types here", "for a reason");
    err_clear(&err);
    is_int(type_find(db, "int", &id, &err), KVM_NOTFOUND, "which is told again");
    is_str(err.text, "no types here", "with its text");
    is_int(type_last(db), 0, "no ids");
    is_int(loads, 1, "without another attempt");
    type_db_destroy(db);
    loads = 0;
    fail_code = KVM_NOMEM;
    db = type_db_create(load_nothing, NULL);
    type_origin(db, &err);
    is_int(type_find(db, "int", &id, &err), KVM_NOMEM, "out of memory");
    is_int(loads, 2, "is tried again");
    type_db_destroy(db);
}

// Every allocation fails once: NOMEM, and the same question is answered the next time.
static void test_out_of_memory(void) {
    b_sample(&b, false);
    int failures = 0;
    for (unsigned long n = 1; n < 20; n++) {
        struct kvm_err err = {0};
        type_id id = 0;
        mem_fail_from(n);
        struct type_db *db = type_db_create(load, &b);
        int rc = db ? type_find(db, "struct task", &id, &err) : KVM_NOMEM;
        mem_fail_from(0);
        if (rc == KVM_NOMEM) failures++;
        if (rc && rc != KVM_NOMEM) ok(false, "allocation %lu: %s", n, err.text);
        if (db && rc && type_find(db, "struct task", &id, &err)) ok(false, "again: %s", err.text);
        if (db && id != S_TASK) ok(false, "allocation %lu: type %u", n, (unsigned)id);
        type_db_destroy(db);
    }
    is_int(failures, 5, "database, source, index, chains and hash can fail");
}

int main(void) {
    struct type_db *db = sample();
    test_find(db);
    test_spell(db);
    test_field(db);
    test_offset(db);
    type_db_destroy(db);
    test_clang_names();
    test_declarators();
    test_loader();
    test_out_of_memory();
    return done();
}
