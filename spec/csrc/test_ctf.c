// SPDX-License-Identifier: BSD-2-Clause
// CTF of versions 2 and 3, both byte orders, in ELF files of both classes and by itself: every kind of type, variables
// and functions, a module's types over its kernel's.
#include "ctf_build.h"
#include "tap.h"

static struct ctf_build b, child;

static struct type_db *open_built(bool compressed) {
    struct type_db *db = NULL;
    struct kvm_err err = {0};
    c_finish(&b, compressed);
    int rc = c_open(b.blob, b.blob_len, &db, &err);
    ok(rc == 0, "v%d %s-endian%s opens: %s", b.version, b.big ? "big" : "little",
       compressed ? " compressed" : "", err.text);
    return db;
}

static struct type_info info_of(struct type_db *db, type_id id) {
    struct type_info info = {.name = "?"};
    struct kvm_err err = {0};
    if (type_info(db, id, &info, &err)) ok(false, "type %u: %s", (unsigned)id, err.text);
    return info;
}

static void test_kinds(struct type_db *db) {
    static const struct {
        enum type_kind kind;
        uint64_t size;
        const char *spelled;
    } want[] = {
        [S_LONG] = {TYPE_INT, 8, "long"},
        [S_INT] = {TYPE_INT, 4, "int"},
        [S_CHAR] = {TYPE_CHAR, 1, "char"},
        [S_UCHAR] = {TYPE_INT, 1, "unsigned char"},
        [S_VOID] = {TYPE_VOID, 0, "void"},
        [S_BOOL] = {TYPE_BOOL, 1, "_Bool"},
        [S_BITS3] = {TYPE_INT, 4, "int"},
        [S_BITS5] = {TYPE_INT, 1, "unsigned char"},
        [S_DOUBLE] = {TYPE_FLOAT, 8, "double"},
        [S_COMPLEX] = {TYPE_OTHER, 16, NULL},
        [S_U8] = {TYPE_TYPEDEF, 1, "u8"},
        [S_LIST] = {TYPE_STRUCT, 16, "struct list"},
        [S_LIST_P] = {TYPE_PTR, 8, "struct list *"},
        [S_NAME] = {TYPE_ARRAY, 16, "char [16]"},
        [S_GRID] = {TYPE_ARRAY, 6, "u8 [2][3]"},
        [S_ROW] = {TYPE_ARRAY, 3, "u8 [3]"},
        [S_STATE] = {TYPE_ENUM, 4, "enum state"},
        [S_UNION] = {TYPE_UNION, 8, NULL},
        [S_PROC] = {TYPE_STRUCT, 48, "struct proc"},
        [S_PROC_P] = {TYPE_PTR, 8, "struct proc *"},
        [S_CONST] = {TYPE_CONST, 1, "const char"},
        [S_CONST_P] = {TYPE_PTR, 8, "const char *"},
        [S_CV] = {TYPE_VOLATILE, 1, NULL},
        [S_RESTRICT] = {TYPE_RESTRICT, 8, NULL},
        [S_FUNC] = {TYPE_FUNC_PROTO, 0, "int (struct proc *, const char *, ...)"},
        [S_FUNC_P] = {TYPE_PTR, 8, "int (*)(struct proc *, const char *, ...)"},
        [S_FUNC_VOID] = {TYPE_FUNC_PROTO, 0, "void (void)"},
        [S_FWD] = {TYPE_FWD, 0, "struct only_declared"},
        [S_FWD_UNION] = {TYPE_FWD, 0, "union either"},
        [S_EITHER] = {TYPE_UNION, 4, "union either"},
        [S_FWD_LIST] = {TYPE_FWD, 0, "struct list"},
        [S_LARGE] = {TYPE_STRUCT, 9000, "struct large"},
        [S_HUGE] = {TYPE_ARRAY, 70000, "char [70000]"},
        [S_OVER] = {TYPE_STRUCT, 70008, "struct over"},
        [S_HOLE] = {TYPE_OTHER, 0, NULL},
        [S_ENUMS] = {TYPE_STRUCT, 8, "struct enums"},
        [S_HIDDEN] = {TYPE_STRUCT, 4, "struct list"},
        [S_VOID_P] = {TYPE_PTR, 8, "void *"},
        [S_FWD_TOLD] = {TYPE_FWD, 0, "union told"},
    };
    is_int(type_last(db), S_LAST, "the number of types");
    is_str(type_origin(db, NULL), "CTF", "the origin");
    for (type_id id = 1; id <= S_LAST; id++) {
        char text[128] = "";
        struct kvm_err err = {0};
        struct type_info info = info_of(db, id);
        if (want[id].spelled) type_spell(db, id, text, sizeof(text), &err);
        ok(info.kind == want[id].kind && info.size == want[id].size &&
               (!want[id].spelled || strcmp(text, want[id].spelled) == 0),
           "type %u: kind %d, %llu bytes, \"%s\" %s", (unsigned)id, info.kind,
           (unsigned long long)info.size, text, err.text);
    }
}

