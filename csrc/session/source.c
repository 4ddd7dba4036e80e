// SPDX-License-Identifier: BSD-2-Clause
// What debug files tell about addresses of this kernel: the type of a variable, the lines of code, its
// call frames.
// A kernel that was displaced (KASLR) has its addresses shifted against the file's; a module's file
// was placed when it was opened.
#include "session/session.h"

#include <string.h>

// Per-CPU variables below the kernel's half are offsets, which are not shifted.
static bool file_address(const kvm_t *kd, const char *module, uint64_t addr, uint64_t *out) {
    const struct os_facts *f = &kd->os.facts;
    *out = addr;
    if (module || addr < f->kernel_start) return true;
    *out = addr - f->kaslr_off;
    return f->has_kaslr_off;
}

// The kernel's variables are found by address, which is exact and ends the search early. What the
// debug file of a module has in sections that are not in memory any more, or that are per-CPU, has
// another address there, so that the name comes first.
int session_variable(kvm_t *kd, const char *module, const char *name, type_id *out,
                     struct kvm_err *err) {
    struct symbol sym = {0};
    struct kvm_err own = {0};
    uint64_t addr;
    bool known = session_symbol(kd, name, &sym, NULL) == 0;
    if (!module && known) module = sym.module;
    if (known && module && (!sym.module || strcmp(sym.module, module) != 0)) known = false;
    known = known && file_address(kd, module, sym.addr, &addr);
    int rc =
        type_variable_at(kd->os.types, module, name, known && !module ? &addr : NULL, out, &own);
    if (rc == KVM_INVAL && known && module) {
        err_clear(&own);
        rc = type_variable_at(kd->os.types, module, name, &addr, out, &own);
    }
    if (rc && err) *err = own;
    return rc;
}

// The debug file of the code at ADDR, and the address there; SYM is the symbol that it lies in.
static int debug_of(kvm_t *kd, uint64_t addr, struct symbol *sym, struct type_source **out,
                    uint64_t *at, struct kvm_err *err) {
    int rc = symtab_addr(kd->os.symbols, addr, sym, err);
    if (rc) return rc;
    if (!file_address(kd, sym->module, addr, at))
        return err_set(err, KVM_UNSUPPORTED, "it is not known how far the kernel was displaced");
    return type_db_debug(kd->os.types, sym->module, out, err);
}

int session_places(kvm_t *kd, uint64_t addr, struct type_place *out, size_t max, size_t *n,
                   struct kvm_err *err) {
    struct symbol sym;
    struct type_source *s;
    uint64_t at;
    int rc = debug_of(kd, addr, &sym, &s, &at, err);
    if (rc) return rc;
    if (!s->ops->places)
        return err_set(err, KVM_NOTFOUND, "%s tells no source lines", s->ops->name);
    rc = s->ops->places(s, at, out, max, n, err);
    // Assembly, and the bytes between functions.
    if (rc == 0 && *n && !out[0].name[0]) out[0].name = sym.name;
    return rc;
}

int session_frame(kvm_t *kd, uint64_t addr, struct type_frame *out, struct kvm_err *err) {
    struct symbol sym;
    struct type_source *s;
    uint64_t at;
    int rc = debug_of(kd, addr, &sym, &s, &at, err);
    if (rc) return rc;
    if (!s->ops->frame) return err_set(err, KVM_NOTFOUND, "%s tells no call frames", s->ops->name);
    return s->ops->frame(s, at, out, err);
}
