// SPDX-License-Identifier: BSD-2-Clause
// Linux without its tasks: recognising and locating it, types, modules, swap, load average, CPUs.
#include "fake_kernel.h"
#include "tap.h"

#include "base/mem.h"

#include <stdlib.h>

static char *line_of(struct fake_kernel *k, const char *key) {
    return strstr(k->info, key);
}

// Takes the line that starts with KEY out of VMCOREINFO.
static void drop(struct fake_kernel *k, const char *key) {
    char *at = line_of(k, key), *end = strchr(at, '\n') + 1;
    memmove(at, end, strlen(end) + 1);
    k->image.facts.notes.vmcoreinfo.len = strlen(k->info);
}

static void add_line(struct fake_kernel *k, const char *line) {
    size_t used = strlen(k->info);
    snprintf(k->info + used, sizeof(k->info) - used, "%s", line);
    k->image.facts.notes.vmcoreinfo.len = strlen(k->info);
}

static void replace(struct fake_kernel *k, const char *key, const char *line) {
    drop(k, key);
    add_line(k, line);
}

static void test_find(void) {
    struct fake_kernel *k = fake_create_image(FAKE_NEW);
    const struct os_ops *ops = NULL;
    struct kvm_err err = {0};
    is_int(os_find(&k->image, &ops, &err), 0, "a VMCOREINFO note with OSRELEASE is Linux");
    is_str(ops ? ops->name : NULL, "linux", "its name");
    drop(k, "OSRELEASE");
    is_int(os_find(&k->image, &ops, &err), KVM_UNSUPPORTED, "a note without OSRELEASE is not");
    has_text(err.text, "no OSRELEASE line", "what is missing is named");
    k->image.facts.notes.vmcoreinfo = (struct vmcoreinfo){NULL, 0};
    is_int(os_find(&k->image, &ops, &err), KVM_UNSUPPORTED, "no note is no kernel");
    has_text(err.text, "no VMCOREINFO note", "the note is named");
    fake_destroy(k);
}

static void test_locate(void) {
    struct fake_kernel *k = fake_create_image(FAKE_NEW);
    struct kvm_err err = {0};
    const struct os_facts *f = &k->os.facts;
    is_int(os_linux.locate(&k->os, &err), 0, "locate");
    is_str(f->release, "9.9.9-fake", "release");
    is_str(f->machine, "x86_64", "machine");
    is_str(f->build_id, "00112233445566778899aabbccddeeff00112233", "build id");
    is_int(f->page_size, 4096, "page size");
    is_int((int64_t)f->kaslr_off, 0x1a000000, "KERNELOFFSET is hexadecimal");
    is_int(f->phys_base, -16777216, "phys_base is decimal and negative");
    is_int(f->crash_time, 1700000000, "crash time");
    is_int((int64_t)k->os.mmu.root, 0x1000, "page table root");
    is_int(k->os.mmu.levels, 4, "levels");
    is_int((int64_t)f->kernel_start, (int64_t)UINT64_C(0xffff800000000000), "upper half");
    uint64_t v = 0;
    is_int(reader_u64(&k->os.virt, FAKE_TEXT + 0x1000 + 8 * 511, &v, &err), 0,
           "memory is readable");
    is_int((int64_t)v, 0x3003, "and the right one");
    fake_destroy(k);
}

static void test_levels(void) {
    struct fake_kernel *k = fake_create_image(FAKE_NEW);
    struct kvm_err err = {0};
    replace(k, "NUMBER(pgtable_l5_enabled)", "NUMBER(pgtable_l5_enabled)=1\n");
    replace(k, "SYMBOL(swapper_pg_dir)", "SYMBOL(swapper_pg_dir)=ffffffff81005000\n");
    replace(k, "NUMBER(sme_mask)", "NUMBER(sme_mask)=140737488355328\n"); // bit 47
    bytes_put_u64(k->mem + 0x5000 + 8 * 511, 0x800000001003, false);
    is_int(os_linux.locate(&k->os, &err), 0, "five levels, one entry with the encryption bit");
    is_int(k->os.mmu.levels, 5, "levels");
    is_int((int64_t)k->os.facts.kernel_start, (int64_t)UINT64_C(0xff00000000000000), "upper half");
    fake_destroy(k);
}

static void locate_fails(const char *key, const char *line, int code, const char *text) {
    struct fake_kernel *k = fake_create_image(FAKE_NEW);
    struct kvm_err err = {0};
    if (line)
        replace(k, key, line);
    else
        drop(k, key);
    ok(os_linux.locate(&k->os, &err) == code, "%s %s: %s", key, line ? "is wrong" : "is missing",
       err_code_name(code));
    has_text(err.text, text, text);
    fake_destroy(k);
}

