// SPDX-License-Identifier: BSD-2-Clause
// The namelist (an ELF kernel with symbols, perhaps with BTF or DWARF) that the user gave with -N. A file of
// another build gives wrong answers that look right, so its build id must be the core's.
#include "session/files.h"

static int check_build_id(const kvm_t *kd, struct kvm_err *err) {
    char id[sizeof(kd->os.facts.build_id)];
    int rc = symbol_elf_build_id(kd->namelist, id, sizeof(id), err);
    if (rc && rc != KVM_NOTFOUND) return rc;
    const char *want = kd->os.facts.build_id;
    if (rc == 0 && want[0] && strcmp(id, want) != 0)
        return err_set(err, KVM_INVAL, "%s: build id %s, but the core's kernel has %s",
                       kd->namelist, id, want);
    err_clear(err);
    return 0;
}

int session_namelist_add(kvm_t *kd, struct kvm_err *err) {
    int rc = check_build_id(kd, err);
    struct symbol_source *s;
    if (rc == 0) rc = symbol_elf_create(kd->namelist, kd->os.facts.kaslr_off, &s, err);
    return rc ? rc : symtab_add(kd->os.symbols, s, err);
}

int session_types_load(void *ctx, struct type_source **out, struct kvm_err *err) {
    kvm_t *kd = ctx;
    int rc = kd->os.ops->load_types(&kd->os, out, err);
    if (rc != KVM_NOTFOUND || !kd->namelist) return rc;
    rc = type_elf_btf_open(kd->namelist, out, err);
    return rc == KVM_NOTFOUND ? type_dwarf_open(kd->namelist, out, err) : rc;
}
