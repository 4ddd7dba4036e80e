// SPDX-License-Identifier: BSD-2-Clause
// Prints layouts as csrc/type sees them, for check_layouts.lua, which compares them with pahole's.
//
//   layouts SOURCE FILE         all structs and unions that have a name
//   layouts SOURCE FILE names   those whose names ("struct list_head") are read from standard input
//   layouts core CORE MODULE    all of a module, out of the dump
//   layouts core CORE FILE.ko   all of a module's file, on top of the kernel's types in the dump
//   layouts core CORE modules   the names of the modules that have types there
//   layouts core CORE blob      the kernel's BTF as it is
//
// SOURCE is btf or dwarf with a file, core with a dump. A record is "KEYWORD NAME SIZE", then a line
// " BIT_OFFSET BIT_SIZE SIZE NAME<TAB>TYPE" for each member. Members of anonymous structs come before the line of the
// struct, as pahole prints them.
#include "session/session.h"
#include "type/type_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 16

static _Noreturn void die(const char *what, const struct kvm_err *err) {
    fprintf(stderr, "layouts: %s: %s\n", what, err ? err->text : "usage");
    exit(2);
}

// The anonymous struct or union that ID is, or an array of; 0 where it is something else.
static type_id inner(struct type_db *db, type_id id) {
    struct type_info info;
    struct kvm_err err;
    do {
        if (type_info(db, id, &info, &err)) die("info", &err);
        if (info.kind == TYPE_STRUCT || info.kind == TYPE_UNION) return info.name[0] ? 0 : id;
        id = info.target;
    } while (info.kind == TYPE_ARRAY || info.kind == TYPE_CONST || info.kind == TYPE_VOLATILE);
    return 0;
}

static void print_members(struct type_db *db, type_id id, uint64_t base, int depth) {
    struct type_info info;
    struct kvm_err err;
    if (depth > MAX_DEPTH) die("members nest too deep", NULL);
    if (type_info(db, id, &info, &err)) die("info", &err);
    for (uint64_t i = 0; i < info.count; i++) {
        struct type_member m;
        struct type_info of;
        char text[2048];
        if (type_member(db, id, i, &m, &err) || type_info(db, m.type, &of, &err))
            die("member", &err);
        type_id nested = inner(db, m.type);
        if (nested) print_members(db, nested, base + m.bit_offset, depth + 1);
        if (type_spell(db, m.type, text, sizeof(text), &err)) die("spell", &err);
        printf(" %llu %u %llu %s\t%s\n", (unsigned long long)(base + m.bit_offset), m.bit_size,
               (unsigned long long)of.size, m.name[0] ? m.name : "-", text);
    }
}

static void print_named(struct type_db *db, const char *name) {
    struct type_info info;
    struct kvm_err err;
    type_id id;
    int rc = type_find(db, name, &id, &err);
    if (rc == 0) rc = type_info(db, id, &info, &err);
    if (rc == KVM_NOTFOUND || (rc == 0 && info.kind == TYPE_FWD)) {
        printf("%s absent\n", name);
        return;
    }
    if (rc) die(name, &err);
    printf("%s %llu\n", name, (unsigned long long)info.size);
    print_members(db, id, 0, 0);
}

static void print_all(struct type_db *db, struct type_source *s) {
    uint32_t last = s->ops->last(s);
    for (uint32_t number = 1; number && number <= last; number++) {
        type_id id = type_id_of(s, number);
        struct type_info info;
        struct kvm_err err;
        if (type_info(db, id, &info, &err)) die("info", &err);
        bool record = info.kind == TYPE_STRUCT || info.kind == TYPE_UNION;
        if (!record || !info.name[0]) continue;
        printf("%s %s %llu\n", info.kind == TYPE_UNION ? "union" : "struct", info.name,
               (unsigned long long)info.size);
        print_members(db, id, 0, 0);
    }
}