static void test_locate_wrong(void) {
    static const char *const needed[] = {"PAGESIZE", "SYMBOL(swapper_pg_dir)", "SYMBOL(_stext)",
                                         "NUMBER(phys_base)"};
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
        locate_fails(needed[i], NULL, KVM_UNSUPPORTED, needed[i]);
    locate_fails("PAGESIZE", "PAGESIZE=0\n", KVM_FORMAT, "PAGESIZE 0");
    locate_fails("PAGESIZE", "PAGESIZE=12288\n", KVM_FORMAT, "PAGESIZE 12288");
    locate_fails("NUMBER(phys_base)", "NUMBER(phys_base)=-16777215\n", KVM_FORMAT, "phys_base");
    locate_fails("NUMBER(phys_base)", "NUMBER(phys_base)=-16773120\n", KVM_FORMAT, "text");
    locate_fails("SYMBOL(swapper_pg_dir)", "SYMBOL(swapper_pg_dir)=1000\n", KVM_FORMAT,
                 "swapper_pg_dir");
    locate_fails("SYMBOL(swapper_pg_dir)", "SYMBOL(swapper_pg_dir)=ffffffff81200000\n", KVM_FORMAT,
                 "page tables at 0x200000");
    locate_fails("SYMBOL(_stext)", "SYMBOL(_stext)=ffffffff81400000\n", KVM_FORMAT,
                 "do not map the kernel's text");
    locate_fails("OSRELEASE", "OSRELEASE=9.9.9-other\n", KVM_FORMAT, "9.9.9-other");
    locate_fails("OSRELEASE", "OSRELEASE=9.9.9-fak\n", KVM_FORMAT, "is not");
}

static void test_locate_image(void) {
    struct kvm_err err = {0};
    struct fake_kernel *k = fake_create_image(FAKE_NEW);
    bytes_put_u64(k->mem + 0x4000 + 8 * 8, 0x200081, false);
    is_int(os_linux.locate(&k->os, &err), KVM_FORMAT, "text mapped elsewhere");
    has_text(err.text, "phys_base says 0x0", "both addresses are told");
    fake_destroy(k);

    k = fake_create_image(FAKE_NEW);
    fake_hole(k, FAKE_DIRECT, 0x8000);
    is_int(os_linux.locate(&k->os, &err), 0, "page tables that were cut off contradict nothing");
    fake_destroy(k);

    k = fake_create_image(FAKE_NEW);
    k->image.facts.incomplete = true;
    bytes_put_u64(k->mem + 0x1000 + 8 * 511, FAKE_BYTES | 1, false);
    is_int(os_linux.locate(&k->os, &err), 0, "nor do those that an incomplete dump lacks");
    fake_destroy(k);

    k = fake_create_image(FAKE_NEW);
    drop(k, "OFFSET(uts_namespace.name)");
    is_int(os_linux.locate(&k->os, &err), 0, "5.10 does not say where the release is");
    fake_destroy(k);

    k = fake_create_image(FAKE_NEW);
    k->image.facts.machine = 0;
    is_int(os_linux.locate(&k->os, &err), KVM_UNSUPPORTED, "no machine");
    has_text(err.text, "does not say what machine", "text");
    os_linux.destroy(&k->os);
    k->image.facts.machine = 243;
    is_int(os_linux.locate(&k->os, &err), KVM_UNSUPPORTED, "another machine");
    has_text(err.text, "ELF number 243, class 2", "text");
    fake_destroy(k);
}

static void test_direct_map(void) {
    struct fake_kernel *k = fake_create(FAKE_NEW);
    uint64_t start = 0, end = 0, var = fake_alloc(k, 8);
    is_int(os_linux.direct_map(&k->os, &start, &end), KVM_NOTFOUND, "no page_offset_base");
    fake_symbol(k, "page_offset_base", var);
    is_int(os_linux.direct_map(&k->os, &start, &end), KVM_NOTFOUND, "a page_offset_base of 0");
    fake_put(k, var, FAKE_DIRECT, 8);
    is_int(os_linux.direct_map(&k->os, &start, &end), 0, "page_offset_base");
    is_int((int64_t)start, (int64_t)FAKE_DIRECT, "start");
    is_int((int64_t)(end - start), FAKE_BYTES, "size");
    fake_destroy(k);
}

static void set_symbol(struct fake_kernel *k, const char *name, uint64_t addr) {
    for (int i = 0; i < k->symbols; i++) {
        if (strcmp(k->symbol[i].name, name) == 0) k->symbol[i].addr = addr;
    }
}