static void test_details(struct type_db *db) {
    struct kvm_err err = {0};
    struct type_enumerator e = {0};
    ok(info_of(db, S_INT).is_signed && !info_of(db, S_UCHAR).is_signed, "signs of integers");
    ok(!info_of(db, S_BOOL).is_signed, "_Bool has no sign");
    is_int(info_of(db, S_BITS3).bits, 3, "bits of an integer");
    ok(info_of(db, S_STATE).is_signed, "an enum with a negative value is signed");
    is_int(type_enumerator(db, S_STATE, 0, &e, &err), 0, "an enumerator");
    ok(strcmp(e.name, "DEAD") == 0 && e.value == -1, "its name and value");
    is_int(type_enumerator(db, S_STATE, 2, &e, &err), KVM_INVAL, "none behind the last");
    is_int((int64_t)info_of(db, S_VOID_P).target, 0, "a pointer to void");
    is_int((int64_t)info_of(db, S_FUNC_VOID).target, 0, "a function that gives void");
    struct type_member m = {0};
    is_int(type_member(db, S_FUNC, 2, &m, &err), 0, "the last parameter");
    ok(m.type == 0 && m.name[0] == '\0', "is \"...\"");
    is_int(type_info(db, S_LAST + 1, &(struct type_info){0}, &err), KVM_INVAL, "no such type");
}

static void test_members(struct type_db *db) {
    static const struct {
        type_id owner;
        const char *path;
        type_id type;
        uint64_t offset;
        uint32_t bits;
    } want[] = {
        {S_PROC, "pid", S_INT, 0, 0},
        {S_PROC, "low", S_BITS3, 32, 3},
        {S_PROC, "high", S_BITS5, 35, 5},
        {S_PROC, "half", S_INT, 64, 0},
        {S_PROC, "name", S_NAME, 128, 0},
        {S_PROC, "grid[1][2]", S_U8, 296 + 40, 0},
        {S_LARGE, "last", S_INT, UINT64_C(8) * 8996, 0},
        {S_OVER, "tail", S_LONG, UINT64_C(8) * 70000, 0},
        {S_ENUMS, "two", S_STATE, 0, 2},
        {S_ENUMS, "six", S_STATE, 2, 6},
        {S_ENUMS, "low", S_BITS3, 8, 3},
        {S_ENUMS, "next", S_STATE, 32, 0},
    };
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        struct type_field f = {0};
        struct kvm_err err = {0};
        int rc = type_field(db, want[i].owner, want[i].path, &f, &err);
        ok(rc == 0 && f.type == want[i].type && f.bit_offset == want[i].offset &&
               f.bit_size == want[i].bits,
           "%s: type %u at bit %llu, %u bits %s", want[i].path, (unsigned)f.type,
           (unsigned long long)f.bit_offset, f.bit_size, err.text);
    }
}

