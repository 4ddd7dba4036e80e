// SPDX-License-Identifier: BSD-2-Clause
// The namelist (an ELF kernel with symbols, perhaps with BTF or DWARF: types.c) that the user gave with -N. A file of
// another build gives wrong answers that look right, so its build id must be the core's.
#include "session/files.h"

int session_build_id_check(const char *path, const char *want, const char *whose,
                           struct kvm_err *err) {
    char id[sizeof(((struct os_facts *)0)->build_id)];
    int rc = symbol_elf_build_id(path, id, sizeof(id), err);
    if (rc || strcmp(id, want) == 0) return rc;
    return err_set(err, KVM_INVAL, "%s: build id %s, but %s has %s", path, id, whose, want);
}

static int check_build_id(const kvm_t *kd, struct kvm_err *err) {
    const char *want = kd->os.facts.build_id;
    int rc = want[0] ? session_build_id_check(kd->namelist, want, "the core's kernel", err) : 0;
    if (rc && rc != KVM_NOTFOUND) return rc;
    err_clear(err);
    return 0;
}

// A file of nothing but types, such as a copy of /sys/kernel/btf/vmlinux.
static int describe_btf(kvm_t *kd, struct kvm_err *err) {
    struct image_facts *f = &kd->image->facts;
    uint8_t word_size;
    int rc = type_btf_file_about(kd->namelist, &f->big, &word_size, err);
    if (rc) return rc;
    f->elf_class = word_size == 4 ? 1 : 2;
    kd->only_types = kd->no_addresses = true;
    return 0;
}

// All that is known of a kernel without memory.
int session_namelist_describe(kvm_t *kd, struct kvm_err *err) {
    if (!kd->namelist)
        return err_set(err, KVM_INVAL, "%s has no memory: name a namelist", kd->opt.core[0]);
    struct symbol_elf_about about;
    int rc = describe_btf(kd, err);
    if (rc != KVM_NOTFOUND) return rc;
    rc = symbol_elf_about(kd->namelist, &about, err);
    if (rc) return rc;
    struct image_facts *f = &kd->image->facts;
    f->machine = about.machine;
    f->elf_class = about.elf_class;
    f->big = about.big;
    kd->os.facts.os = about.os;
    rc = symbol_elf_build_id(kd->namelist, kd->os.facts.build_id, sizeof(kd->os.facts.build_id),
                             err);
    if (rc && rc != KVM_NOTFOUND) return rc;
    err_clear(err);
    kd->no_addresses = about.relocatable;
    return 0;
}

int session_namelist_add(kvm_t *kd, struct kvm_err *err) {
    if (kd->no_addresses) return 0;
    int rc = check_build_id(kd, err);
    struct symbol_source *s;
    if (rc == 0) rc = symbol_elf_create(kd->namelist, kd->os.facts.kaslr_off, &s, err);
    return rc ? rc : symtab_add(kd->os.symbols, s, err);
}
