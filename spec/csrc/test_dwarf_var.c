// SPDX-License-Identifier: BSD-2-Clause
// Variables and lines in DWARF, of linked and of relocatable files, of both byte orders and widths:
// a sample in two units is compiled by whatever compilers there are. And types of a debug file that
// give way to the kernel's own.
#include "btf_build.h"
#include "compiled.h"
#include "tap.h"
#include "type/type.h"

#include <stdlib.h>

enum { TEXT = 0x10000, DATA = 0x20000 }; // where the sections of a relocatable file are put

static const char first_unit[] =
    "struct list_head { struct list_head *next, *prev; };\n"
    "struct point { int x, y; }; struct big { struct point *p; long n[3]; };\n"
    "extern struct big later;\n"
    "extern char counted[];\n"
    "extern char edge[], nowhere[];\n"
    "static int twins = 1;\n"
    "static struct point same = {1, 2};\n"
    "static short only_here = 3;\n"
    "static int constant = 4; int fold(void) { return constant; }\n"
    "const char *const words[4] = {\"a\"};\n"
    "int (*handler)(struct point *, ...);\n"
    "struct list_head *heads[2]; struct list_head (*row)[3];\n"
    "int (*compare)(const struct list_head *, struct point *);\n"
    "struct { struct list_head l; } unnamed;\n"
    "volatile unsigned long ticks;\n"
    "void set(int v) { twins = v; same.x = v; only_here = v; }\n"
    "void *use(void) { return twins ? (void *)&same : only_here ? (void *)&later : edge + "
    "*nowhere; }\n"
    "struct big later = {0};\n"
    "char counted[7];\n"
    "__asm__(\".data\\n.globl edge\\nedge: .byte 1\\n.text\\n\");\n"
    "#line 100\n"
    "static inline __attribute__((always_inline)) int inner(int v) {\n"
    "    return v * 3 + (int)ticks;\n"
    "}\n"
    "static inline __attribute__((always_inline)) int middle(int v) {\n"
    "    int w = inner(v + 1);\n"
    "    return w;\n"
    "}\n"
    "int outer(int v) {\n"
    "    volatile int w = middle(v);\n"
    "    return w;\n"
    "}\n";
static const char second_unit[] = "struct point { int x, y; };\n"
                                  "static char twins[3] = \"ab\";\n"
                                  "static struct point same = {3, 4};\n"
                                  "void set_second(int v) { twins[1] = v; same.x = v; }\n"
                                  "struct point *second(void) { return twins[0] ? &same : 0; }\n";

#if HAVE_LIBDW
static struct type_section placed[] = {
    {".text", TEXT}, {".data", DATA}, {".sdata", DATA + 0x1000}, {".bss", DATA + 0x2000}};

static struct btf_build btf;
static int load_btf(void *ctx, struct type_source **out, struct kvm_err *err) {
    (void)ctx;
    return type_btf_open(btf.blob, btf.blob_len, false, out, err);
}

static int load_nothing(void *ctx, struct type_source **out, struct kvm_err *err) {
    (void)ctx, (void)out;
    return err_set(err, KVM_NOTFOUND, "no types");
}

static int load_placed(void *ctx, struct type_source **out, struct kvm_err *err) {
    return type_dwarf_open_at(ctx, placed, sizeof(placed) / sizeof(placed[0]), out, err);
}

static int load_loose(void *ctx, struct type_source **out, struct kvm_err *err) {
    return type_dwarf_open(ctx, out, err);
}

static char path[128];
static struct type_db *open_as(type_load *kernel, type_load *debug, const char *name) {
    compiled_path(path, sizeof(path), name);
    struct type_db *db = type_db_create(kernel, path);
    if (debug) type_db_set_debug(db, debug, path);
    return db;
}

static void is_variable(struct type_db *db, const char *name, const char *spelling) {
    struct kvm_err err = {0};
    char text[128] = "";
    type_id id = 0;
    int rc = type_variable(db, NULL, name, &id, &err);
    if (rc == 0) rc = type_spell(db, id, text, sizeof(text), &err);
    if (rc) printf("# %s\n", err.text);
    is_str(text, spelling, name);
}

