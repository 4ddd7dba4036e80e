// SPDX-License-Identifier: BSD-2-Clause
// Debug files: DWARF of the kernel and of its modules. First the namelist, then by build id below
// /usr/lib/debug (the way of gdb and elfutils), then by the names under which distributions install
// them there (Debian 12, Ubuntu 24.04, Fedora 41, openSUSE 15), then from debuginfod, when the user asked for it.
// Whatever a file is called, it is used only when its build id is that of the kernel or of the module in memory:
// one of another build gives wrong answers that look right. What has no build id in memory has no debug file.
#include "session/files.h"

#include "base/mem.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { DEPTH_MAX = 16, ENTRIES_MAX = 1 << 18 }; // of directories of modules; Debian has 4,000

struct search {
    kvm_t *kd;
    const char *build_id;
    const char *whose; // "the core's kernel", "the module nfs in the core"
    const struct type_section *sections;
    size_t sections_len;
    struct type_source **out;
    struct kvm_err why; // of the first file that was refused
    uint32_t entries;   // of directories that were read
};

// Names from a dump become parts of paths: no way up or aside.
static bool is_plain(const char *name) {
    return name[0] && name[0] != '.' && !strchr(name, '/');
}

static bool is_build_id(const char *id) {
    size_t len = strlen(id);
    return len > 2 && len % 2 == 0 && strspn(id, "0123456789abcdef") == len;
}

// 0: opened. NOTFOUND: it is not there, or refused, which is remembered.
static int try_file(struct search *q, const char *path) {
    if (access(path, F_OK) != 0) return KVM_NOTFOUND;
    struct kvm_err err = {0};
    int rc = session_build_id_check(path, q->build_id, q->whose, &err);
    if (rc == 0) rc = type_dwarf_open_at(path, q->sections, q->sections_len, q->out, &err);
    if (rc && rc != KVM_NOMEM && !q->why.code) q->why = err;
    return rc == 0 || rc == KVM_NOMEM ? rc : KVM_NOTFOUND;
}

// FORMAT has two strings: the directory, and TAIL.
static int try_name(struct search *q, const char *middle, const char *tail, const char *end) {
    char path[PATH_MAX];
    int n = snprintf(path, sizeof(path), "%s%s%s%s", q->kd->debug_dir, middle, tail, end);
    return n > 0 && (size_t)n < sizeof(path) ? try_file(q, path) : KVM_NOTFOUND;
}

static int by_build_id(struct search *q) {
    char middle[] = "/.build-id/xx/";
    memcpy(strstr(middle, "xx"), q->build_id, 2);
    return try_name(q, middle, q->build_id + 2, ".debug");
}

static int by_release(struct search *q) {
    static const struct {
        const char *middle, *end;
    } names[] = {
        {"/boot/vmlinux-", ""},                  // Debian, Ubuntu
        {"/lib/modules/", "/vmlinux"},           // Fedora, Red Hat
        {"/usr/lib/modules/", "/vmlinux"},       // the same without the link from /lib
        {"/usr/lib/modules/", "/vmlinux.debug"}, // openSUSE
        {"/boot/vmlinux-", ".debug"},
    };
    int rc = KVM_NOTFOUND;
    const char *release = q->kd->os.facts.release;
    if (!is_plain(release)) return rc;
    for (size_t i = 0; rc == KVM_NOTFOUND && i < sizeof(names) / sizeof(names[0]); i++)
        rc = try_name(q, names[i].middle, release, names[i].end);
    return rc;
}

static int by_server(struct search *q) {
    char *path = NULL;
    struct kvm_err err = {0};
    if (!q->kd->opt.debuginfod) return KVM_NOTFOUND;
    int rc = session_debuginfod(q->build_id, &path, &err);
    if (rc) {
        if (!q->why.code) q->why = err;
        return rc == KVM_NOMEM ? rc : KVM_NOTFOUND;
    }
    rc = try_file(q, path);
    mem_free(path);
    return rc;
}

