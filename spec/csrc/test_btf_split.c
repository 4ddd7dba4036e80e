// SPDX-License-Identifier: BSD-2-Clause
// Split BTF: a module's types on top of the kernel's, with a distilled base, and what a hostile module says.
#include "base/mem.h"
#include "btf_build.h"
#include "tap.h"
#include "type/type.h"

enum { NUMBER = 3 };

static struct btf_build kernel, module, sketch;

// Numbers of the module's types.
enum {
    M_DEVICE = 1, // struct device_state, with a member of the kernel's struct list_head
    M_DEVICE_P,
    M_ALIAS, // typedef struct task task_alias
    M_ROW,   // struct list_head [4]
    M_MODE,  // enum, unsigned or signed as the kernel's BTF tells
    M_PROTO,
    M_FN,
    M_VAR, // struct device_state *the_device
    M_LAST = M_VAR
};
#define OWN(number) (base_last + (number))

// What refers to the base has ids of LIST, TASK and INT there.
static void build_module(const struct btf_build *base, uint32_t list, uint32_t task, uint32_t num,
                         uint32_t name_of_list) {
    uint32_t base_last = base->last;
    b_init_split(&module, base);
    b_type(&module, "device_state", B_STRUCT, 3, 40);
    b_member(&module, "node", list, 0);
    b_u32(&module, name_of_list); // a name that lies in the base's strings
    b_u32(&module, num);
    b_u32(&module, 128);
    b_member(&module, "owner", OWN(M_DEVICE_P), 192);
    b_type(&module, "", B_PTR, 0, OWN(M_DEVICE));
    b_type(&module, "task_alias", B_TYPEDEF, 0, task);
    b_array(&module, list, 4);
    b_type(&module, "mode", B_ENUM, 1, 4);
    b_pair(&module, "HIGH", 0x80000000);
    b_type(&module, "", B_PROTO, 1, num);
    b_pair(&module, "dev", OWN(M_DEVICE_P));
    b_type(&module, "probe", B_FUNC, 1, OWN(M_PROTO));
    b_type(&module, "the_device", B_VAR, 0, OWN(M_DEVICE_P));
    b_u32(&module, 1);
    b_finish(&module, B_HEADER);
}

// --- a graph of the kernel and one module
struct graph {
    struct btf_build *distilled; // or NULL
    bool lazy;
    struct kvm_err why;
};

static int read_module(void *ctx, uint64_t addr, void *buf, size_t len, struct kvm_err *err) {
    (void)ctx;
    if (!mem_inside(addr, len, module.blob_len)) return err_at(err, KVM_FAULT, addr, "outside");
    memcpy(buf, module.blob + addr, len);
    return 0;
}

static int load_kernel(void *ctx, struct type_source **out, struct kvm_err *err) {
    (void)ctx;
    return type_btf_open(kernel.blob, kernel.blob_len, false, out, err);
}

static int module_name(void *ctx, size_t i, const char **out, struct kvm_err *err) {
    (void)ctx;
    *out = "driver";
    return i == 0 ? 0 : err_set(err, KVM_NOTFOUND, "no more");
}

static int module_load(void *ctx, size_t i, struct type_source *base, uint32_t number,
                       struct type_source **out, struct kvm_err *err) {
    (void)i;
    const struct graph *g = ctx;
    struct type_btf_base on = {.kernel = base, .number = number};
    struct reader virt = {NULL, read_module, module.big, 8};
    if (g->distilled) {
        int rc = type_btf_open(mem_dup(g->distilled->blob, g->distilled->blob_len),
                               g->distilled->blob_len, true, &on.distilled, err);
        if (rc) return rc;
    }
    if (g->lazy) return type_btf_open_split_at(&virt, 0, module.blob_len, &on, out, err);
    // A copy of exactly that length, so that a sanitizer sees what is read behind it.
    return type_btf_open_split(mem_dup(module.blob, module.blob_len), module.blob_len, true, &on,
                               out, err);
}

static struct type_db *open_graph(struct graph *g) {
    static const struct type_modules ops = {.name = module_name, .load = module_load};
    struct type_db *db = type_db_create(load_kernel, NULL);
    type_db_set_modules(db, &ops, g);
    return db;
}

static type_id own(uint32_t number) {
    return (type_id)NUMBER << 32 | number;
}

static int find(struct type_db *db, const char *name, type_id *out, struct kvm_err *err) {
    *out = 0;
    *err = (struct kvm_err){0};
    return type_lookup(db, "driver", name, out, err);
}