static void read_names(struct type_db *db) {
    char line[512];
    while (fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = '\0';
        print_named(db, line);
    }
}

// --- a dump
static void print_modules(struct type_db *db) {
    uint32_t numbers;
    struct kvm_err err;
    struct type_source *s;
    if (type_db_numbers(db, &numbers, &err)) die("modules", &err);
    for (uint32_t n = TYPE_MODULES; n < numbers; n += 2) {
        int rc = type_db_numbered(db, n, &s, &err);
        if (rc && rc != KVM_NOTFOUND) die("module", &err);
        if (rc == 0) puts(type_db_owner(db, n));
    }
}

static void print_blob(kvm_t *kd) {
    struct symbol start, stop;
    struct kvm_err err;
    if (session_symbol(kd, "__start_BTF", &start, &err) ||
        session_symbol(kd, "__stop_BTF", &stop, &err))
        die("BTF", &err);
    for (uint64_t at = start.addr; at < stop.addr; at += 4096) {
        char buf[4096];
        size_t len = stop.addr - at < sizeof(buf) ? (size_t)(stop.addr - at) : sizeof(buf);
        if (reader_read(&kd->os.virt, at, buf, len, &err)) die("BTF", &err);
        fwrite(buf, 1, len, stdout);
    }
}

static int file_name(void *ctx, size_t i, const char **out, struct kvm_err *err) {
    (void)ctx;
    *out = "file";
    return i == 0 ? 0 : err_set(err, KVM_NOTFOUND, "no more");
}

static int file_load(void *ctx, size_t i, struct type_source *base, uint32_t number,
                     struct type_source **out, struct kvm_err *err) {
    (void)i;
    return type_elf_btf_open_split(ctx, base, number, out, err);
}

static void print_module(struct type_db *db, char *name) {
    static const struct type_modules file = {.name = file_name, .load = file_load};
    struct kvm_err err;
    struct type_source *s;
    uint32_t number;
    if (strchr(name, '/')) {
        type_db_set_modules(db, &file, name);
        name = "file";
    }
    if (type_db_module(db, name, &number, &err) || type_db_numbered(db, number, &s, &err))
        die(name, &err);
    print_all(db, s);
}

static void use_core(char **argv) {
    const char *const core[] = {argv[2]};
    struct session_options opt = {.core = core, .core_count = 1, .overlay = true};
    struct kvm_err err;
    kvm_t *kd;
    if (session_open(&opt, &kd, &err)) die(argv[2], &err);
    struct type_source *s;
    if (type_db_numbered(kd->os.types, TYPE_KERNEL, &s, &err)) die(argv[2], &err);
    if (!argv[3])
        print_all(kd->os.types, s);
    else if (strcmp(argv[3], "names") == 0)
        read_names(kd->os.types);
    else if (strcmp(argv[3], "modules") == 0)
        print_modules(kd->os.types);
    else if (strcmp(argv[3], "blob") == 0)
        print_blob(kd);
    else
        print_module(kd->os.types, argv[3]);
    session_close(kd);
}

// --- a file
static int load(void *ctx, struct type_source **out, struct kvm_err *err) {
    char **argv = ctx;
    if (strcmp(argv[1], "btf") == 0) return type_elf_btf_open(argv[2], out, err);
    return type_dwarf_open(argv[2], out, err);
}

static void use_file(char **argv) {
    struct type_db *db = type_db_create(load, argv);
    struct type_source *s;
    struct kvm_err err;
    if (!db || type_db_numbered(db, TYPE_KERNEL, &s, &err)) die(argv[2], &err);
    if (argv[3])
        read_names(db);
    else
        print_all(db, s);
    type_db_destroy(db);
}

int main(int argc, char **argv) {
    if (argc < 3 || argc > 4) die("layouts btf|dwarf|core FILE [WHAT]", NULL);
    if (strcmp(argv[1], "core") == 0)
        use_core(argv);
    else
        use_file(argv);
    return 0;
}