static void test_names(struct type_db *db) {
    static const struct {
        const char *name;
        type_id id;
    } want[] = {
        {"struct proc", S_PROC},
        {"int", S_INT},
        {"unsigned char", S_UCHAR},
        {"long int", S_LONG},
        {"signed long", S_LONG},
        {"_Bool", S_BOOL},
        {"double", S_DOUBLE},
        {"u8", S_U8},
        {"enum state", S_STATE},
        {"union either", S_EITHER},
        {"struct list", S_LIST}, // the one that is visible by its name, though others stand before
        {"struct only_declared", S_FWD},
        {"union told", S_FWD_TOLD},
    };
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        type_id id = 0;
        struct kvm_err err = {0};
        int rc = type_find(db, want[i].name, &id, &err);
        ok(rc == 0 && id == want[i].id, "find %s: type %u %s", want[i].name, (unsigned)id,
           err.text);
    }
    static const char *const absent[] = {"struct state", "union proc",         "struct told",
                                         "short",        "enum only_declared", "proc_t"};
    for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++) {
        type_id id;
        struct kvm_err err;
        is_int(type_find(db, absent[i], &id, &err), KVM_NOTFOUND, absent[i]);
    }
    type_id id;
    struct type_info info = {0};
    struct kvm_err err = {0};
    type_strip(db, S_FWD_LIST, &id, &info, &err);
    ok(id == S_LIST && info.size == 16, "a declaration gives way to the definition");
    type_strip(db, S_FWD_UNION, &id, &info, &err);
    is_int((int64_t)id, S_EITHER, "one of a union too, though it does not say so");
}

// What is not the one that a name means may stand in front of it.
static void test_order(void) {
    type_id id = 0;
    struct kvm_err err;
    c_init(&b, 2, false);
    c_int(&b, "int", true, 4, C_SIGNED, 7);
    c_int(&b, "int", true, 4, C_SIGNED, 32);
    c_type(&b, "x", C_FORWARD, 0, C_STRUCT);
    c_sized(&b, "x", C_STRUCT, false, 0, 4);
    c_sized(&b, "x", C_STRUCT, true, 0, 8);
    c_sized(&b, "x", C_STRUCT, true, 0, 12);
    struct type_db *db = open_built(false);
    type_find(db, "int", &id, &err);
    is_int((int64_t)id, 2, "the integer of all its bits, not a bit field's");
    type_find(db, "struct x", &id, &err);
    is_int((int64_t)id, 5, "the first definition that is visible by its name");
    type_db_destroy(db);
}

static void test_sample(int version, bool big, bool compressed) {
    c_sample(&b, version, big, 8);
    struct type_db *db = open_built(compressed);
    if (!db) return;
    test_kinds(db);
    test_details(db);
    test_members(db);
    test_names(db);
    type_db_destroy(db);
}

// --- ELF files
static struct type_db *open_elf(int elf_class, int count, uint32_t link) {
    char path[32];
    struct type_source *s;
    struct kvm_err err = {0};
    c_finish(&b, true);
    int fd = c_elf(&b, elf_class, ".SUNW_ctf", c_symbols, count, link, path);
    int rc = type_ctf_open(path, NULL, 0, &s, &err);
    close(fd);
    return ok(rc == 0, "an ELF file of %d bits opens: %s", 32 * elf_class, err.text) ? c_own(s)
                                                                                     : NULL;
}

static int variable(struct type_db *db, const char *name, type_id *out) {
    struct kvm_err err;
    *out = 0;
    return type_variable(db, NULL, name, out, &err);
}

static void test_symbols(int version, bool big, int elf_class) {
    static const struct {
        const char *name;
        type_id type; // 0: not known
    } want[] = {
        {"twice", S_PROC}, {"same", S_GRID}, {"absolute", S_LIST}, {"untyped", 0}, {"ambiguous", 0},
        {"elsewhere", 0},  {"zero", 0},      {"label", 0},         {"_START_", 0},
    };
    c_sample_with_symbols(&b, version, big, elf_class == 2 ? 8 : 4);
    struct type_db *db = open_elf(elf_class, C_SYMBOLS, 2);
    if (!db) return;
    is_int((int64_t)info_of(db, S_LIST_P).size, elf_class == 2 ? 8 : 4, "a pointer's size");
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        type_id id;
        int rc = variable(db, want[i].name, &id);
        ok(rc == (want[i].type ? 0 : KVM_NOTFOUND) && id == want[i].type,
           "variable %s: %d, type %u", want[i].name, rc, (unsigned)id);
    }
    type_id function;
    is_int(variable(db, "main", &function), 0, "the type of a function");
    is_int(info_of(db, function).kind, TYPE_FUNC_PROTO, "its prototype");
    is_int(type_last(db), S_LAST + 7 + 2 * 2, "the number of types, variables and functions");
    struct type_source *s;
    type_db_destroy(db);
    char path[32], text[128] = "";
    int fd = c_elf(&b, elf_class, ".SUNW_ctf", c_symbols, C_SYMBOLS, 2, path);
    uint32_t id = 0;
    struct kvm_err err = {0};
    type_ctf_open(path, NULL, 0, &s, &err);
    close(fd);
    is_int(s->ops->find(s, TYPE_FUNC, "main", &id), 0, "a function");
    is_int(s->ops->find(s, TYPE_FUNC, "secret", &(uint32_t){0}), KVM_NOTFOUND, "one without type");
    is_int(s->ops->find(s, TYPE_FUNC, "twice", &(uint32_t){0}), KVM_NOTFOUND, "no function");
    db = c_own(s);
    struct type_info info = info_of(db, id);
    ok(info.kind == TYPE_FUNC && strcmp(info.name, "main") == 0, "its name");
    is_int(type_spell(db, info.target, text, sizeof(text), &err), 0, "its prototype");
    is_str(text, "int (struct proc *, const char *, ...)", "is spelled");
    type_db_destroy(db);
}

