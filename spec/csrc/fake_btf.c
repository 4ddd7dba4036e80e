// SPDX-License-Identifier: BSD-2-Clause
// The fake kernel's types as BTF (Linux Documentation/bpf/btf.rst). Members are laid out one behind
// the other in the order of the table, after 16 bytes of something else (but for list_head and
// kuid_t), so no offset is that of a real kernel.
#include "fake_btf.h"

#include "base/mem.h"
#include "btf_build.h"

#include <stdio.h>
#include <stdlib.h>

struct row {
    const char *owner; // a struct; NULL ends the table
    const char *member;
    const char *type; // "u32", "ptr", "struct X", with [N] behind it for an array
    int layout;       // -1: both
};

static const struct row rows[] = {
    {"list_head", "next", "ptr", -1},
    {"list_head", "prev", "ptr", -1},
    {"thread_info", "flags", "u64", -1},
    {"thread_info", "cpu", "u32", FAKE_NEW},
    {"prev_cputime", "utime", "u64", -1},
    {"prev_cputime", "stime", "u64", -1},
    {"sched_entity", "sum_exec_runtime", "u64", -1},
    {"upid", "nr", "u32", -1},
    {"upid", "ns", "ptr", -1},
    {"pid", "level", "u32", -1},
    {"pid", "numbers", "struct upid[1]", FAKE_OLD},
    {"pid", "numbers", "struct upid[0]", FAKE_NEW},
    {"kuid_t", "val", "u32", -1},
    {"task_struct", "thread_info", "struct thread_info", -1},
    {"task_struct", "__state", "u32", FAKE_NEW},
    {"task_struct", "state", "u64", FAKE_OLD},
    {"task_struct", "cpu", "u32", FAKE_OLD},
    {"task_struct", "flags", "u32", -1},
    {"task_struct", "prio", "u32", -1},
    {"task_struct", "static_prio", "u32", -1},
    {"task_struct", "rt_priority", "u32", -1},
    {"task_struct", "policy", "u32", -1},
    {"task_struct", "se", "struct sched_entity", -1},
    {"task_struct", "tasks", "struct list_head", -1},
    {"task_struct", "mm", "ptr", -1},
    {"task_struct", "exit_state", "u32", -1},
    {"task_struct", "pid", "u32", -1},
    {"task_struct", "tgid", "u32", -1},
    {"task_struct", "real_parent", "ptr", -1},
    {"task_struct", "group_leader", "ptr", -1},
    {"task_struct", "thread_node", "struct list_head", -1},
    {"task_struct", "utime", "u64", -1},
    {"task_struct", "stime", "u64", -1},
    {"task_struct", "prev_cputime", "struct prev_cputime", -1},
    {"task_struct", "start_boottime", "u64", -1},
    {"task_struct", "real_cred", "ptr", -1},
    {"task_struct", "comm", "char[16]", -1},
    {"task_struct", "signal", "ptr", -1},
    {"signal_struct", "nr_threads", "u32", -1},
    {"signal_struct", "thread_head", "struct list_head", -1},
    {"signal_struct", "pids", "ptr[4]", -1},
    {"signal_struct", "tty", "ptr", -1},
    {"signal_struct", "utime", "u64", -1},
    {"signal_struct", "stime", "u64", -1},
    {"signal_struct", "prev_cputime", "struct prev_cputime", -1},
    {"signal_struct", "sum_sched_runtime", "u64", -1},
    {"cred", "uid", "struct kuid_t", -1},
    {"cred", "gid", "struct kuid_t", -1},
    {"cred", "suid", "struct kuid_t", -1},
    {"cred", "sgid", "struct kuid_t", -1},
    {"cred", "euid", "struct kuid_t", -1},
    {"cred", "egid", "struct kuid_t", -1},
    {"tty_driver", "major", "u32", -1},
    {"tty_driver", "minor_start", "u32", -1},
    {"tty_struct", "driver", "ptr", -1},
    {"tty_struct", "index", "u32", -1},
    {"tty_struct", "name", "char[64]", -1},
    {"percpu_counter", "count", "u64", -1},
    {"percpu_counter", "counters", "ptr", -1},
    {"mm_rss_stat", "count", "u64[4]", -1},
    {"mm_struct", "pgd", "ptr", -1},
    {"mm_struct", "total_vm", "u64", -1},
    {"mm_struct", "arg_start", "u64", -1},
    {"mm_struct", "arg_end", "u64", -1},
    {"mm_struct", "env_start", "u64", -1},
    {"mm_struct", "env_end", "u64", -1},
    {"mm_struct", "rss_stat", "struct mm_rss_stat", FAKE_OLD},
    {"mm_struct", "rss_stat", "struct percpu_counter[4]", FAKE_NEW},
    {"mod_kallsyms", "symtab", "ptr", -1},
    {"mod_kallsyms", "num_symtab", "u32", -1},
    {"mod_kallsyms", "strtab", "ptr", -1},
    {"mod_kallsyms", "typetab", "ptr", -1},
    {"module_layout", "base", "ptr", -1},
    {"module_layout", "size", "u32", -1},
    {"module_memory", "base", "ptr", -1},
    {"module_memory", "size", "u32", -1},
    {"module", "state", "u32", -1},
    {"module", "list", "struct list_head", -1},
    {"module", "name", "char[56]", -1},
    {"module", "core_layout", "struct module_layout", FAKE_OLD},
    {"module", "init_layout", "struct module_layout", FAKE_OLD},
    {"module", "mem", "struct module_memory[7]", FAKE_NEW},
    {"module", "kallsyms", "ptr", -1},
    {"btf_module", "list", "struct list_head", FAKE_NEW},
    {"btf_module", "module", "ptr", FAKE_NEW},
    {"btf_module", "btf", "ptr", FAKE_NEW},
    {"btf", "data", "ptr", FAKE_NEW},
    {"btf", "data_size", "u32", FAKE_NEW},
    {"btf", "base_btf", "ptr", FAKE_NEW},
    {"btf", "start_id", "u32", FAKE_NEW},
    {"btf", "start_str_off", "u32", FAKE_NEW},
    {"path", "mnt", "ptr", -1},
    {"path", "dentry", "ptr", -1},
    {"qstr", "len", "u32", -1},
    {"qstr", "name", "ptr", -1},
    {"dentry", "d_parent", "ptr", -1},
    {"dentry", "d_name", "struct qstr", -1},
    {"vfsmount", "mnt_root", "ptr", -1},
    {"mount", "mnt_parent", "ptr", -1},
    {"mount", "mnt_mountpoint", "ptr", -1},
    {"mount", "mnt", "struct vfsmount", -1},
    {"file", "f_path", "struct path", -1},
    {"swap_info_struct", "flags", "u64", -1},
    {"swap_info_struct", "pages", "u32", -1},
    {"swap_info_struct", "inuse_pages", "u32", FAKE_OLD},
    {"swap_info_struct", "inuse_pages", "u64", FAKE_NEW},
    {"swap_info_struct", "swap_file", "ptr", -1},
    {NULL, NULL, NULL, 0},
};