static int refused_modules(void *ctx, const struct os_module *m) {
    (void)ctx;
    (void)m;
    return 0;
}

static void test_types(void) {
    struct kvm_err err = {0};
    struct type_source *s = NULL;
    struct fake_kernel *k = fake_create(FAKE_NEW);
    is_int(os_linux.load_types(&k->os, &s, &err), 0, "BTF between its two symbols");
    is_str(s ? s->ops->name : NULL, "BTF", "name");
    if (s) s->ops->destroy(s);
    set_symbol(k, "__stop_BTF", FAKE_DIRECT);
    is_int(os_linux.load_types(&k->os, &s, &err), KVM_FORMAT, "it ends before it begins");
    set_symbol(k, "__stop_BTF", ~UINT64_C(0));
    is_int(os_linux.load_types(&k->os, &s, &err), KVM_FORMAT, "it is absurdly long");
    set_symbol(k, "__start_BTF", FAKE_DIRECT + FAKE_BYTES);
    set_symbol(k, "__stop_BTF", FAKE_DIRECT + FAKE_BYTES + 4096);
    is_int(os_linux.load_types(&k->os, &s, &err), KVM_FAULT, "it lies behind memory");
    fake_destroy(k);

    // Without the symbols the modules' source is reached, which needs types: no endless circle.
    k = fake_create(FAKE_NEW);
    type_db_destroy(k->os.types);
    k->os.types = NULL;
    k->symbols = 0;
    is_int(os_linux.add_symbols(&k->os, &err), 0, "symbol sources");
    is_int(os_linux.load_types(&k->os, &s, &err), KVM_NOTFOUND, "no BTF");
    is_int(linux_priv(&k->os)->modules->state, SYMBOL_FRESH, "modules may be asked for again");
    linux_priv(&k->os)->loading_types = true;
    is_int(os_linux.each_module(&k->os, refused_modules, NULL, &err), KVM_NOTFOUND,
           "modules can't be listed meanwhile");
    fake_destroy(k);
}

static uint64_t add_module(struct fake_kernel *k, const char *name, uint32_t state, uint64_t base) {
    const char *type = "struct module";
    uint64_t m = fake_alloc(k, 1024), kallsyms = fake_alloc(k, 128);
    fake_puts(k, m + fake_off(k, type, "name"), name);
    fake_set(k, m, type, "state", state);
    fake_set(k, m, type, "kallsyms", kallsyms);
    fake_set(k, kallsyms, "struct mod_kallsyms", "symtab", 0x111000);
    fake_set(k, kallsyms, "struct mod_kallsyms", "num_symtab", 7);
    fake_set(k, kallsyms, "struct mod_kallsyms", "strtab", 0x222000);
    fake_set(k, kallsyms, "struct mod_kallsyms", "typetab", 0x333000);
    bool old = k->layout == FAKE_OLD;
    fake_set(k, m, type, old ? "core_layout.base" : "mem[0].base", base);
    fake_set(k, m, type, old ? "core_layout.size" : "mem[0].size", 0x3000);
    fake_set(k, m, type, old ? "init_layout.base" : "mem[3].base", base + 0x8000);
    fake_set(k, m, type, old ? "init_layout.size" : "mem[3].size", 0x1000);
    fake_list_add(k, m + fake_off(k, type, "list"), k->modules);
    return m;
}

struct seen {
    struct os_module m[4];
    int count;
};

static int see(void *ctx, const struct os_module *m) {
    struct seen *s = ctx;
    if (s->count < 4) s->m[s->count] = *m;
    s->count++;
    return 0;
}