// What is told when nothing was found: a file that was refused, or where was looked.
static int not_found(const struct search *q, struct kvm_err *err) {
    if (q->why.code) {
        if (err) *err = q->why;
        return q->why.code;
    }
    return err_set(err, KVM_NOTFOUND, "no debug file with build id %s in %s%s", q->build_id,
                   q->kd->debug_dir, q->kd->opt.debuginfod ? "" : " (debuginfod was not asked)");
}

// --- the kernel
int session_debug_load(void *ctx, struct type_source **out, struct kvm_err *err) {
    kvm_t *kd = ctx;
    bool may = kd->namelist && !kd->only_types;
    int rc = may ? type_dwarf_open(kd->namelist, out, err) : KVM_NOTFOUND;
    if (rc != KVM_NOTFOUND) return rc;
    struct search q = {
        .kd = kd, .build_id = kd->os.facts.build_id, .whose = "the core's kernel", .out = out};
    if (!is_build_id(q.build_id))
        return err_set(err, KVM_NOTFOUND,
                       "the core does not tell its kernel's build id, so that no debug file can be "
                       "checked: name it as the namelist");
    rc = by_build_id(&q);
    if (rc == KVM_NOTFOUND) rc = by_release(&q);
    if (rc == KVM_NOTFOUND) rc = by_server(&q);
    if (rc == 0) err_clear(err);
    if (rc == KVM_NOMEM) return err_nomem(err, "a debug file");
    return rc == KVM_NOTFOUND ? not_found(&q, err) : rc;
}

// --- modules
struct module {
    const char *name; // that is asked for
    bool found;
    struct os_module it;
    struct type_section *sections; // names are ours
    size_t len, cap;
    uint64_t note; // address of .note.gnu.build-id; 0: none
    char build_id[129];
};

static void module_deinit(struct module *m) {
    for (size_t i = 0; i < m->len; i++)
        mem_free((char *)(uintptr_t)m->sections[i].name);
    mem_free(m->sections);
}

enum { STOP = 1 };
static int find_module(void *ctx, const struct os_module *it) {
    struct module *m = ctx;
    if (strcmp(it->name, m->name) != 0) return 0;
    m->it = *it;
    m->found = true;
    return STOP;
}

static int add_section(void *ctx, const char *name, uint64_t addr) {
    struct module *m = ctx;
    if (strcmp(name, ".note.gnu.build-id") == 0) m->note = addr;
    if (!mem_grow(&m->sections, &m->cap, m->len + 1, sizeof(*m->sections))) return KVM_NOMEM;
    m->sections[m->len].name = mem_strdup(name);
    m->sections[m->len].addr = addr;
    if (!m->sections[m->len].name) return KVM_NOMEM;
    m->len++;
    return 0;
}

// The note that the linker has put into the module: the sizes of name and bytes, a type, "GNU".
static int read_build_id(kvm_t *kd, struct module *m, struct kvm_err *err) {
    const struct reader *virt = &kd->os.virt;
    uint32_t head[3];
    uint8_t bytes[(sizeof(m->build_id) - 1) / 2];
    char name[4];
    int rc = 0;
    if (!m->note) return err_set(err, KVM_NOTFOUND, "it has no build id in the core");
    for (uint32_t i = 0; rc == 0 && i < 3; i++)
        rc = reader_u32(virt, m->note + 4 * i, &head[i], err);
    if (rc == 0) rc = reader_read(virt, m->note + sizeof(head), name, sizeof(name), err);
    if (rc) return err_prepend(err, rc, "its build id");
    if (head[0] != sizeof(name) || memcmp(name, "GNU", 4) != 0 || head[2] != 3 || head[1] < 2 ||
        head[1] > sizeof(bytes))
        return err_at(err, KVM_FORMAT, m->note, "its build id is no such note");
    rc = reader_read(virt, m->note + sizeof(head) + sizeof(name), bytes, head[1], err);
    for (uint32_t i = 0; rc == 0 && i < head[1]; i++)
        snprintf(m->build_id + 2 * (size_t)i, 3, "%02x", bytes[i]);
    return rc;
}

