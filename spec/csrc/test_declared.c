// SPDX-License-Identifier: BSD-2-Clause
// Types that are declared by hand: alone, beside the kernel's own, many of them, out of memory.
#include "base/mem.h"
#include "btf_build.h"
#include "tap.h"
#include "type/type.h"

static struct btf_build b;

static int load(void *ctx, struct type_source **out, struct kvm_err *err) {
    const struct btf_build *from = ctx;
    return type_btf_open(from->blob, from->blob_len, false, out, err);
}

static int load_nothing(void *ctx, struct type_source **out, struct kvm_err *err) {
    (void)ctx;
    (void)out;
    return err_set(err, KVM_NOTFOUND, "no types here");
}

static type_id declare(struct type_db *db, struct type_info info,
                       const struct type_member *members) {
    type_id id = 0;
    struct kvm_err err = {0};
    if (!info.name) info.name = "";
    if (type_declare(db, &info, members, NULL, &id, &err)) ok(false, "declare: %s", err.text);
    return id;
}

static type_id look(struct type_db *db, const char *name) {
    type_id id = 0;
    return type_lookup(db, NULL, name, &id, NULL) == 0 ? id : 0;
}

static void test_alone(void) {
    struct type_db *db = type_db_create(load_nothing, NULL);
    type_id num = declare(db, (struct type_info){.kind = TYPE_INT, .name = "int", .size = 4}, NULL);
    ok(num && look(db, "int") == num, "an int, without any other types");
    is_int(look(db, "struct int"), 0, "which is no struct");
    struct type_member members[] = {{.name = "a", .type = num}, {"b", num, 32, 3}};
    struct type_info s = {.kind = TYPE_STRUCT, .name = "pair", .size = 8, .count = 2};
    type_id pair = declare(db, s, members);
    members[0].name = members[1].name = "changed";
    struct type_field f;
    struct kvm_err err = {0};
    is_int(type_field(db, pair, "b", &f, &err), 0, "members are found by name");
    ok(f.bit_offset == 32 && f.bit_size == 3 && f.type == num, "at their place; names were copied");
    is_int(type_field(db, pair, "changed", &f, &err), KVM_NOTFOUND, "and not borrowed");
    struct type_member m;
    is_int(type_member(db, pair, 2, &m, &err), KVM_INVAL, "there is no third one");
    struct type_info info;
    is_int(type_info(db, pair + 1, &info, &err), KVM_INVAL, "no such type");
    has_text(err.text, "no declared type has number 3", "says which");
    type_db_destroy(db);
}

static void test_shared(void) {
    struct type_db *db = type_db_create(load_nothing, NULL);
    type_id num = declare(db, (struct type_info){.kind = TYPE_INT, .name = "int", .size = 4}, NULL);
    struct type_info ptr = {.kind = TYPE_PTR, .size = 8, .target = num};
    struct type_info array = {.kind = TYPE_ARRAY, .size = 12, .target = num, .count = 3};
    struct type_member one = {.name = "", .type = num}, other = {.name = "", .type = 0};
    struct type_info proto = {.kind = TYPE_FUNC_PROTO, .target = num, .count = 1};
    ok(declare(db, ptr, NULL) == declare(db, ptr, NULL), "one pointer to a type");
    ok(declare(db, array, NULL) == declare(db, array, NULL), "one array");
    ok(declare(db, proto, &one) == declare(db, proto, &one), "one prototype");
    ok(declare(db, proto, &one) != declare(db, proto, &other), "of the same parameters");
    type_id three = declare(db, array, NULL);
    array.count = 4;
    array.size = 16;
    ok(declare(db, array, NULL) != three, "another length is another array");
    struct type_info alias = {.kind = TYPE_TYPEDEF, .name = "t", .target = num};
    ok(declare(db, alias, NULL) != declare(db, alias, NULL), "a typedef each time");
    type_db_destroy(db);
}

// Typedefs and qualifiers have the size of what they stand for: elements of arrays are that far apart.
static void test_aliases(void) {
    struct type_db *db = type_db_create(load_nothing, NULL);
    type_id num = declare(db, (struct type_info){.kind = TYPE_INT, .name = "int", .size = 4}, NULL);
    type_id t =
        declare(db, (struct type_info){.kind = TYPE_TYPEDEF, .name = "t", .target = num}, NULL);
    type_id fixed = declare(db, (struct type_info){.kind = TYPE_CONST, .target = t}, NULL);
    struct type_info info;
    ok(type_info(db, t, &info, NULL) == 0 && info.size == 4, "a typedef's size");
    ok(type_info(db, fixed, &info, NULL) == 0 && info.size == 4, "a qualified type's size");
    type_id fwd = declare(db, (struct type_info){.kind = TYPE_FWD, .name = "s"}, NULL);
    type_id early =
        declare(db, (struct type_info){.kind = TYPE_TYPEDEF, .name = "s_t", .target = fwd}, NULL);
    declare(db, (struct type_info){.kind = TYPE_STRUCT, .name = "s", .size = 6}, NULL);
    const struct type_info arrays[] = {
        {.kind = TYPE_ARRAY, .size = 12, .target = fixed, .count = 3},
        {.kind = TYPE_ARRAY, .size = 18, .target = early, .count = 3},
    };
    for (int i = 0; i < 2; i++) {
        struct type_field f = {0};
        is_int(type_field(db, declare(db, arrays[i], NULL), "[2]", &f, NULL), 0, "an element");
        is_int((int)f.bit_offset, i ? 96 : 64, "lies behind those before it");
    }
    type_db_destroy(db);
}

