// SPDX-License-Identifier: BSD-2-Clause
// DWARF as the compiler writes it: a sample is compiled here in every version of the format and its
// layouts are compared with what this program's own compiler says of the same declarations. And
// BTF in ELF files. Needs a compiler at run time ($CC, else cc).
#include "btf_build.h"
#include "compiled.h"
#include "tap.h"
#include "type/type.h"

#include <stddef.h>

// Declares it here, and keeps the text for the file that is compiled.
#define SAMPLE(...)                                                                                \
    __VA_ARGS__                                                                                    \
    static const char sample_text[] = #__VA_ARGS__;

// clang-format off
SAMPLE(
    struct other;
    typedef unsigned char u8;
    enum sign { MINUS = -3, ZERO, PLUS };
    enum plain { SMALL = 200, MIDDLE = 40000 };
    enum huge { HUGE = 0x123456789abcdef0 };
    struct point { int x, y; };
    struct sample {
        char name[5];
        struct point *points[3];
        struct point (*row)[4];
        int (*call)(struct sample *, const char *, ...);
        unsigned int lazy : 1, policy : 3;
        signed int gap : 9;
        unsigned long wide : 40;
        union {
            struct point at;
            struct {
                long deep;
                u8 grid[5][6];
            };
        };
        const volatile int *const cv;
        struct other *other;
        enum sign sign;
        enum plain plain;
        enum huge huge;
        _Bool yes;
        double number;
        unsigned long long big;
        u8 flex[];
    };
)
// clang-format on

static const char units[] =
    "struct sample *sample_used; enum plain plain_used; struct other *other_used;\n"
    "int twice(int v, struct point *p) { return v * 2 + p->x; }\n";
static const char other_unit[] = "struct other { short a; struct { char b, c; } in; };\n"
                                 "struct other other_here; typedef struct other other_t;\n"
                                 "other_t *other_more;\n";

struct opening {
    char path[128];
    bool btf;
};

static int load(void *ctx, struct type_source **out, struct kvm_err *err) {
    struct opening *o = ctx;
    if (o->btf) return type_elf_btf_open(o->path, out, err);
    return type_dwarf_open(o->path, out, err);
}

static struct opening opening;
static struct type_db *open_file(const char *name, bool btf) {
    opening.btf = btf;
    compiled_path(opening.path, sizeof(opening.path), name);
    return type_db_create(load, &opening);
}

static int open_code(const char *name, bool btf, struct kvm_err *err) {
    struct type_db *db = open_file(name, btf);
    err_clear(err);
    int rc = type_origin(db, err) ? 0 : err->code;
    type_db_destroy(db);
    return rc;
}

// The first bit and the number of bits that are set in a sample that is otherwise zero.
static void bits_of(const struct sample *s, uint64_t *first, uint32_t *n) {
    const uint8_t *p = (const uint8_t *)s;
    *first = UINT64_MAX;
    *n = 0;
    for (uint64_t i = 0; i < 8 * sizeof(*s); i++) {
        // Bits are counted from the lowest on little-endian targets, from the highest on others.
        unsigned bit = BYTES_HOST_BIG ? 7 - i % 8 : i % 8;
        if (!(p[i / 8] >> bit & 1)) continue;
        if (*first == UINT64_MAX) *first = i;
        ++*n;
    }
}

static type_id the_struct(struct type_db *db, const char *name) {
    type_id id = 0;
    struct kvm_err err = {0};
    if (type_find(db, name, &id, &err)) ok(false, "%s: %s", name, err.text);
    return id;
}

static void test_members(struct type_db *db, bool btf) {
// NOLINTBEGIN(bugprone-sizeof-expression): pointers are members as well
#define PLACE(path) #path, offsetof(struct sample, path), sizeof(((struct sample *)0)->path)
    static const struct {
        const char *path;
        size_t offset, size;
        const char *type;
    } members[] = {
        {PLACE(name), "char [5]"},
        {PLACE(points), "struct point *[3]"},
        {PLACE(row), "struct point (*)[4]"},
        {PLACE(call), "int (*)(struct sample *, const char *, ...)"},
        {PLACE(at.y), "int"},
        {PLACE(deep), NULL}, // gcc and clang name it differently
        {PLACE(grid), "u8 [5][6]"},
        {PLACE(grid[4][5]), "u8"},
        {PLACE(cv), "const volatile int * const"},
        {PLACE(other), "struct other *"},
        {PLACE(sign), "enum sign"},
        {PLACE(huge), "enum huge"},
        {PLACE(yes), "_Bool"},
        {PLACE(number), "double"},
        {PLACE(big), NULL},
    };
#undef PLACE
    // NOLINTEND(bugprone-sizeof-expression)
    struct kvm_err err = {0};
    type_id id = the_struct(db, "struct sample");
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        struct type_field f = {0};
        struct type_info info = {0};
        char text[128] = "";
        if (btf && members[i].path[0] == 'g') continue; // gcc 12 mixes up the dimensions
        int rc = type_field(db, id, members[i].path, &f, &err);
        if (rc == 0) rc = type_info(db, f.type, &info, &err);
        if (rc == 0) rc = type_spell(db, f.type, text, sizeof(text), &err);
        ok(rc == 0 && f.bit_offset == members[i].offset * 8 && f.bit_size == 0 &&
               info.size == members[i].size,
           "%s %s", members[i].path, rc ? err.text : "");
        if (!btf && members[i].type) is_str(text, members[i].type, "its type");
    }
    struct type_field f = {0};
    is_int(type_field(db, id, "flex[7]", &f, &err), 0, "flexible array");
    is_int((int64_t)f.bit_offset, (int64_t)(offsetof(struct sample, flex) + 7) * 8, "its place");
}

