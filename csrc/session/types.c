// SPDX-License-Identifier: BSD-2-Clause
// Where the types of a session come from: those of the kernel and of its modules out of the core, else the
// namelist's BTF, CTF or DWARF; what only debug files tell out of those (debug_file.c). Nothing is read
// before a type is asked for; modules are listed, once, by the first name that the kernel's types do not have.
#include "session/files.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

struct session_modules {
    struct os_module *list;
    size_t len, cap;
    bool listed;
    int rc; // of listing them, behind those that were found
    struct kvm_err why;
};

void session_types_destroy(kvm_t *kd) {
    type_db_destroy(kd->os.types);
    if (kd->modules) mem_free(kd->modules->list);
    mem_free(kd->modules);
    kd->os.types = NULL;
    kd->modules = NULL;
}

// The types of a namelist, by what it may hold. What is there but not read does not keep the next one from being
// looked for, and is told where there is none.
static int load_namelist(const char *path, struct type_source **out, struct kvm_err *err) {
    struct kvm_err unread = {0}, why = {0};
    int rc = KVM_NOTFOUND;
    for (int i = 0; i < 3 && (rc == KVM_NOTFOUND || rc == KVM_UNSUPPORTED); i++) {
        err_clear(&why);
        rc = i == 0   ? type_elf_btf_open(path, out, &why)
             : i == 1 ? type_ctf_open(path, NULL, 0, out, &why)
                      : type_dwarf_open(path, out, &why);
        if (rc == KVM_UNSUPPORTED && !unread.code) unread = why;
    }
    if (rc && rc != KVM_NOMEM && unread.code) why = unread;
    if (rc && err) *err = why;
    return rc ? why.code : 0;
}

static int load_kernel(void *ctx, struct type_source **out, struct kvm_err *err) {
    kvm_t *kd = ctx;
    int rc = kd->os.ops->load_types(&kd->os, out, err);
    return rc != KVM_NOTFOUND || !kd->namelist ? rc : load_namelist(kd->namelist, out, err);
}

// --- modules
static int add_module(void *ctx, const struct os_module *m) {
    struct session_modules *s = ctx;
    if (!mem_grow(&s->list, &s->cap, s->len + 1, sizeof(*s->list)))
        return err_nomem(&s->why, "the list of modules");
    s->list[s->len++] = *m;
    return 0;
}

// A list that can't be read to its end gives those that were met, then its error.
static void list_modules(kvm_t *kd) {
    struct session_modules *s = kd->modules;
    s->len = 0;
    s->rc = kd->image->facts.no_memory ? 0 // a namelist alone: nothing is loaded
                                       : kd->os.ops->each_module(&kd->os, add_module, s, &s->why);
    s->listed = s->rc != KVM_NOMEM; // memory may be there the next time
}

static int module_name(void *ctx, size_t i, const char **out, struct kvm_err *err) {
    kvm_t *kd = ctx;
    struct session_modules *s = kd->modules;
    if (!s->listed) list_modules(kd);
    if (s->rc != KVM_NOMEM && i < s->len) {
        *out = s->list[i].name;
        return 0;
    }
    if (s->rc == 0) return err_set(err, KVM_NOTFOUND, "no more modules");
    if (err) *err = s->why;
    return s->rc;
}

static int load_module(void *ctx, size_t i, struct type_source *base, uint32_t number,
                       struct type_source **out, struct kvm_err *err) {
    kvm_t *kd = ctx;
    const struct os_ops *ops = kd->os.ops;
    if (!ops->load_module_types) return err_set(err, KVM_NOTFOUND, "modules have no types here");
    return ops->load_module_types(&kd->os, &kd->modules->list[i], base, number, out, err);
}

static int load_module_debug(void *ctx, size_t i, struct type_source **out, struct kvm_err *err) {
    kvm_t *kd = ctx;
    return session_module_debug(kd, kd->modules->list[i].name, out, err);
}

static const struct type_modules modules_of_core = {
    .name = module_name, .load = load_module, .debug = load_module_debug};

int session_types_create(kvm_t *kd, struct kvm_err *err) {
    kd->os.types = type_db_create(load_kernel, kd);
    kd->modules = mem_zalloc(sizeof(*kd->modules));
    if (!kd->os.types || !kd->modules) return err_nomem(err, "types");
    type_db_set_modules(kd->os.types, &modules_of_core, kd);
    type_db_set_debug(kd->os.types, session_debug_load, kd);
    return 0;
}

// --- a directory of BTF
static int file_of(const char *dir, const char *name, char *buf, size_t size, struct kvm_err *err) {
    int n = snprintf(buf, size, "%s/%s", dir, name);
    bool good = name[0] && name[0] != '.' && !strchr(name, '/');
    if (good && n > 0 && (size_t)n < size) return 0;
    return err_set(err, KVM_INVAL, "no file of BTF in %s: \"%.100s\"", dir, name);
}

int session_btf_dir_kernel(const char *dir, struct type_source **out, struct kvm_err *err) {
    char path[512];
    int rc = file_of(dir, "vmlinux", path, sizeof(path), err);
    return rc ? rc : type_elf_btf_open(path, out, err);
}

int session_btf_dir_module(const char *dir, const char *name, struct type_source *kernel,
                           uint32_t number, struct type_source **out, struct kvm_err *err) {
    char path[512];
    int rc = file_of(dir, name, path, sizeof(path), err);
    return rc ? rc : type_elf_btf_open_split(path, kernel, number, out, err);
}