static void test_names(struct type_db *db) {
    struct kvm_err err = {0};
    type_id id;
    is_variable(db, "only_here", "short int");
    is_variable(db, "later", "struct big");
    is_variable(db, "counted", "char [7]");
    is_variable(db, "edge", "char [0]"); // of assembly: declared, and among the symbols
    is_variable(db, "words", "const char * const[4]");
    is_variable(db, "handler", "int (*)(struct point *, ...)");
    is_variable(db, "ticks", "volatile long unsigned int");
    is_variable(db, "same", "struct point"); // two of one type
    is_int(type_variable(db, NULL, "twins", &id, &err), KVM_INVAL, "two of different types");
    has_text(err.text, "several static variables are named twins", "which is said");
    is_int(type_variable(db, NULL, "nowhere", &id, &err), KVM_NOTFOUND, "declared, but undefined");
    is_int(type_variable(db, NULL, "constant", &id, &err), KVM_NOTFOUND, "not in memory");
    is_int(type_variable(db, NULL, "absent", &id, &err), KVM_NOTFOUND, "in no unit");
    is_int(type_variable(db, NULL, "outer", &id, &err), KVM_NOTFOUND, "a function");
    is_int(type_variable(db, NULL, "point", &id, &err), KVM_NOTFOUND, "a struct");
}

// Every address that is one of the two.
static void test_addresses(struct type_db *db) {
    int ints = 0, arrays = 0, others = 0;
    for (uint64_t at = DATA; at < DATA + 0x1100; at++) {
        struct kvm_err err = {0};
        char text[64] = "";
        type_id id;
        if (type_variable_at(db, NULL, "twins", &at, &id, &err)) continue;
        type_spell(db, id, text, sizeof(text), &err);
        if (strcmp(text, "int") == 0)
            ints++;
        else if (strcmp(text, "char [3]") == 0)
            arrays++;
        else
            others++;
    }
    ok(ints == 1 && arrays == 1 && others == 0, "the address tells which: %d, %d", ints, arrays);
    uint64_t wrong = 1;
    type_id id;
    struct kvm_err err = {0};
    is_int(type_variable_at(db, NULL, "later", &wrong, &id, &err), KVM_NOTFOUND,
           "a variable elsewhere is another one");
}

static bool is_place(const struct type_place *p, const char *name, uint32_t line, bool inlined) {
    const char *file = strrchr(p->file, '/');
    return strcmp(p->name, name) == 0 && p->line == line && p->inlined == inlined &&
           strcmp(file ? file + 1 : p->file, "first.c") == 0;
}

static void test_lines(struct type_db *db) {
    struct type_source *s = NULL;
    struct kvm_err err = {0};
    struct type_place p[8];
    size_t n, inner = 0, outer = 0, cut = 0;
    is_int(type_db_debug(db, NULL, &s, &err), 0, "the debug file");
    if (!s) return;
    for (uint64_t at = TEXT; at < TEXT + 0x400; at++) {
        if (s->ops->places(s, at, p, 8, &n, &err)) continue;
        if (n == 3 && is_place(&p[0], "inner", 101, true) && is_place(&p[1], "middle", 104, true) &&
            is_place(&p[2], "outer", 108, false)) {
            inner++;
            if (s->ops->places(s, at, p, 2, &n, &err) == 0 && n == 2) cut++;
        }
        for (uint32_t line = 107; line <= 110; line++)
            outer += n == 1 && is_place(&p[0], "outer", line, false);
    }
    ok(inner > 0 && outer > 0, "lines of %zu inlined bytes, of %zu others", inner, outer);
    ok(cut == inner, "no more places than are asked for");
    is_int(s->ops->places(s, TEXT - 1, p, 8, &n, &err), KVM_NOTFOUND, "no code");
    is_int((int64_t)n, 0, "has no places");
}

static void test_canonical(void) {
    static const struct {
        const char *name, *spelling;
    } rows[] = {
        {"heads", "struct list_head *[2]"},
        {"row", "struct list_head (*)[3]"},
        {"compare", "int (*)(const struct list_head *, struct point *)"},
        {"later", "struct big"},
    };
    struct kvm_err err = {0};
    struct type_info info;
    type_id own = 0, id = 0;
    b_sample(&btf, false);
    struct type_db *db = open_as(load_btf, load_loose, "var.so");
    is_int(type_find(db, "struct list_head", &own, &err), 0, "the kernel has a struct");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        is_variable(db, rows[i].name, rows[i].spelling);
    type_variable(db, NULL, "heads", &id, &err);
    type_info(db, id, &info, &err);
    type_info(db, info.target, &info, &err);
    ok(info.target == own, "an array of pointers to it");
    type_variable(db, NULL, "compare", &id, &err);
    type_info(db, id, &info, &err);
    struct type_member m;
    is_int(type_member(db, info.target, 0, &m, &err), 0, "a prototype");
    type_info(db, m.type, &info, &err);
    type_info(db, info.target, &info, &err);
    ok(info.kind == TYPE_CONST && info.target == own, "with a parameter of it");
    type_variable(db, NULL, "only_here", &id, &err);
    ok(id >> 32 == 2, "what the kernel lacks stays");
    type_id again = 0;
    type_variable(db, NULL, "heads", &id, &err);
    type_variable(db, NULL, "heads", &again, &err);
    ok(id == again, "made once");
    is_int(type_canonical(db, own, &again, &err), 0, "the kernel's own");
    ok(again == own, "stays");
    type_db_destroy(db);
}