struct named {
    const char *name;
    uint32_t id, size;
};

struct builder {
    struct btf_build btf;
    struct named known[64];
    size_t knowns;
};

static void know(struct builder *b, const char *name, uint32_t id, uint32_t size) {
    b->known[b->knowns++] = (struct named){name, id, size};
}

static struct named basic(const struct builder *b, const char *name, size_t len) {
    for (size_t i = 0; i < b->knowns; i++) {
        if (strlen(b->known[i].name) == len && strncmp(b->known[i].name, name, len) == 0)
            return b->known[i];
    }
    fprintf(stderr, "fake_btf: no type %s\n", name);
    exit(1);
}

// The type of a row, made where it is an array.
static struct named type_of(struct builder *b, const char *spelling) {
    const char *name = strncmp(spelling, "struct ", 7) == 0 ? spelling + 7 : spelling;
    const char *bracket = strchr(name, '[');
    struct named t = basic(b, name, bracket ? (size_t)(bracket - name) : strlen(name));
    if (!bracket) return t;
    uint32_t n = (uint32_t)strtoul(bracket + 1, NULL, 10);
    return (struct named){name, b_array(&b->btf, t.id, n), t.size * n};
}

static bool applies(const struct row *r, const char *owner, enum fake_layout layout) {
    return strcmp(r->owner, owner) == 0 && (r->layout == -1 || r->layout == (int)layout);
}

static void record(struct builder *b, const struct row *first, enum fake_layout layout) {
    struct named type[64] = {{0}};
    // These two are as every kernel has them.
    bool bare = strcmp(first->owner, "list_head") == 0 || strcmp(first->owner, "kuid_t") == 0;
    uint32_t count = 0, offset = bare ? 0 : 16;
    for (const struct row *r = first; r->owner && strcmp(r->owner, first->owner) == 0; r++) {
        if (applies(r, first->owner, layout)) type[count++] = type_of(b, r->type);
    }
    size_t size_at = b->btf.types_len + 8;
    uint32_t id = b_type(&b->btf, first->owner, B_STRUCT, count, 0), i = 0;
    for (const struct row *r = first; r->owner && strcmp(r->owner, first->owner) == 0; r++) {
        if (!applies(r, first->owner, layout)) continue;
        b_member(&b->btf, r->member, type[i].id, offset * 8);
        offset += bare ? type[i].size : (type[i].size + 7) / 8 * 8;
        i++;
    }
    bytes_put_u32(b->btf.types + size_at, offset, false);
    know(b, first->owner, id, offset);
}

static void pid_types(struct btf_build *b) {
    static const char *const names[] = {"PIDTYPE_PID", "PIDTYPE_TGID", "PIDTYPE_PGID",
                                        "PIDTYPE_SID"};
    b_type(b, "pid_type", B_ENUM, 4, 4);
    for (uint32_t i = 0; i < 4; i++)
        b_pair(b, names[i], i);
}

uint8_t *fake_btf(enum fake_layout layout, size_t *len) {
    struct builder *b = mem_zalloc(sizeof(*b));
    struct btf_build *t = &b->btf;
    b_init(t, false);
    know(b, "u32", b_int(t, "u32", 4, 0, 32), 4); // number 1, the index type of arrays
    know(b, "char", b_int(t, "char", 1, 0, 8), 1);
    know(b, "u64", b_int(t, "long unsigned int", 8, 0, 64), 8); // whose size is that of pointers
    know(b, "ptr", b_type(t, "", B_PTR, 0, 0), 8);
    pid_types(t);
    for (const struct row *r = rows; r->owner; r++) {
        if (r == rows || strcmp(r[-1].owner, r->owner) != 0) record(b, r, layout);
    }
    b_finish(t, B_HEADER);
    *len = t->blob_len;
    uint8_t *out = mem_dup(t->blob, t->blob_len);
    mem_free(b);
    return out;
}