static void check_module(struct type_db *db, bool has_signs) {
    struct kvm_err err;
    struct type_info info;
    struct type_member m;
    struct type_field f;
    struct type_enumerator e;
    char text[128];
    type_id id;
    is_int(find(db, "struct device_state", &id, &err), 0, "a struct of the module");
    is_int((int64_t)id, (int64_t)own(M_DEVICE), "its id");
    ok(type_member(db, id, 0, &m, NULL) == 0 && m.type == S_LIST, "a member of the kernel's type");
    ok(type_member(db, id, 1, &m, NULL) == 0 && m.type == S_INT && strcmp(m.name, "pid") == 0,
       "a name among the kernel's strings");
    ok(type_member(db, id, 2, &m, NULL) == 0 && m.type == own(M_DEVICE_P) &&
           strcmp(m.name, "owner") == 0,
       "a member of the module's type");
    ok(type_field(db, id, "node.prev", &f, NULL) == 0 && f.bit_offset == 64 && f.type == S_LIST_P,
       "a path into the kernel's struct");
    ok(type_info(db, own(M_DEVICE_P), &info, NULL) == 0 && info.size == 8,
       "a pointer is as large as the kernel's");
    ok(type_info(db, own(M_ALIAS), &info, NULL) == 0 && info.size == 112 && info.target == S_TASK,
       "a typedef of the kernel's struct");
    ok(type_info(db, own(M_ROW), &info, NULL) == 0 && info.size == 64, "an array of it");
    ok(type_spell(db, own(M_FN), text, sizeof(text), NULL) == 0 &&
           strcmp(text, "int (struct device_state *)") == 0,
       "a function: %s", text);
    ok(type_enumerator(db, own(M_MODE), 0, &e, NULL) == 0 &&
           e.value == (has_signs ? INT64_C(0x80000000) : INT64_C(-0x80000000)),
       "whether enums tell their sign, the kernel's BTF tells");
    ok(type_variable(db, "driver", "the_device", &id, &err) == 0 && id == own(M_DEVICE_P),
       "the type of a variable");
    is_int(type_info(db, own(M_LAST + 1), &info, &err), KVM_INVAL, "no type behind the last");
    is_int(find(db, "struct task", &id, &err), 0, "a struct of the kernel");
    is_int((int64_t)id, S_TASK, "keeps its id");
    is_int(find(db, "struct nope", &id, &err), KVM_NOTFOUND, "no such struct");
}

static uint32_t offset_of(const struct btf_build *b, const char *name) {
    for (size_t at = 1; at < b->strings_len; at += strlen(b->strings + at) + 1) {
        if (strcmp(b->strings + at, name) == 0) return (uint32_t)at;
    }
    return 0;
}

static void test_split(bool big, bool lazy) {
    struct graph g = {.lazy = lazy};
    struct type_info info;
    b_sample(&kernel, big);
    build_module(&kernel, S_LIST, S_TASK, S_INT, offset_of(&kernel, "pid"));
    struct type_db *db = open_graph(&g);
    check_module(db, true);
    ok(type_info(db, S_VAR, &info, NULL) == 0 && info.kind == TYPE_VAR && info.target == S_U8,
       "a variable of the kernel");
    type_id id;
    is_int(type_variable(db, NULL, "seen", &id, NULL), 0, "by its name");
    is_int((int64_t)id, S_U8, "its type");
    is_int(type_variable(db, NULL, "fn", &id, NULL), 0, "a function has a type as well");
    type_db_destroy(db);
}

// A kernel of before 6.0: no enum has the flag.
static void test_old_enums(void) {
    struct graph g = {0};
    struct type_enumerator e;
    b_init(&kernel, false);
    b_int(&kernel, "long int", 8, 1, 64);
    b_finish(&kernel, B_HEADER);
    b_init_split(&module, &kernel);
    b_type(&module, "mode", B_ENUM, 1, 4);
    b_pair(&module, "HIGH", 0x80000000);
    b_finish(&module, B_HEADER);
    struct type_db *db = open_graph(&g);
    type_id id;
    struct kvm_err err;
    is_int(find(db, "enum mode", &id, &err), 0, "an enum");
    ok(type_enumerator(db, id, 0, &e, NULL) == 0 && e.value == INT64_C(-0x80000000),
       "is signed as those of the kernel");
    type_db_destroy(db);
}

// --- hostile modules
static int open_module(struct kvm_err *err) {
    struct graph g = {0};
    struct type_db *db = open_graph(&g);
    struct type_info info;
    type_id id;
    int rc = find(db, "struct device_state", &id, err);
    if (rc == 0) rc = type_info(db, id, &info, err);
    // Everything is asked of all types: nothing may be read outside of the blobs.
    for (uint32_t i = 1; i <= M_LAST; i++) {
        char text[256];
        struct type_member m;
        type_spell(db, own(i), text, sizeof(text), NULL);
        if (type_info(db, own(i), &info, NULL)) continue;
        for (uint64_t k = 0; k < info.count && k < 8; k++)
            type_member(db, own(i), k, &m, NULL);
    }
    type_db_destroy(db);
    return rc;
}

