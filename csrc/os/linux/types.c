// SPDX-License-Identifier: BSD-2-Clause
// The kernel's own types: BTF in its image, between __start_BTF and __stop_BTF
// (CONFIG_DEBUG_INFO_BTF, since 5.2; include/asm-generic/vmlinux.lds.h).
#include "os/linux/linux.h"

#include "base/mem.h"

// BTF of Linux 7.2 has 5.2 MB; libbpf and pahole take no more than 32-bit offsets.
enum { BTF_BYTES_MAX = 256 * 1024 * 1024 };

static int read_btf(struct os *os, uint8_t **out, size_t *len, struct kvm_err *err) {
    uint64_t start, stop;
    int rc = symtab_value(os->symbols, "__start_BTF", &start, err);
    if (rc == 0) rc = symtab_value(os->symbols, "__stop_BTF", &stop, err);
    if (rc) return rc;
    if (stop <= start || stop - start > BTF_BYTES_MAX)
        return err_at(err, KVM_FORMAT, start, "BTF from 0x%llx to 0x%llx",
                      (unsigned long long)start, (unsigned long long)stop);
    *len = (size_t)(stop - start);
    *out = mem_alloc(*len);
    if (!*out) return err_nomem(err, "BTF");
    rc = reader_read(&os->virt, start, *out, *len, err);
    if (rc) mem_free(*out);
    return rc;
}

int linux_load_types(struct os *os, struct type_source **out, struct kvm_err *err) {
    struct linux_os *l = linux_priv(os);
    uint8_t *bytes = NULL;
    size_t len = 0;
    // Looking for a symbol that is nowhere reaches the modules, which can't be listed without
    // types.
    l->loading_types = true;
    int rc = read_btf(os, &bytes, &len, err);
    l->loading_types = false;
    if (l->modules_refused) {
        l->modules_refused = false;
        l->modules->state = SYMBOL_FRESH;
        err_clear(&l->modules->error);
    }
    if (rc == 0) rc = type_btf_open(bytes, len, true, out, err);
    return rc ? err_prepend(err, rc, "BTF") : 0;
}
