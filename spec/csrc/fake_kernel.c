// SPDX-License-Identifier: BSD-2-Clause
// The fake kernel (fake_kernel.h). Page tables: physical 0 is mapped at FAKE_DIRECT by a page of 1
// GB and at FAKE_TEXT by one of 2 MB, under four levels or under five.
#include "fake_kernel.h"

#include "base/mem.h"
#include "fake_btf.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    PML4 = 0x1000,
    PDPT_DIRECT = 0x2000,
    PDPT_KERNEL = 0x3000,
    PD_KERNEL = 0x4000,
    PML5 = 0x5000,
    FREE = 0x10000
};
enum { PRESENT = 1, WRITABLE = 2, LARGE = 0x80 };

static void put_phys(struct fake_kernel *k, uint64_t pa, uint64_t v) {
    bytes_put_u64(k->mem + pa, v, false);
}

static void page_tables(struct fake_kernel *k) {
    put_phys(k, PML4 + 8 * 273, PDPT_DIRECT | PRESENT | WRITABLE);
    put_phys(k, PML4 + 8 * 511, PDPT_KERNEL | PRESENT | WRITABLE);
    put_phys(k, PDPT_DIRECT, 0 | PRESENT | WRITABLE | LARGE);
    put_phys(k, PDPT_KERNEL + 8 * 510, PD_KERNEL | PRESENT | WRITABLE);
    put_phys(k, PD_KERNEL + 8 * 8, 0 | PRESENT | LARGE);
    put_phys(k, PML5 + 8 * 511, PML4 | PRESENT | WRITABLE);
}

static int read_phys(void *ctx, uint64_t pa, void *buf, size_t len, struct kvm_err *err) {
    struct fake_kernel *k = ctx;
    for (int i = 0; i < k->holes; i++) {
        if (pa < k->hole[i].end && pa + len > k->hole[i].start)
            return err_at(err, KVM_EXCLUDED, pa, "0x%llx is not in the dump",
                          (unsigned long long)pa);
    }
    if (!mem_inside(pa, len, FAKE_BYTES))
        return err_at(err, KVM_FAULT, pa, "no memory at 0x%llx", (unsigned long long)pa);
    memcpy(buf, k->mem + pa, len);
    return 0;
}

static int read_virt(void *ctx, uint64_t va, void *buf, size_t len, struct kvm_err *err) {
    struct fake_kernel *k = ctx;
    struct mmu_page page;
    int rc = mmu_walk(&k->os.mmu, k->os.mmu.root, va, &page, err);
    if (rc == 0) rc = read_phys(k, page.pa, buf, len, err);
    if (rc && err) err->addr = va;
    return rc;
}

static int read_space(void *ctx, uint64_t root, uint64_t addr, void *buf, size_t len, size_t *done,
                      struct kvm_err *err) {
    struct fake_kernel *k = ctx;
    for (*done = 0; *done < len; ++*done) {
        uint64_t off = addr + *done - FAKE_USER;
        if (root != k->user_root || off >= FAKE_USER_BYTES)
            return err_at(err, KVM_FAULT, addr + *done, "not mapped");
        if (k->user_hole[off / 4096])
            return err_at(err, KVM_EXCLUDED, addr + *done, "not in the dump");
        ((uint8_t *)buf)[*done] = k->user[off];
    }
    return 0;
}

struct source {
    struct symbol_source base;
    struct fake_kernel *k;
};

static int load(struct symbol_source *s, struct kvm_err *err) {
    (void)s;
    (void)err;
    return 0;
}

static bool find_name(struct symbol_source *s, const char *name, struct symbol *out) {
    const struct fake_kernel *k = ((struct source *)s)->k;
    for (int i = 0; i < k->symbols; i++) {
        if (strcmp(k->symbol[i].name, name) != 0) continue;
        *out = (struct symbol){.name = k->symbol[i].name, .addr = k->symbol[i].addr, .kind = 'D'};
        return true;
    }
    return false;
}

static bool find_addr(struct symbol_source *s, uint64_t addr, struct symbol *out) {
    (void)s;
    (void)addr;
    (void)out;
    return false;
}

static int each(struct symbol_source *s, symbol_visit *fn, void *ctx) {
    (void)s;
    (void)fn;
    (void)ctx;
    return 0;
}

static void destroy(struct symbol_source *s) {
    mem_free(s);
}

static const struct symbol_source_ops ops = {"fake", load, find_name, find_addr, each, destroy};

static int load_types(void *ctx, struct type_source **out, struct kvm_err *err) {
    return os_linux.load_types(ctx, out, err);
}

