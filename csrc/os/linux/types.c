// SPDX-License-Identifier: BSD-2-Clause
// The kernel's own types: BTF in its image, between __start_BTF and __stop_BTF
// (CONFIG_DEBUG_INFO_BTF, since 5.2; include/asm-generic/vmlinux.lds.h).
#include "os/linux/linux.h"

// BTF of Linux 7.2 has 5.2 MB; libbpf and pahole take no more than 32-bit offsets.
enum { BTF_BYTES_MAX = 256 * 1024 * 1024 };

static int find_btf(struct os *os, uint64_t *at, size_t *len, struct kvm_err *err) {
    uint64_t start, stop;
    int rc = symtab_value(os->symbols, "__start_BTF", &start, err);
    if (rc == 0) rc = symtab_value(os->symbols, "__stop_BTF", &stop, err);
    if (rc) return rc;
    if (stop <= start || stop - start > BTF_BYTES_MAX)
        return err_at(err, KVM_FORMAT, start, "BTF from 0x%llx to 0x%llx",
                      (unsigned long long)start, (unsigned long long)stop);
    *at = start;
    *len = (size_t)(stop - start);
    return 0;
}

int linux_load_types(struct os *os, struct type_source **out, struct kvm_err *err) {
    struct linux_os *l = linux_priv(os);
    uint64_t at = 0;
    size_t len = 0;
    // Looking for a symbol that is nowhere reaches the modules, which can't be listed without
    // types.
    l->loading_types = true;
    int rc = find_btf(os, &at, &len, err);
    l->loading_types = false;
    if (l->modules_refused) {
        l->modules_refused = false;
        l->modules->state = SYMBOL_FRESH;
        err_clear(&l->modules->error);
    }
    if (rc == 0) rc = type_btf_open_at(&os->virt, at, len, out, err);
    return rc ? err_prepend(err, rc, "BTF") : 0;
}
