// SPDX-License-Identifier: BSD-2-Clause
// Prints layouts as csrc/type sees them, for check_layouts.lua, which compares them with pahole's.
//
//   layouts btf|dwarf FILE        reads names ("struct list_head") from standard input
//   layouts btf|dwarf FILE names  prints the names of all structs and unions with one definition
//
// A record is "KEYWORD NAME SIZE", then a line " BIT_OFFSET BIT_SIZE SIZE NAME<TAB>TYPE" for each
// member. Members of anonymous structs come before the line of the struct, as pahole prints them.
#include "type/type.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 16

static _Noreturn void die(const char *what, const struct kvm_err *err) {
    fprintf(stderr, "layouts: %s: %s\n", what, err ? err->text : "usage");
    exit(2);
}

static void spell(struct type_db *db, type_id id, char *buf, size_t size) {
    struct kvm_err err;
    if (type_spell(db, id, buf, size, &err)) die("spell", &err);
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
        spell(db, m.type, text, sizeof(text));
        printf(" %llu %u %llu %s\t%s\n", (unsigned long long)(base + m.bit_offset), m.bit_size,
               (unsigned long long)of.size, m.name[0] ? m.name : "-", text);
    }
}

static void print_struct(struct type_db *db, const char *name) {
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

static int compare(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

// Several structs of one name are different ones, local to their files: which of them pahole prints
// is chance, so they are left out.
static void print_names(struct type_db *db) {
    type_id last = type_last(db);
    char **names = calloc((size_t)last + 1, sizeof(*names));
    size_t n = 0;
    if (!names) die("memory", NULL);
    for (type_id id = 1; id <= last; id++) {
        struct type_info info;
        struct kvm_err err;
        char text[512];
        if (type_info(db, id, &info, &err)) die("info", &err);
        bool record = info.kind == TYPE_STRUCT || info.kind == TYPE_UNION;
        if (!record || !info.name[0]) continue;
        spell(db, id, text, sizeof(text));
        if (!(names[n++] = strdup(text))) die("memory", NULL);
    }
    qsort(names, n, sizeof(*names), compare);
    for (size_t i = 0; i < n; i++) {
        bool before = i > 0 && strcmp(names[i], names[i - 1]) == 0;
        bool behind = i + 1 < n && strcmp(names[i], names[i + 1]) == 0;
        if (!before && !behind) puts(names[i]);
    }
}

static int load(void *ctx, struct type_source **out, struct kvm_err *err) {
    char **argv = ctx;
    if (strcmp(argv[1], "btf") == 0) return type_elf_btf_open(argv[2], out, err);
    return type_dwarf_open(argv[2], out, err);
}

int main(int argc, char **argv) {
    if (argc < 3) die("layouts btf|dwarf FILE [names]", NULL);
    struct type_db *db = type_db_create(load, argv);
    struct kvm_err err;
    if (!db || !type_origin(db, &err)) die(argv[2], &err);
    if (argc > 3) {
        print_names(db);
        return 0;
    }
    char line[512];
    while (fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = '\0';
        print_struct(db, line);
    }
    return 0;
}
