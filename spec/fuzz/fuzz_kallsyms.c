// SPDX-License-Identifier: BSD-2-Clause
// Any bytes as the kernel's symbol table. The first 48 say where the tables are (as VMCOREINFO would: six
// addresses, 0 where it does not say), the rest is memory.
#include "fuzz.h"
#include "symbol/symbol.h"

static int visit(void *ctx, const struct symbol *sym) {
    size_t *n = ctx;
    if (!sym->name || strlen(sym->name) >= SYMBOL_NAME_MAX) abort();
    return ++*n < 10000 ? 0 : 1;
}

static void ask(struct symbol_source *s) {
    struct symbol sym;
    size_t n = 0;
    s->ops->each(s, visit, &n);
    if (s->ops->find_name(s, "init_task", &sym) && strcmp(sym.name, "init_task") != 0) abort();
    s->ops->find_addr(s, FUZZ_BASE + 64, &sym);
    s->ops->find_addr(s, 0, &sym);
    s->ops->find_addr(s, UINT64_MAX, &sym);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint64_t at[6];
    if (size < sizeof(at)) return 0;
    memcpy(at, data, sizeof(at));
    struct fuzz_memory m = {data + sizeof(at), size - sizeof(at)};
    struct reader virt = fuzz_reader(&m);
    struct kallsyms_hints hints = {
        .names = at[0],
        .num_syms = at[1],
        .token_table = at[2],
        .token_index = at[3],
        .offsets = at[4],
        .relative_base = at[5],
        .scan_start = FUZZ_BASE,
        .scan_end = FUZZ_BASE + m.size,
    };
    struct symbol_source *s = NULL;
    struct kvm_err err = {0};
    if (symbol_kallsyms_create(&virt, &hints, &s, &err)) return 0;
    int rc = s->ops->load(s, &err);
    fuzz_check(rc, &err);
    if (rc == 0) ask(s);
    s->ops->destroy(s);
    return 0;
}