static void test_modules(enum fake_layout layout) {
    struct fake_kernel *k = fake_create(layout);
    struct kvm_err err = {0};
    struct seen s = {.count = 0};
    is_int(os_linux.each_module(&k->os, see, &s, &err), 0, "no modules");
    is_int(s.count, 0, "none is visited");
    uint64_t first = add_module(k, "one", 0, 0xffffffffc0000000);
    add_module(k, "unformed", 3, 0xffffffffc0100000);
    uint64_t last = add_module(k, "two", 1, 0xffffffffc0200000);
    is_int(os_linux.each_module(&k->os, see, &s, &err), 0, "three modules");
    is_int(s.count, 2, "one is still being made");
    is_str(s.m[0].name, "one", "name");
    is_str(s.m[1].name, "two", "second name");
    is_int((int64_t)s.m[0].addr, (int64_t)first, "address");
    is_int((int64_t)s.m[0].base, (int64_t)0xffffffffc0000000, "base");
    is_int((int64_t)s.m[0].size, 0x4000, "size of all ranges");
    is_int((int64_t)s.m[0].symbols.base[1], (int64_t)0xffffffffc0008000, "second range");
    is_int((int64_t)s.m[0].symbols.size[2], 0, "no third");
    is_int(s.m[0].symbols.count, 7, "symbols");
    is_int((int64_t)s.m[0].symbols.typetab, 0x333000, "typetab");
    uint64_t prev = fake_get(k, last + fake_off(k, "struct module", "list.prev"), 8);
    fake_set(k, last, "struct module", "list.prev", 0x1234);
    s.count = 0;
    is_int(os_linux.each_module(&k->os, see, &s, &err), KVM_FORMAT, "a back link that is wrong");
    has_text(err.text, "modules: the list is damaged", "text");
    fake_set(k, last, "struct module", "list.prev", prev);
    fake_set(k, fake_get(k, first + fake_off(k, "struct module", "kallsyms"), 8),
             "struct mod_kallsyms", "num_symtab", 0xffffffff);
    is_int(os_linux.each_module(&k->os, see, &s, &err), KVM_FORMAT, "absurd number of symbols");
    has_text(err.text, "4294967295 symbols", "text");
    fake_destroy(k);
}

static uint64_t make_dentry(struct fake_kernel *k, const char *name, uint64_t parent) {
    uint64_t d = fake_alloc(k, 128), text = fake_alloc(k, strlen(name) + 1);
    fake_puts(k, text, name);
    fake_set(k, d, "struct dentry", "d_name.name", text);
    fake_set(k, d, "struct dentry", "d_name.len", strlen(name));
    fake_set(k, d, "struct dentry", "d_parent", parent ? parent : d);
    return d;
}

static uint64_t make_mount(struct fake_kernel *k, uint64_t root, uint64_t parent, uint64_t point) {
    uint64_t m = fake_alloc(k, 128);
    fake_set(k, m, "struct mount", "mnt.mnt_root", root);
    fake_set(k, m, "struct mount", "mnt_parent", parent ? parent : m);
    fake_set(k, m, "struct mount", "mnt_mountpoint", point ? point : root);
    return m;
}

// /dev/NAME, where devtmpfs is mounted at /dev.
static uint64_t make_file(struct fake_kernel *k, const char *name) {
    uint64_t root = make_dentry(k, "/", 0), dev = make_dentry(k, "dev", root);
    uint64_t top = make_mount(k, root, 0, 0), devroot = make_dentry(k, "/", 0);
    uint64_t devfs = make_mount(k, devroot, top, dev), file = fake_alloc(k, 64);
    fake_set(k, file, "struct file", "f_path.dentry", make_dentry(k, name, devroot));
    fake_set(k, file, "struct file", "f_path.mnt", devfs + fake_off(k, "struct mount", "mnt"));
    return file;
}

static uint64_t add_swap(struct fake_kernel *k, int i, uint64_t flags, uint64_t inuse) {
    uint64_t s = fake_alloc(k, 128);
    const char *type = "struct swap_info_struct";
    fake_set(k, s, type, "flags", flags);
    fake_set(k, s, type, "pages", 1000);
    fake_set(k, s, type, "inuse_pages", inuse);
    fake_set(k, s, type, "swap_file", make_file(k, "vda2"));
    fake_put(k, k->swap_info + 8 * (uint64_t)i, s, 8);
    return s;
}

struct swaps {
    struct os_swap s[4];
    int count;
};

static int see_swap(void *ctx, const struct os_swap *s) {
    struct swaps *x = ctx;
    if (x->count < 4) x->s[x->count] = *s;
    x->count++;
    return 0;
}

static void test_swap(enum fake_layout layout) {
    struct fake_kernel *k = fake_create(layout);
    struct kvm_err err = {0};
    struct swaps s = {.count = 0};
    is_int(os_linux.each_swap(&k->os, see_swap, &s, &err), KVM_NOTFOUND, "a kernel without swap");
    has_text(err.text, "swap_info", "the symbol is named");
    k->swap_info = fake_alloc(k, 33 * 8);
    uint64_t count = fake_alloc(k, 8);
    fake_symbol(k, "swap_info", k->swap_info);
    fake_symbol(k, "nr_swapfiles", count);
    is_int(os_linux.each_swap(&k->os, see_swap, &s, &err), 0, "no swap areas");
    fake_put(k, count, 4, 4);
    add_swap(k, 0, 2, 5); // not in use
    add_swap(k, 2, 3, layout == FAKE_NEW ? 0x40000005 : 5);
    is_int(os_linux.each_swap(&k->os, see_swap, &s, &err), 0, "four entries, one in use");
    is_int(s.count, 1, "one area");
    is_str(s.s[0].name, "/dev/vda2", "its path, across a mount");
    is_int((int64_t)s.s[0].total_pages, 1000, "pages");
    is_int((int64_t)s.s[0].used_pages, 5, "pages in use, without the mark");
    is_int(s.s[0].flags, 3, "flags");
    fake_put(k, count, 33, 4);
    is_int(os_linux.each_swap(&k->os, see_swap, &s, &err), KVM_FORMAT, "33 areas");
    fake_destroy(k);
}