// The kernel's own types are DWARF: the file is not opened twice.
static void test_own_dwarf(void) {
    struct type_source *own = NULL;
    struct kvm_err err = {0};
    struct type_db *db = open_as(load_loose, load_loose, "var.so");
    is_int(type_db_debug(db, NULL, &own, &err), 0, "the kernel's types are the debug file");
    ok(own && own->number == 0, "the same source");
    is_variable(db, "later", "struct big");
    type_db_destroy(db);
    db = open_as(load_nothing, NULL, "var.so");
    type_id id;
    is_int(type_variable(db, NULL, "later", &id, &err), KVM_NOTFOUND, "without a debug file");
    has_text(err.text, "no debug file", "which is said");
    type_db_destroy(db);
}

static void test_linked(void) {
    struct kvm_err err = {0};
    type_id id;
    ok(compiled_by_cc("-O1 -g -shared -o var.so first.c second.c"), "a linked file");
    struct type_db *db = open_as(load_nothing, load_loose, "var.so");
    test_names(db);
    type_db_destroy(db);
    // Without symbols what is not found takes a pass over everything, and what is declared counts.
    ok(compiled_by_cc(
           "-O1 -g -shared -o var.so first.c second.c && strip -g -o /dev/null var.so && "
           "objcopy --strip-all --keep-section='.debug*' var.so bare.so"),
       "without symbols");
    db = open_as(load_nothing, load_loose, "bare.so");
    is_variable(db, "only_here", "short int");
    is_variable(db, "nowhere", "char [0]");
    is_int(type_variable(db, NULL, "absent", &id, &err), KVM_NOTFOUND, "in no unit");
    type_db_destroy(db);
}

static void test_relocatable(const char *compiler, const char *flags) {
    char command[256];
    snprintf(command, sizeof(command), "%s -O1 -r -o var.ro first.c second.c", flags);
    printf("# %s %s\n", compiler, flags);
    if (!compiled_by(compiler, command)) {
        skip(compiler, "not installed");
        return;
    }
    struct type_db *db = open_as(load_nothing, load_loose, "var.ro");
    test_names(db);
    type_db_destroy(db);
    db = open_as(load_nothing, load_placed, "var.ro");
    test_names(db);
    test_addresses(db);
    test_lines(db);
    type_db_destroy(db);
}

// A file that is cut off or overwritten at any place ends in an error or in an answer.
static void test_damage(void) {
    static uint8_t bytes[1 << 16];
    compiled_path(path, sizeof(path), "var.ro");
    FILE *f = fopen(path, "rb");
    size_t len = f ? fread(bytes, 1, sizeof(bytes), f) : 0, odd = 0;
    if (f) fclose(f);
    for (size_t cut = 0; cut < len; cut += len / 60 + 1) {
        struct kvm_err err = {0};
        compiled_write("cut.ro", bytes, cut);
        struct type_db *db = open_as(load_nothing, load_placed, "cut.ro");
        type_id id;
        int rc = type_variable(db, NULL, "later", &id, &err);
        if (rc != KVM_NOTFOUND && rc != KVM_FORMAT && rc != 0) odd++;
        type_db_destroy(db);
    }
    ok(len > 1000 && odd == 0, "cut off at 60 places");
}

static void test_all(void) {
    static const char *const compilers[] = {
        "powerpc64-linux-gnu-gcc", // big-endian
        "s390x-linux-gnu-gcc",     // big-endian
        "i686-linux-gnu-gcc",      // 32-bit, relocations without addends
        "aarch64-linux-gnu-gcc",
    };
    const char *cc = getenv("CC");
    test_linked();
    test_canonical();
    test_own_dwarf();
    for (size_t i = 0; i < sizeof(compilers) / sizeof(compilers[0]); i++)
        test_relocatable(compilers[i], "-gdwarf-5");
    test_relocatable(cc && *cc ? cc : "cc", "-gdwarf-4");
    test_relocatable(cc && *cc ? cc : "cc", "-gdwarf-5 -gz=zlib");
    test_relocatable(cc && *cc ? cc : "cc", "-gdwarf-5");
    test_damage();
}
#else
static void test_all(void) {
    struct type_source *s;
    struct kvm_err err = {0};
    is_int(type_dwarf_open_at("first.c", NULL, 0, &s, &err), KVM_UNSUPPORTED, "says so");
}
#endif

int main(void) {
    if (!compiled_begin()) return 1;
    compiled_write("first.c", first_unit, strlen(first_unit));
    compiled_write("second.c", second_unit, strlen(second_unit));
    if (compiled_by_cc("-c -o probe.o second.c"))
        test_all();
    else
        skip("DWARF of compiled files", "no compiler");
    return compiled_end() ? done() : 1;
}
