// SPDX-License-Identifier: BSD-2-Clause
// Any file as a namelist: its symbols, its build id, its BTF, its DWARF.
#include "fuzz.h"
#include "symbol/symbol.h"
#include "type/type.h"

static int visit(void *ctx, const struct symbol *sym) {
    size_t *n = ctx;
    if (!sym->name) abort();
    return ++*n < 10000 ? 0 : 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[32], hex[64];
    int fd = fuzz_file(data, size, path);
    struct kvm_err err = {0};
    struct symbol_source *s = NULL;
    if (symbol_elf_create(path, 0, &s, &err) == 0) {
        err_clear(&err);
        int rc = s->ops->load(s, &err);
        fuzz_check(rc, &err);
        size_t n = 0;
        if (rc == 0) s->ops->each(s, visit, &n);
        s->ops->destroy(s);
    }
    err_clear(&err);
    fuzz_check(symbol_elf_build_id(path, hex, sizeof(hex), &err), &err);
    struct type_source *t = NULL;
    err_clear(&err);
    int rc = type_elf_btf_open(path, &t, &err);
    fuzz_check(rc, &err);
    if (rc == 0) t->ops->destroy(t);
    close(fd);
    return 0;
}