static void test_order(void) {
    b_sample(&b, false);
    struct type_db *db = type_db_create(load, &b);
    is_int((int64_t)look(db, "struct task"), S_TASK, "the kernel's");
    struct type_info s = {.kind = TYPE_STRUCT, .name = "task", .size = 4};
    type_id first = declare(db, s, NULL);
    ok(look(db, "struct task") == first, "a declared one stands before it");
    s.size = 8;
    type_id second = declare(db, s, NULL);
    ok(look(db, "struct task") == second, "a later one before an earlier one");
    type_id forward = declare(db, (struct type_info){.kind = TYPE_FWD, .name = "task"}, NULL);
    ok(look(db, "struct task") == second, "a definition before a forward declaration");
    type_id stripped = 0;
    is_int(type_strip(db, forward, &stripped, NULL, NULL), 0, "which stands");
    ok(stripped == second, "for the last definition");
    type_id to_kernel = declare(db, (struct type_info){.kind = TYPE_FWD, .name = "flex"}, NULL);
    is_int(type_strip(db, to_kernel, &stripped, NULL, NULL), 0, "or the kernel's");
    is_int((int64_t)stripped, S_FLEX, "where there is no other");
    type_id var = 0;
    declare(db, (struct type_info){.kind = TYPE_VAR, .name = "some", .target = second}, NULL);
    is_int(type_variable(db, NULL, "some", &var, NULL), 0, "a variable");
    ok(var == second, "has its type");
    type_id id;
    struct kvm_err err = {0};
    struct type_info bad = {.kind = TYPE_PTR, .name = "", .size = 8, .target = second + 100};
    is_int(type_declare(db, &bad, NULL, NULL, &id, &err), KVM_INVAL, "a target that is not there");
    type_db_destroy(db);
}

// The hash table grows; nothing is lost, and it stays fast.
static void test_many(void) {
    enum { MANY = 50000 };
    struct type_db *db = type_db_create(load_nothing, NULL);
    type_id num = declare(db, (struct type_info){.kind = TYPE_INT, .name = "int", .size = 4}, NULL);
    char name[16];
    int wrong = 0;
    type_id ids[100] = {0};
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof(name), "t%d", i);
        struct type_info array = {.kind = TYPE_ARRAY, .target = num, .count = (uint64_t)i};
        array.size = 4 * array.count;
        type_id id = declare(db, array, NULL);
        struct type_info alias = {.kind = TYPE_TYPEDEF, .name = name, .target = id};
        type_id named = declare(db, alias, NULL);
        if (i % (MANY / 100) == 0) ids[i / (MANY / 100)] = named;
        if (i % 1000 == 0 && declare(db, array, NULL) != id) wrong++;
    }
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "t%d", i * (MANY / 100));
        if (look(db, name) != ids[i]) wrong++;
    }
    is_int(wrong, 0, "50000 typedefs and arrays are found again");
    type_db_destroy(db);
}

static void test_enum(void) {
    struct type_db *db = type_db_create(load_nothing, NULL);
    char name[] = "RED";
    struct type_enumerator e[] = {{name, -1}, {"GREEN", 2}};
    struct type_info info = {.kind = TYPE_ENUM, .name = "color", .size = 4, .count = 2};
    struct kvm_err err = {0};
    type_id id;
    is_int(type_declare(db, &info, NULL, e, &id, &err), 0, "an enum");
    name[0] = 'x';
    struct type_enumerator got = {0};
    is_int(type_enumerator(db, id, 0, &got, &err), 0, "has values");
    ok(got.value == -1 && strcmp(got.name, "RED") == 0, "whose names were copied");
    info.count = (1 << 20) + 1;
    is_int(type_declare(db, &info, NULL, e, &id, &err), KVM_INVAL, "but not any number of them");
    type_db_destroy(db);
}

// Every allocation fails once; what was declared stays, and the next attempt succeeds.
static void test_out_of_memory(void) {
    int failures = 0, wrong = 0;
    for (unsigned long n = 1; n < 12; n++) {
        struct type_db *db = type_db_create(load_nothing, NULL);
        struct type_info s = {.kind = TYPE_STRUCT, .name = "s", .size = 4, .count = 1};
        struct type_member m = {.name = "m"};
        struct type_info num = {.kind = TYPE_INT, .name = "int", .size = 4};
        struct kvm_err err = {0};
        type_id id = 0;
        mem_fail_from(n);
        int rc = type_declare(db, &num, NULL, NULL, &m.type, &err);
        if (rc == 0) rc = type_declare(db, &s, &m, NULL, &id, &err);
        mem_fail_from(0);
        failures += rc == KVM_NOMEM;
        if (rc && rc != KVM_NOMEM) wrong++;
        if (rc &&
            (m.type = declare(db, num, NULL), id = declare(db, s, &m), look(db, "struct s") != id))
            wrong++;
        type_db_destroy(db);
    }
    is_int(wrong, 0, "out of memory and again");
    is_int(failures, 7, "source, table, chains, two names, members, a member's name can fail");
}

int main(void) {
    test_alone();
    test_shared();
    test_aliases();
    test_order();
    test_many();
    test_enum();
    test_out_of_memory();
    return done();
}