// A symbol table that is not the one that the sections were made for: nothing is told.
static void test_other_symtab(void) {
    type_id id;
    c_sample_with_symbols(&b, 3, false, 8);
    struct type_db *db = open_elf(2, C_SYMBOLS - 1, 2);
    is_int(variable(db, "twice", &id), KVM_NOTFOUND, "one symbol less: no variables");
    type_db_destroy(db);
    c_sample_with_symbols(&b, 3, false, 8);
    b.objects.len -= 4;
    db = open_elf(2, C_SYMBOLS, 2);
    is_int(variable(db, "twice", &id), KVM_NOTFOUND, "one entry less: no variables");
    type_db_destroy(db);
    c_sample_with_symbols(&b, 2, true, 8);
    db = open_elf(2, C_SYMBOLS, 0);
    is_int(variable(db, "twice", &id), KVM_NOTFOUND, "without a symbol table: no variables");
    is_int(type_last(db), S_LAST, "but types");
    type_db_destroy(db);
}

// A name in the strings of the symbol table.
static void test_elf_names(void) {
    c_init(&b, 3, false);
    c_named(&b, 1u << 31 | 1, C_TYPEDEF, true, 0, 2);
    c_int(&b, "int", true, 4, C_SIGNED, 32);
    static const struct ctf_elf_symbol one = {"from_elf", STT_NOTYPE, STB_GLOBAL, 1, 8};
    char path[32];
    struct type_source *s;
    struct kvm_err err = {0};
    c_finish(&b, false);
    int fd = c_elf(&b, 2, ".SUNW_ctf", &one, 1, 2, path);
    is_int(type_ctf_open(path, NULL, 0, &s, &err), 0, "opens");
    close(fd);
    uint32_t id = 0;
    is_int(s->ops->find(s, TYPE_TYPEDEF, "from_elf", &id), 0, "a name in the other strings");
    is_int(id, 1, "its type");
    s->ops->destroy(s);
    struct type_db *db = NULL;
    is_int(c_open(b.blob, b.blob_len, &db, &err), 0, "without them it opens");
    is_int(type_info(db, 1, &(struct type_info){0}, &err), KVM_FORMAT, "but the name lies outside");
    type_db_destroy(db);
}

static void test_no_ctf(void) {
    char path[32];
    struct type_source *s;
    struct kvm_err err = {0};
    c_sample(&b, 2, false, 8);
    c_finish(&b, false);
    int fd = c_elf(&b, 2, ".other", c_symbols, 1, 2, path);
    is_int(type_ctf_open(path, NULL, 0, &s, &err), KVM_NOTFOUND, "no section .SUNW_ctf");
    close(fd);
    fd = c_elf(&b, 2, ".ctf", c_symbols, 1, 2, path);
    is_int(type_ctf_open(path, NULL, 0, &s, &err), KVM_UNSUPPORTED, "GNU's section .ctf");
    has_text(err.text, "GNU binutils", "is named");
    close(fd);
    is_int(type_ctf_open("/nonexistent", NULL, 0, &s, &err), KVM_IO, "no such file");
    is_int(type_ctf_open("/dev/null", NULL, 0, &s, &err), KVM_FORMAT, "no regular file");
    is_int(c_open("", 0, NULL, &err), KVM_FORMAT, "an empty file");
    is_int(c_open("no ELF file and no CTF", 22, NULL, &err), KVM_FORMAT, "text");
}