static void test_bit_fields(struct type_db *db) {
    static const char *const names[] = {"lazy", "policy", "gap", "wide"};
    struct kvm_err err = {0};
    type_id id = the_struct(db, "struct sample");
    for (int i = 0; i < 4; i++) {
        union {
            struct sample s;
            uint8_t bytes[sizeof(struct sample)];
        } u = {.bytes = {0}};
        if (i == 0) u.s.lazy = 1;
        if (i == 1) u.s.policy = 7;
        if (i == 2) u.s.gap = -1;
        if (i == 3) u.s.wide = (1ul << 40) - 1;
        uint64_t first;
        uint32_t n;
        bits_of(&u.s, &first, &n);
        struct type_field f = {0};
        int rc = type_field(db, id, names[i], &f, &err);
        ok(rc == 0 && f.bit_offset == first && f.bit_size == n, "bit field %s at %llu, %u bits %s",
           names[i], (unsigned long long)f.bit_offset, f.bit_size, rc ? err.text : "");
    }
}

static void is_enum(struct type_db *db, const char *name, uint64_t i, const char *item,
                    int64_t value, bool sign) {
    struct type_enumerator e = {.name = ""};
    struct type_info info = {.name = ""};
    struct kvm_err err = {0};
    type_id id = the_struct(db, name);
    type_info(db, id, &info, &err);
    int rc = type_enumerator(db, id, i, &e, &err);
    ok(rc == 0 && strcmp(e.name, item) == 0 && e.value == value, "%s = %lld %s", e.name,
       (long long)e.value, rc ? err.text : "");
    ok(info.is_signed == sign, "sign of %s", name);
}

static void test_enums(struct type_db *db) {
    is_enum(db, "enum sign", 0, "MINUS", MINUS, true);
    is_enum(db, "enum sign", 2, "PLUS", PLUS, true);
    is_enum(db, "enum plain", 0, "SMALL", SMALL, false);
    is_enum(db, "enum plain", 1, "MIDDLE", MIDDLE, false);
}

static void test_units(struct type_db *db) {
    struct kvm_err err = {0};
    struct type_info info = {0};
    type_id sample = the_struct(db, "struct sample"), id = 0;
    struct type_field f = {0};
    is_int(type_field(db, sample, "other", &f, &err), 0, "a pointer to what another unit defines");
    type_info(db, f.type, &info, &err);
    type_id target = info.target;
    type_info(db, target, &info, &err);
    is_int(info.kind, TYPE_FWD, "points to a declaration");
    is_int(type_strip(db, target, &id, &info, &err), 0, "which is stripped");
    ok(info.kind == TYPE_STRUCT && info.size == 4, "to the definition in the other unit");
    is_int(id, the_struct(db, "struct other"), "the one that is found by name");
    uint64_t off = 0;
    is_int(type_offset(db, "struct other", "in.c", &off, NULL, &err), 0, "its members");
    is_int((int64_t)off, 3, "have their offsets");
    is_int(type_find(db, "struct nowhere", &id, &err), KVM_NOTFOUND, "what is in no unit");
    is_str(err.text, "no type \"struct nowhere\" in DWARF", "is not found");
    type_id last = type_last(db);
    type_find(db, "struct sample", &id, &err);
    ok(id == sample && type_last(db) == last, "ids stay");
    ok(type_find(db, "unsigned long long", &id, &err) == 0, "a basic type");
}

__attribute__((unused)) static void test_version(const char *flags) {
    char command[256];
    snprintf(command, sizeof(command), "%s -o sample.so sample.c other.c", flags);
    if (!compiled_by_cc(command)) {
        skip(flags, "the compiler does not know it");
        return;
    }
    printf("# %s\n", flags);
    struct type_db *db = open_file("sample.so", false);
    is_str(type_origin(db, NULL), "DWARF", "the origin");
    test_members(db, false);
    test_bit_fields(db);
    test_enums(db);
    test_units(db);
    type_db_destroy(db);
}