struct fake_kernel *fake_create_image(enum fake_layout layout) {
    struct fake_kernel *k = mem_zalloc(sizeof(*k));
    k->layout = layout;
    k->next = FREE;
    page_tables(k);
    struct vmcoreinfo *v = &k->image.facts.notes.vmcoreinfo;
    snprintf(
        k->info, sizeof(k->info),
        "OSRELEASE=9.9.9-fake\nBUILD-ID=00112233445566778899aabbccddeeff00112233\nPAGESIZE=4096\n"
        "SYMBOL(init_uts_ns)=ffffffff81006000\nOFFSET(uts_namespace.name)=4\n"
        "SYMBOL(swapper_pg_dir)=ffffffff81001000\nSYMBOL(_stext)=ffffffff81000000\n"
        "NUMBER(phys_base)=-16777216\nNUMBER(pgtable_l5_enabled)=0\nKERNELOFFSET=1a000000\n"
        "NUMBER(KERNEL_IMAGE_SIZE)=1073741824\nNUMBER(sme_mask)=0\nCRASHTIME=1700000000\n");
    *v = (struct vmcoreinfo){k->info, strlen(k->info)};
    memcpy(k->mem + 0x6000 + 4, "Linux", 6);
    memcpy(k->mem + 0x6000 + 4 + 130, "9.9.9-fake", 11);
    k->image.facts.machine = 62;
    k->image.facts.elf_class = 2;
    k->image.facts.phys_end = FAKE_BYTES;
    k->os.ops = &os_linux;
    k->os.image = &k->image;
    k->os.ctx = k;
    k->os.read_space = read_space;
    k->os.mmu.phys = (struct reader){k, read_phys, false, 8};
    k->os.virt = (struct reader){k, read_virt, false, 8};
    k->os.symbols = symtab_create();
    k->os.types = type_db_create(load_types, &k->os);
    return k;
}

static void put_btf(struct fake_kernel *k) {
    size_t len;
    uint8_t *btf = fake_btf(k->layout, &len);
    uint64_t at = fake_alloc(k, len);
    memcpy(k->mem + (at - FAKE_DIRECT), btf, len);
    mem_free(btf);
    fake_symbol(k, "__start_BTF", at);
    fake_symbol(k, "__stop_BTF", at + len);
}

static void list_init(struct fake_kernel *k, uint64_t head) {
    fake_put(k, head, head, 8);
    fake_put(k, head + 8, head, 8);
}

struct fake_kernel *fake_create(enum fake_layout layout) {
    struct fake_kernel *k = fake_create_image(layout);
    struct kvm_err err = {0};
    struct source *s = mem_zalloc(sizeof(*s));
    *s = (struct source){.base = {.ops = &ops}, .k = k};
    if (k->os.ops->locate(&k->os, &err) || symtab_add(k->os.symbols, &s->base, &err)) {
        fprintf(stderr, "fake_create: %s\n", err.text);
        exit(1);
    }
    put_btf(k);
    k->init_task = fake_alloc(k, 1024);
    list_init(k, k->init_task + fake_off(k, "struct task_struct", "tasks"));
    fake_puts(k, k->init_task + fake_off(k, "struct task_struct", "comm"), "swapper/0");
    fake_symbol(k, "init_task", k->init_task);
    k->modules = fake_alloc(k, 16);
    list_init(k, k->modules);
    fake_symbol(k, "modules", k->modules);
    return k;
}

void fake_destroy(struct fake_kernel *k) {
    type_db_destroy(k->os.types);
    symtab_destroy(k->os.symbols);
    os_linux.destroy(&k->os);
    mem_free(k);
}

uint64_t fake_alloc(struct fake_kernel *k, size_t size) {
    uint64_t at = k->next;
    k->next += (size + 63) / 64 * 64;
    if (k->next > FAKE_BYTES) {
        fprintf(stderr, "fake_alloc: out of memory\n");
        exit(1);
    }
    return FAKE_DIRECT + at;
}

void fake_put(struct fake_kernel *k, uint64_t va, uint64_t value, size_t size) {
    uint8_t b[8];
    bytes_put_u64(b, value, false);
    memcpy(k->mem + (va - FAKE_DIRECT), b, size);
}

uint64_t fake_get(struct fake_kernel *k, uint64_t va, size_t size) {
    uint8_t b[8] = {0};
    memcpy(b, k->mem + (va - FAKE_DIRECT), size);
    return bytes_u64(b, false);
}

void fake_puts(struct fake_kernel *k, uint64_t va, const char *s) {
    memcpy(k->mem + (va - FAKE_DIRECT), s, strlen(s));
}