// --- a module over its kernel
static int open_child(struct type_source *parent, struct type_source **out, struct kvm_err *err) {
    char path[32];
    c_finish(&child, true);
    int fd = c_file(child.blob, child.blob_len, path);
    int rc = type_ctf_open(path, parent, 7, out, err);
    close(fd);
    return rc;
}

static void build_child(int version, bool big, const char *label) {
    uint32_t bit = version == 3 ? 1u << 31 : 1u << 15;
    c_init(&child, version, big);
    child.parent = "kernel";
    child.label = label;
    c_sized(&child, "softc", C_STRUCT, true, 3, 32);
    c_member(&child, 32, "list", S_LIST, 0);
    c_member(&child, 32, "self", bit | 2, 128);
    c_member(&child, 32, "low", S_BITS3, 192);
    c_type(&child, NULL, C_PTR, 0, bit | 1);
    c_array(&child, S_LIST_P, 3);
    c_array(&child, bit | 3, 2);
    c_type(&child, "bad", C_TYPEDEF, 0, bit | 6);
    c_type(&child, NULL, C_PTR, 0, S_LAST + 1);
}

static void test_child(int version, bool big) {
    char path[32];
    struct type_source *parent, *s = NULL;
    struct kvm_err err = {0};
    c_sample(&b, version, big, 8);
    c_finish(&b, false);
    int fd = c_elf(&b, 2, ".SUNW_ctf", c_symbols, 1, 2, path);
    type_ctf_open(path, NULL, 0, &parent, &err);
    close(fd);
    build_child(version, big, "14.0");
    is_int(open_child(NULL, &s, &err), KVM_INVAL, "a module's types without the kernel's");
    has_text(err.text, "\"kernel\"", "are told whose they need");
    if (!ok(open_child(parent, &s, &err) == 0, "over them they open: %s", err.text)) return;
    uint32_t id = 0;
    struct type_info info = {0};
    struct type_member m = {0};
    is_int(s->ops->find(s, TYPE_STRUCT, "softc", &id), 0, "a type of the module");
    is_int(id, 1, "its number");
    is_int(s->ops->member(s, 1, 0, &m, &err), 0, "a member of the kernel's type");
    ok(m.type == S_LIST, "names it");
    is_int(s->ops->member(s, 1, 1, &m, &err), 0, "one of the module's type");
    ok(m.type == ((type_id)7 << 32 | 2), "names that");
    is_int(s->ops->member(s, 1, 2, &m, &err), 0, "a bit field of the kernel's integer");
    is_int(m.bit_size, 3, "has its bits");
    is_int(s->ops->reach(s, 6, &err), 0, "the last type");
    is_int(s->ops->info(s, 2, &info, &err), 0, "a pointer");
    ok(info.size == 8 && info.target == ((type_id)7 << 32 | 1), "has the kernel's size");
    is_int(s->ops->info(s, 4, &info, &err), 0, "an array of arrays");
    is_int((int64_t)info.size, 48, "its size");
    is_int(s->ops->info(s, 6, &info, &err), KVM_FORMAT, "a type that the kernel does not have");
    s->ops->destroy(s);
    build_child(version, big, "13.2");
    is_int(open_child(parent, &s, &err), KVM_INVAL, "a module of another kernel");
    has_text(err.text, "13.2", "is told the label");
    build_child(5 - version, big, "14.0");
    is_int(open_child(parent, &s, &err), KVM_INVAL, "a module of another version");
    parent->ops->destroy(parent);
}

int main(void) {
    for (int version = 2; version <= 3; version++) {
        for (int big = 0; big <= 1; big++) {
            test_sample(version, big, false);
            test_sample(version, big, true);
            test_symbols(version, big, 1);
            test_symbols(version, big, 2);
            test_child(version, big);
        }
    }
    test_order();
    test_other_symtab();
    test_elf_names();
    test_no_ctf();
    return done();
}
