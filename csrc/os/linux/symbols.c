// SPDX-License-Identifier: BSD-2-Clause
// The image's own symbol tables: kallsyms, then those of the loaded modules.
#include "os/linux/linux.h"

struct sink {
    int (*add)(void *to, const struct module_symbols *m);
    void *to;
};

static int add_module(void *ctx, const struct os_module *m) {
    struct sink *s = ctx;
    return m->symbols.count ? s->add(s->to, &m->symbols) : 0;
}

static int list_modules(void *ctx, int (*add)(void *to, const struct module_symbols *m), void *to,
                        struct kvm_err *err) {
    struct sink s = {add, to};
    return linux_each_module(ctx, add_module, &s, err);
}

// VMCOREINFO has the tables' addresses since 6.0. Before, they lie in .rodata: behind _stext and
// before .data, where init_uts_ns and swapper_pg_dir are.
static void find_hints(const struct os *os, struct kallsyms_hints *h) {
    const struct vmcoreinfo *v = &os->image->facts.notes.vmcoreinfo;
    vmcoreinfo_symbol(v, "kallsyms_names", &h->names);
    vmcoreinfo_symbol(v, "kallsyms_num_syms", &h->num_syms);
    vmcoreinfo_symbol(v, "kallsyms_token_table", &h->token_table);
    vmcoreinfo_symbol(v, "kallsyms_token_index", &h->token_index);
    vmcoreinfo_symbol(v, "kallsyms_offsets", &h->offsets);
    vmcoreinfo_symbol(v, "kallsyms_relative_base", &h->relative_base); // not in 7.2
    vmcoreinfo_symbol(v, "_stext", &h->text_start);
    h->text_end = linux_priv(os)->image_end;
    static const char *const data[] = {"init_uts_ns", "swapper_pg_dir"};
    for (size_t i = 0; i < sizeof(data) / sizeof(data[0]); i++) {
        uint64_t addr;
        if (!vmcoreinfo_symbol(v, data[i], &addr) || addr <= h->text_start) continue;
        if (h->scan_end == 0 || addr < h->scan_end) h->scan_end = addr;
    }
    h->scan_start = h->scan_end ? h->text_start : 0;
}

int linux_add_symbols(struct os *os, struct kvm_err *err) {
    struct kallsyms_hints hints = {0};
    struct symbol_source *s;
    find_hints(os, &hints);
    int rc = symbol_kallsyms_create(&os->virt, &hints, &s, err);
    if (rc == 0) rc = symtab_add(os->symbols, s, err);
    if (rc == 0) rc = symbol_modules_create(&os->virt, list_modules, os, &s, err);
    if (rc == 0) rc = symtab_add(os->symbols, s, err);
    if (rc == 0) linux_priv(os)->modules = s;
    return rc;
}