void fake_hole(struct fake_kernel *k, uint64_t va, size_t size) {
    uint64_t pa = va - FAKE_DIRECT;
    k->hole[k->holes].start = pa;
    k->hole[k->holes++].end = pa + size;
}

void fake_symbol(struct fake_kernel *k, const char *name, uint64_t va) {
    k->symbol[k->symbols].name = name;
    k->symbol[k->symbols++].addr = va;
}

void fake_list_add(struct fake_kernel *k, uint64_t node, uint64_t head) {
    uint64_t last = fake_get(k, head + 8, 8);
    fake_put(k, node, head, 8);
    fake_put(k, node + 8, last, 8);
    fake_put(k, last, node, 8);
    fake_put(k, head + 8, node, 8);
}

uint64_t fake_off(struct fake_kernel *k, const char *type, const char *path) {
    uint64_t off;
    struct kvm_err err = {0};
    if (type_offset(k->os.types, type, path, &off, NULL, &err) == 0) return off;
    fprintf(stderr, "fake_off: %s\n", err.text);
    exit(1);
}

void fake_set(struct fake_kernel *k, uint64_t base, const char *type, const char *path,
              uint64_t value) {
    uint64_t size;
    struct kvm_err err = {0};
    uint64_t off = fake_off(k, type, path);
    type_offset(k->os.types, type, path, NULL, &size, &err);
    fake_put(k, base + off, value, (size_t)size);
}

static uint64_t make_task(struct fake_kernel *k, int tid, const char *comm, uint64_t signal,
                          uint64_t leader) {
    uint64_t task = fake_alloc(k, 1024);
    const char *type = "struct task_struct";
    fake_set(k, task, type, "pid", (uint64_t)tid);
    fake_set(k, task, type, "static_prio", 120);
    fake_set(k, task, type, "prio", 120);
    fake_set(k, task, type, "signal", signal);
    fake_set(k, task, type, "group_leader", leader ? leader : task);
    fake_puts(k, task + fake_off(k, type, "comm"), comm);
    fake_list_add(k, task + fake_off(k, type, "thread_node"),
                  signal + fake_off(k, "struct signal_struct", "thread_head"));
    return task;
}

static uint64_t make_pid(struct fake_kernel *k, int nr) {
    uint64_t pid = fake_alloc(k, 128);
    fake_set(k, pid, "struct pid", "numbers[0].nr", (uint64_t)nr);
    return pid;
}

uint64_t fake_process(struct fake_kernel *k, int pid, const char *comm, uint64_t parent) {
    const char *type = "struct task_struct";
    uint64_t signal = fake_alloc(k, 512), cred = fake_alloc(k, 128);
    list_init(k, signal + fake_off(k, "struct signal_struct", "thread_head"));
    uint64_t task = make_task(k, pid, comm, signal, 0);
    fake_set(k, task, type, "tgid", (uint64_t)pid);
    fake_set(k, task, type, "real_parent", parent ? parent : task);
    fake_set(k, task, type, "real_cred", cred);
    fake_set(k, signal, "struct signal_struct", "nr_threads", 1);
    fake_set(k, signal, "struct signal_struct", "pids[2]", make_pid(k, pid));
    fake_set(k, signal, "struct signal_struct", "pids[3]", make_pid(k, pid));
    uint64_t off = fake_off(k, type, "tasks");
    fake_list_add(k, task + off, k->init_task + off);
    return task;
}

uint64_t fake_thread(struct fake_kernel *k, uint64_t leader, int tid, const char *comm) {
    const char *type = "struct task_struct";
    uint64_t signal = fake_get(k, leader + fake_off(k, type, "signal"), 8);
    uint64_t count = signal + fake_off(k, "struct signal_struct", "nr_threads");
    uint64_t task = make_task(k, tid, comm, signal, leader);
    static const char *const same[] = {"tgid", "real_parent", "real_cred"};
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        uint64_t off = fake_off(k, type, same[i]);
        fake_put(k, task + off, fake_get(k, leader + off, 8), 8);
    }
    fake_put(k, count, fake_get(k, count, 4) + 1, 4);
    return task;
}

uint64_t fake_mm(struct fake_kernel *k, uint64_t task) {
    uint64_t mm = fake_alloc(k, 512), pgd = fake_alloc(k, 64);
    k->user_root = pgd - FAKE_DIRECT;
    fake_set(k, mm, "struct mm_struct", "pgd", pgd);
    fake_set(k, task, "struct task_struct", "mm", mm);
    return mm;
}