static void test_damage(void) {
    struct kvm_err err;
    b_sample(&kernel, false);
    build_module(&kernel, S_LIST, S_TASK, S_INT, offset_of(&kernel, "pid"));
    is_int(open_module(&err), 0, "as it is");
    size_t len = module.blob_len, opened = 0;
    for (size_t cut = 0; cut < len; cut++) {
        module.blob_len = cut;
        int rc = open_module(&err);
        if (rc != KVM_FORMAT && rc != KVM_NOTFOUND) opened++;
    }
    is_int((int64_t)opened, 0, "cut off anywhere it is refused");
    module.blob_len = len;
    for (size_t at = 0; at < len; at++) { // any answer but no wild read
        uint8_t old = module.blob[at];
        module.blob[at] = 0xff;
        open_module(&err);
        module.blob[at] = 0;
        open_module(&err);
        module.blob[at] = old;
    }

    module.blob[0] ^= 1;
    is_int(open_module(&err), KVM_FORMAT, "no BTF");
    has_text(err.text, "module driver: BTF: wrong magic", "and which module");
}

static int member_of(uint32_t type, const char *what) {
    struct graph g = {0};
    struct kvm_err err = {0};
    struct type_member m;
    type_id id;
    b_init_split(&module, &kernel);
    b_type(&module, "s", B_STRUCT, 1, 8);
    b_member(&module, "m", type, 0);
    b_finish(&module, B_HEADER);
    struct type_db *db = open_graph(&g);
    int rc = find(db, "struct s", &id, &err);
    if (rc == 0) rc = type_member(db, id, 0, &m, &err);
    ok(true, "%s: %s", what, err.text);
    type_db_destroy(db);
    return rc;
}

static void test_references(void) {
    b_sample(&kernel, false);
    is_int(member_of(S_INT, "in the kernel"), 0, "is good");
    is_int(member_of(S_LAST + 2, "behind the module's last type"), KVM_FORMAT, "is damage");
    is_int(member_of(UINT32_MAX, "the highest id"), KVM_FORMAT, "is damage");
    is_int(member_of(S_LAST + 1, "the struct itself"), 0, "is for who walks it to see");
    is_int(member_of(S_TASK, "larger than the struct"), KVM_FORMAT, "is damage");
    struct kvm_err err = {0};
    struct type_source *base, *s;
    struct type_btf_base on = {.number = NUMBER};
    is_int(type_btf_open_split(module.blob, module.blob_len, false, &on, &s, &err), KVM_UNSUPPORTED,
           "no base");
    type_btf_open(kernel.blob, kernel.blob_len, false, &base, &err);
    on.kernel = base;
    is_int(type_btf_open_split(module.blob, module.blob_len, false, &on, &s, &err), 0, "a base");
    on.kernel = s;
    struct type_source *t;
    is_int(type_btf_open_split(module.blob, module.blob_len, false, &on, &t, &err), KVM_UNSUPPORTED,
           "a base that is a module itself");
    uint32_t ids = 0, strings = 0;
    is_int(type_btf_end(base, &ids, &strings, &err), 0, "where a module's ids begin");
    is_int(ids, S_LAST + 1, "behind the last id");
    is_int(strings, (int64_t)kernel.strings_len, "and behind the last string");
    is_int(type_btf_end(s, &ids, &strings, &err), KVM_NOTFOUND, "nothing stands on a module");
    s->ops->destroy(s);
    base->ops->destroy(base);
}

// --- a distilled base
enum { D_LIST = 1, D_TASK, D_INT, D_STATE, D_FWD, D_DOUBLE, D_LAST = D_DOUBLE };

static void build_sketch(uint32_t list_size, uint32_t task_size) {
    b_init(&sketch, kernel.big);
    b_type(&sketch, "list_head", B_STRUCT, 0, list_size);
    b_type(&sketch, "task", B_STRUCT, 0, task_size);
    b_int(&sketch, "int", 4, 1, 32);
    b_type(&sketch, "state", B_ENUM, 0, 4);
    b_type(&sketch, "only_declared", B_FWD, B_FLAG, 0);
    b_type(&sketch, "double", B_FLOAT, 0, 8);
    b_string(&sketch, "pid");
    b_finish(&sketch, B_HEADER);
    build_module(&sketch, D_LIST, D_TASK, D_INT, offset_of(&sketch, "pid"));
}

