// SPDX-License-Identifier: BSD-2-Clause
// CTF from an attacker, as a file of its own and as the section of an ELF file; a second copy stands for the module
// that builds on it. Everything is asked of the first types.
#include "../csrc/ctf_build.h"
#include "base/mem.h"
#include "fuzz.h"

#define MAX_TYPES 512
#define MAX_ITEMS 64

static void ask(struct type_db *db, type_id id) {
    struct kvm_err err = {0};
    struct type_info info;
    struct type_member m;
    struct type_enumerator e;
    struct type_field f;
    char text[512];
    type_spell(db, id, text, sizeof(text), &err);
    type_strip(db, id, NULL, NULL, &err);
    int rc = type_info(db, id, &info, &err);
    fuzz_check(rc, &err);
    if (rc) return;
    volatile size_t touch = strlen(info.name); // names end inside the strings
    for (uint64_t i = 0; i < info.count && i < MAX_ITEMS; i++) {
        if (type_member(db, id, i, &m, &err) == 0) {
            touch += strlen(m.name);
            if (m.name[0]) type_field(db, id, m.name, &f, &err);
        }
        if (type_enumerator(db, id, i, &e, &err) == 0) touch += strlen(e.name);
    }
    (void)touch;
}

static void ask_all(struct type_db *db) {
    static const char *const names[] = {"struct proc", "list", "long", "union either",
                                        "enum state"};
    struct kvm_err err;
    type_id id;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        type_find(db, names[i], &id, &err);
    type_variable(db, NULL, "twice", &id, &err);
    type_id last = type_last(db);
    for (id = 1; id <= last && id < MAX_TYPES; id++)
        ask(db, id);
    if (last > MAX_TYPES) ask(db, last);
}

// What is asked of a module's types needs no graph of two sources: its own numbers only.
static void ask_source(struct type_source *s) {
    struct kvm_err err = {0};
    for (uint32_t id = 1; id < MAX_TYPES && s->ops->reach(s, id, &err) == 0; id++) {
        struct type_info info;
        struct type_member m;
        if (s->ops->info(s, id, &info, &err) || info.count == 0) continue;
        bool items =
            info.kind == TYPE_STRUCT || info.kind == TYPE_UNION || info.kind == TYPE_FUNC_PROTO;
        if (items) s->ops->member(s, id, info.count - 1, &m, &err);
    }
}

static void open_path(const char *path) {
    struct type_source *s, *module;
    struct kvm_err err = {0};
    int rc = type_ctf_open(path, NULL, 0, &s, &err);
    fuzz_check(rc, &err);
    if (rc) return;
    if (type_ctf_open(path, s, 3, &module, &err) == 0) {
        ask_source(module);
        module->ops->destroy(module);
    }
    struct type_db *db = c_own(s);
    ask_all(db);
    type_db_destroy(db);
}

// A parent that is sound, for input that wants one.
static void open_module(const char *path) {
    static struct ctf_build b;
    char parent_path[32];
    struct type_source *parent, *s;
    struct kvm_err err = {0};
    for (int version = 2; version <= 3; version++) {
        c_sample(&b, version, false, 8);
        c_finish(&b, false);
        int fd = c_file(b.blob, b.blob_len, parent_path);
        int rc = type_ctf_open(parent_path, NULL, 0, &parent, &err);
        close(fd);
        if (rc) abort();
        if (type_ctf_open(path, parent, 3, &s, &err) == 0) {
            ask_source(s);
            s->ops->destroy(s);
        }
        parent->ops->destroy(parent);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct ctf_build b;
    char path[32];
    int fd = fuzz_file(data, size, path);
    open_path(path);
    open_module(path);
    close(fd);
    if (size > sizeof(b.blob)) return 0;
    memcpy(b.blob, data, size);
    b.blob_len = size;
    b.big = size > 1 && data[0] == 0xcf;
    fd = c_elf(&b, 2, ".SUNW_ctf", c_symbols, C_SYMBOLS, 2, path);
    open_path(path);
    close(fd);
    return 0;
}