static int read_module(kvm_t *kd, struct module *m, struct kvm_err *err) {
    const struct os_ops *ops = kd->os.ops;
    if (!ops->each_section)
        return err_set(err, KVM_UNSUPPORTED, "modules of this kernel are not read");
    int rc = ops->each_module(&kd->os, find_module, m, err);
    if (!m->found)
        return rc ? rc : err_set(err, KVM_NOTFOUND, "no module \"%.100s\" is loaded", m->name);
    rc = ops->each_section(&kd->os, &m->it, add_section, m, err);
    if (rc == KVM_NOMEM) return err_nomem(err, "the sections of a module");
    return rc ? rc : read_build_id(kd, m, err);
}

// "snd-hda-intel.ko.debug" is a file of module snd_hda_intel.
static bool is_file_of(const char *file, const char *module) {
    for (; *module; module++, file++) {
        if (*file != *module && !(*file == '-' && *module == '_')) return false;
    }
    return strcmp(file, ".ko") == 0 || strcmp(file, ".ko.debug") == 0;
}

static int search_dir(struct search *q, const char *dir, const char *module, int depth);

static int search_entry(struct search *q, const char *dir, const struct dirent *e,
                        const char *module, int depth) {
    char path[PATH_MAX];
    if (e->d_name[0] == '.') return KVM_NOTFOUND;
    int n = snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
    if (n <= 0 || (size_t)n >= sizeof(path)) return KVM_NOTFOUND;
    if (is_file_of(e->d_name, module)) return try_file(q, path);
    // Links are not followed: "build" and "source" lead out of the tree.
    return e->d_type == DT_DIR ? search_dir(q, path, module, depth + 1) : KVM_NOTFOUND;
}

// NOLINTNEXTLINE(misc-no-recursion): DEPTH_MAX deep
static int search_dir(struct search *q, const char *dir, const char *module, int depth) {
    DIR *d = depth < DEPTH_MAX ? opendir(dir) : NULL;
    const struct dirent *e;
    int rc = KVM_NOTFOUND;
    while (d && rc == KVM_NOTFOUND && q->entries++ < ENTRIES_MAX && (e = readdir(d)))
        rc = search_entry(q, dir, e, module, depth);
    if (d) closedir(d);
    return rc;
}

static int by_module_name(struct search *q, const char *module) {
    static const char *const trees[] = {"/lib/modules/", "/usr/lib/modules/"};
    const char *release = q->kd->os.facts.release;
    int rc = KVM_NOTFOUND;
    if (!is_plain(release) || !is_plain(module)) return rc;
    for (size_t i = 0; rc == KVM_NOTFOUND && i < sizeof(trees) / sizeof(trees[0]); i++) {
        char path[PATH_MAX];
        int n = snprintf(path, sizeof(path), "%s%s%s", q->kd->debug_dir, trees[i], release);
        if (n > 0 && (size_t)n < sizeof(path)) rc = search_dir(q, path, module, 0);
    }
    return rc;
}

static int open_module(kvm_t *kd, const struct module *m, struct type_source **out,
                       struct kvm_err *err) {
    char whose[sizeof(m->it.name) + 32];
    snprintf(whose, sizeof(whose), "module %s in the core", m->it.name);
    struct search q = {.kd = kd,
                       .build_id = m->build_id,
                       .whose = whose,
                       .sections = m->sections,
                       .sections_len = m->len,
                       .out = out};
    int rc = by_build_id(&q);
    if (rc == KVM_NOTFOUND) rc = by_module_name(&q, m->it.name);
    if (rc == KVM_NOTFOUND) rc = by_server(&q);
    if (rc == KVM_NOMEM) return err_nomem(err, "a debug file");
    return rc == KVM_NOTFOUND ? not_found(&q, err) : rc;
}

int session_module_debug(kvm_t *kd, const char *module, struct type_source **out,
                         struct kvm_err *err) {
    struct module m = {.name = module};
    int rc = read_module(kd, &m, err);
    if (rc == 0) rc = open_module(kd, &m, out, err);
    module_deinit(&m);
    return rc;
}