static void test_path(void) {
    struct fake_kernel *k = fake_create(FAKE_NEW);
    struct kvm_err err = {0};
    char buf[64];
    uint64_t file = make_file(k, "disk");
    is_int(linux_file_path(&k->os, file, buf, 10, &err), 0, "a path that just fits");
    is_str(buf, "/dev/disk", "path");
    is_int(linux_file_path(&k->os, file, buf, 9, &err), 0, "one that does not");
    is_str(buf, ".../disk", "the front is cut off");
    uint64_t dentry = fake_get(k, file + fake_off(k, "struct file", "f_path.dentry"), 8);
    fake_set(k, dentry, "struct dentry", "d_name.len", 256);
    is_int(linux_file_path(&k->os, file, buf, sizeof(buf), &err), KVM_FORMAT, "a name too long");
    fake_set(k, dentry, "struct dentry", "d_name.len", 0);
    uint64_t other = make_dentry(k, "", dentry);
    fake_set(k, dentry, "struct dentry", "d_parent", other);
    is_int(linux_file_path(&k->os, file, buf, sizeof(buf), &err), 0, "a circle ends with the room");
    fake_destroy(k);
}

static void test_figures(void) {
    struct fake_kernel *k = fake_create(FAKE_NEW);
    struct kvm_err err = {0};
    double avg[3] = {0};
    int n = 0;
    is_int(os_linux.loadavg(&k->os, avg, &err), KVM_NOTFOUND, "no avenrun");
    uint64_t avenrun = fake_alloc(k, 24), ids = fake_alloc(k, 8);
    fake_symbol(k, "avenrun", avenrun);
    fake_put(k, avenrun, 2048, 8);
    fake_put(k, avenrun + 8, 3072, 8);
    fake_put(k, avenrun + 16, 1, 8);
    is_int(os_linux.loadavg(&k->os, avg, &err), 0, "load average");
    ok(avg[0] == 1.0 && avg[1] == 1.5 && avg[2] == 1.0 / 2048, "eleven bits behind the point");
    is_int(os_linux.max_cpu(&k->os, &n, &err), KVM_NOTFOUND, "no nr_cpu_ids");
    fake_symbol(k, "nr_cpu_ids", ids);
    is_int(os_linux.max_cpu(&k->os, &n, &err), KVM_FORMAT, "no CPUs");
    fake_put(k, ids, 8193, 4);
    is_int(os_linux.max_cpu(&k->os, &n, &err), KVM_FORMAT, "more than any kernel has");
    fake_put(k, ids, 70, 4);
    is_int(os_linux.max_cpu(&k->os, &n, &err), 0, "70 CPUs");
    is_int(n, 70, "their number");

    const struct linux_percpu *p;
    uint64_t mask = fake_alloc(k, 16), offsets = fake_alloc(k, 70 * 8);
    fake_symbol(k, "__cpu_possible_mask", mask);
    fake_symbol(k, "__per_cpu_offset", offsets);
    is_int(linux_percpu_get(&k->os, &p, &err), KVM_FORMAT, "an empty mask");
    fake_put(k, mask, 5, 8);
    fake_put(k, mask + 8, 0x20, 8);
    fake_put(k, offsets, 100, 8);
    fake_put(k, offsets + 16, 102, 8);
    fake_put(k, offsets + 69 * 8, 169, 8);
    is_int(linux_percpu_get(&k->os, &p, &err), 0, "per-CPU offsets");
    ok(p->count == 3 && p->offset[0] == 100 && p->offset[1] == 102 && p->offset[2] == 169,
       "of the possible CPUs only");
    fake_destroy(k);
}

int main(void) {
    test_find();
    test_locate();
    test_levels();
    test_locate_wrong();
    test_locate_image();
    test_direct_map();
    test_types();
    test_modules(FAKE_OLD);
    test_modules(FAKE_NEW);
    test_swap(FAKE_OLD);
    test_swap(FAKE_NEW);
    test_path();
    test_figures();
    return done();
}