// The type of a typedef of a distilled type.
static int meant(uint32_t kind, const char *name, uint32_t size, uint32_t tail, type_id *out,
                 struct kvm_err *err) {
    struct graph g = {.distilled = &sketch};
    struct type_info info = {0};
    type_id id;
    b_init(&sketch, kernel.big);
    b_type(&sketch, name, kind, 0, size);
    if (kind == B_INT) b_u32(&sketch, tail);
    b_finish(&sketch, B_HEADER);
    b_init_split(&module, &sketch);
    b_type(&module, "alias", B_TYPEDEF, 0, 1);
    b_finish(&module, B_HEADER);
    struct type_db *db = open_graph(&g);
    int rc = find(db, "alias", &id, err);
    if (rc == 0) rc = type_info(db, id, &info, err);
    *out = info.target;
    type_db_destroy(db);
    return rc;
}

static void test_meant(void) {
    static const struct {
        uint32_t kind;
        const char *name;
        uint32_t size, tail;
        type_id id; // 0: none
        const char *what;
    } cases[] = {
        {B_STRUCT, "task", 112, 0, S_TASK, "a struct of that size"},
        {B_STRUCT, "task", 120, 0, S_TASK, "a struct of another size, where there is one"},
        {B_STRUCT, "list_head", 4, 0, S_LIST2, "of two structs the one of that size"},
        {B_STRUCT, "list_head", 8, 0, 0, "of two structs none is meant by another size"},
        {B_UNION, "task", 112, 0, 0, "a struct is no union"},
        {B_STRUCT, "nope", 8, 0, 0, "no struct"},
        {B_STRUCT, "", 8, 0, 0, "no name"},
        {B_FWD, "task", 0, 0, S_TASK, "a declaration of a struct that is defined"},
        {B_FWD, "list_head", 0, 0, 0, "a declaration of one that is defined twice"},
        {B_INT, "int", 4, 1u << 24 | 32, S_INT, "an integer"},
        {B_INT, "int", 4, 32, 0, "an unsigned one is another"},
        {B_INT, "int", 8, 1u << 24 | 32, 0, "one of another size"},
        {B_FLOAT, "double", 8, 0, S_FLOAT, "a float"},
        {B_FLOAT, "double", 4, 0, 0, "one of another size"},
        {B_ENUM, "state", 4, 0, S_STATE, "an enum"},
        {B_ENUM, "big", 8, 0, S_BIG, "an enum of 64 bits"},
        {B_ENUM, "big", 4, 0, 0, "one of another size"},
        {B_TYPEDEF, "u8", 1, 0, 0, "a typedef can't be distilled"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct kvm_err err = {0};
        type_id id;
        int rc = meant(cases[i].kind, cases[i].name, cases[i].size, cases[i].tail, &id, &err);
        ok(rc == (cases[i].id ? 0 : KVM_FORMAT) && id == cases[i].id, "%s: %d, type %u %s",
           cases[i].what, rc, (unsigned)id, err.text);
    }
    struct kvm_err err = {0};
    type_id id;
    is_int(meant(B_FWD, "only_declared", 0, 0, &id, &err), KVM_FORMAT, "struct is not union");
}

static void test_distilled(bool big) {
    struct graph g = {.distilled = &sketch};
    struct kvm_err err;
    struct type_member m;
    struct type_info info;
    type_id id;
    b_sample(&kernel, big);
    build_sketch(16, 112);
    struct type_db *db = open_graph(&g);
    check_module(db, true);
    type_db_destroy(db);
    build_sketch(16, 104); // it has grown since, which is no matter where it is only pointed at
    db = open_graph(&g);
    ok(type_info(db, TYPE_VOID, &info, NULL) == 0, "void");
    is_int(find(db, "task_alias", &id, &err), 0, "a typedef of a struct that has grown");
    ok(type_info(db, id, &info, NULL) == 0 && info.size == 112, "has the kernel's size");
    type_db_destroy(db);
    build_sketch(24, 112);
    db = open_graph(&g);
    is_int(find(db, "struct device_state", &id, &err), 0, "a struct");
    is_int(type_member(db, id, 0, &m, &err), KVM_FORMAT, "whose part has another size now");
    has_text(err.text, "\"list_head\"", "is an error that names it");
    ok(type_member(db, id, 1, &m, &err) == 0, "and its other members are there");
    type_db_destroy(db);
    test_meant();
}

int main(void) {
    for (int i = 0; i < 4; i++)
        test_split(i & 1, i & 2);
    test_old_enums();
    test_damage();
    test_references();
    test_distilled(false);
    test_distilled(true);
    return done();
}