static void test_dwarf(void) {
#if HAVE_LIBDW
    static const char *const versions[] = {
        "-gdwarf-5",
        "-gdwarf-4",
        "-gdwarf-4 -gstrict-dwarf",
        "-gdwarf-3 -gstrict-dwarf",
        "-gdwarf-2 -gstrict-dwarf",
        "-gdwarf-5 -gz=zlib",
        "-gdwarf-5 -fdebug-types-section",
        "-gdwarf-4 -fdebug-types-section",
    };
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        char flags[64];
        snprintf(flags, sizeof(flags), "%s -shared", versions[i]);
        test_version(flags);
        if (strstr(versions[i], "types-section")) continue;
        snprintf(flags, sizeof(flags), "%s -r", versions[i]); // a relocatable file, as modules are
        test_version(flags);
    }
    struct kvm_err err = {0};
    ok(compiled_by_cc("-g0 -shared -o nothing.so sample.c") &&
           compiled_by_cc("-g0 -c -o nothing.o sample.c"),
       "files without DWARF compile");
    is_int(open_code("nothing.so", false, &err), KVM_NOTFOUND, "no DWARF");
    is_int(open_code("nothing.o", false, &err), KVM_NOTFOUND, "nor in a relocatable file");
    if (compiled_by_cc("-g -fdebug-types-section -c -o units.o sample.c"))
        is_int(open_code("units.o", false, &err), KVM_UNSUPPORTED, "type units of one");
    is_int(open_code("sample.c", false, &err), KVM_FORMAT, "no ELF file");
    is_int(open_code("missing", false, &err), KVM_IO, "no file");
#else
    struct kvm_err err = {0};
    is_int(open_code("sample.c", false, &err), KVM_UNSUPPORTED, "a build without libdw says so");
#endif
}

static void test_cut(const char *name, bool btf) {
    static uint8_t bytes[1 << 16];
    char path[128];
    compiled_path(path, sizeof(path), name);
    FILE *f = fopen(path, "rb");
    size_t len = f ? fread(bytes, 1, sizeof(bytes), f) : 0, odd = 0;
    if (f) fclose(f);
    for (size_t cut = 0; cut < len; cut += len / 100 + 1) {
        struct kvm_err err = {0};
        compiled_write("cut", bytes, cut);
        struct type_db *db = open_file("cut", btf);
        type_id id;
        int rc = type_find(db, "struct sample", &id, &err);
        if (rc != KVM_NOTFOUND && rc != KVM_FORMAT && rc != 0) odd++;
        type_db_destroy(db);
    }
    ok(len > 1000 && odd == 0, "%s cut off at 100 places", name);
}

static void test_elf_btf(void) {
    static struct btf_build b;
    static const char section[] =
        "__asm__(\".section .BTF,\\\"a\\\"\\n.incbin \\\"raw.btf\\\"\\n.previous\");\nint here;\n";
    struct kvm_err err = {0};
    b_sample(&b, false);
    compiled_write("raw.btf", b.blob, b.blob_len);
    compiled_write("section.c", section, strlen(section));
    ok(compiled_by_cc("-g0 -shared -o btf.so section.c") &&
           compiled_by_cc("-g0 -shared -o none.so other.c"),
       "ELF files with and without .BTF compile");
    static const char *const files[] = {"raw.btf", "btf.so"};
    for (int i = 0; i < 2; i++) {
        struct type_db *db = open_file(files[i], true);
        uint64_t off = 0;
        is_int(type_offset(db, "struct task", "comm", &off, NULL, &err), 0, files[i]);
        is_int((int64_t)off, 24, "is read");
        is_str(type_origin(db, NULL), "BTF", "as BTF");
        type_db_destroy(db);
    }
    is_int(open_code("none.so", true, &err), KVM_NOTFOUND, "no section .BTF");
    has_text(err.text, "no section .BTF", "is said");
    is_int(open_code("section.c", true, &err), KVM_FORMAT, "neither ELF nor BTF");
    is_int(open_code("missing", true, &err), KVM_IO, "no file");
    is_int(open_code(".", true, &err), KVM_FORMAT, "a directory");
    compiled_write("one", "\x9f", 1);
    is_int(open_code("one", true, &err), KVM_FORMAT, "one byte");
    compiled_write("short.btf", b.blob, b.blob_len / 2);
    is_int(open_code("short.btf", true, &err), KVM_FORMAT, "half of it");
    test_cut("btf.so", true);
}

// What gcc itself writes as BTF (-gbtf, gcc 12 and later).
static void test_compiler_btf(void) {
    if (!compiled_by_cc("-gbtf -c -o gbtf.o sample.c")) {
        skip("-gbtf", "the compiler does not know it");
        return;
    }
    struct type_db *db = open_file("gbtf.o", true);
    struct kvm_err err = {0};
    if (!type_origin(db, &err) && err.code == KVM_NOTFOUND) {
        skip("-gbtf", "the compiler wrote none");
    } else {
        test_members(db, true);
        test_bit_fields(db);
    }
    type_db_destroy(db);
}

int main(void) {
    if (!compiled_begin()) return 1;
    char text[4096];
    int n = snprintf(text, sizeof(text), "%s\n%s", sample_text, units);
    compiled_write("sample.c", text, (size_t)n);
    compiled_write("other.c", other_unit, strlen(other_unit));
    if (compiled_by_cc("-c -o probe.o other.c")) {
        test_dwarf();
        test_elf_btf();
        test_compiler_btf();
    } else {
        skip("DWARF and BTF of compiled files", "no compiler");
    }
    return compiled_end() ? done() : 1;
}
