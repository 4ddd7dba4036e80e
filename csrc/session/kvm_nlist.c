// SPDX-License-Identifier: BSD-2-Clause
// kvm_nlist(3), kvm_kerndisp and kvm_native. n_type follows FreeBSD's libkvm: nm's letter of the section kind,
// N_EXT for global and weak symbols, N_DATA|N_EXT for what a resolver gave.
#include "session/public.h"

#include <ctype.h>

#if defined(__x86_64__)
enum { NATIVE_MACHINE = 62, NATIVE_CLASS = 2 }; // EM_X86_64
#elif defined(__aarch64__)
enum { NATIVE_MACHINE = 183, NATIVE_CLASS = 2 }; // EM_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
enum { NATIVE_MACHINE = 243, NATIVE_CLASS = 2 }; // EM_RISCV
#elif defined(__s390x__)
enum { NATIVE_MACHINE = 22, NATIVE_CLASS = 2 }; // EM_S390
#elif defined(__powerpc64__)
enum { NATIVE_MACHINE = 21, NATIVE_CLASS = 2 }; // EM_PPC64
#elif defined(__i386__)
enum { NATIVE_MACHINE = 3, NATIVE_CLASS = 1 }; // EM_386
#elif defined(__arm__)
enum { NATIVE_MACHINE = 40, NATIVE_CLASS = 1 }; // EM_ARM
#else
enum { NATIVE_MACHINE = -1, NATIVE_CLASS = 0 };
#endif

static unsigned char type_of(char kind) {
    unsigned char global = isupper((unsigned char)kind) ? N_EXT : 0;
    switch (tolower((unsigned char)kind)) {
    case 't':
    case 'r': return N_TEXT | global;
    case 'w':
    case 'v': return N_TEXT | N_EXT;
    case 'd': return N_DATA | global;
    case 'b': return N_BSS | global;
    case 'a': return N_ABS | global;
    default: return N_UNDF | global;
    }
}

// 1 found, 0 not, negative: no symbol table.
static int look_up(kvm_t *kd, const char *name, struct symbol *sym, struct kvm_err *err) {
    int rc = session_symbol(kd, name, sym, err);
    if (rc == KVM_NOTFOUND && name[0] == '_') rc = session_symbol(kd, name + 1, sym, err);
    if (rc == 0) return 1;
    if (rc != KVM_NOTFOUND) return rc;
    return !kd->opt.resolver && !symtab_origin(kd->os.symbols) ? rc : 0;
}

static int one(kvm_t *kd, const char *name, unsigned char *type, uint64_t *value, int *missing) {
    struct kvm_err err = {0};
    struct symbol sym;
    *type = N_UNDF;
    *value = 0;
    int rc = look_up(kd, name, &sym, &err);
    if (rc < 0) return public_fail(kd, &err);
    if (rc == 0) {
        ++*missing;
        return 0;
    }
    *type = kd->opt.resolver ? N_DATA | N_EXT : type_of(sym.kind);
    *value = sym.addr;
    return 0;
}

int kvm_nlist2(kvm_t *kd, struct kvm_nlist *nl) {
    int missing = 0;
    for (; nl->n_name && nl->n_name[0]; nl++) {
        uint64_t value;
        if (one(kd, nl->n_name, &nl->n_type, &value, &missing)) return -1;
        nl->n_value = value;
    }
    return missing;
}

int kvm_nlist(kvm_t *kd, struct nlist *nl) {
    int missing = 0;
    for (; nl->n_name && nl->n_name[0]; nl++) {
        uint64_t value;
        if (one(kd, nl->n_name, &nl->n_type, &value, &missing)) return -1;
        nl->n_other = 0;
        nl->n_desc = 0;
        nl->n_value = (unsigned long)value;
    }
    return missing;
}

kssize_t kvm_kerndisp(kvm_t *kd) {
    return (kssize_t)kd->os.facts.kaslr_off;
}

int kvm_native(kvm_t *kd) {
    const struct image_facts *f = &kd->image->facts;
    return f->machine == NATIVE_MACHINE && f->elf_class == NATIVE_CLASS && f->big == BYTES_HOST_BIG;
}
