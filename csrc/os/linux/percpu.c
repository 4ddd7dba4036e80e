// SPDX-License-Identifier: BSD-2-Clause
// CPUs, and where their copies of per-CPU variables are: __per_cpu_offset[cpu] (mm/percpu.c,
// arch/x86/kernel/setup_percpu.c). Entries of CPUs that can't exist hold rubbish, so the possible
// ones are taken from __cpu_possible_mask (kernel/cpu.c).
#include "os/linux/linux.h"

#include "base/mem.h"

int linux_max_cpu(struct os *os, int *out, struct kvm_err *err) {
    uint64_t addr;
    uint32_t n;
    int rc = symtab_value(os->symbols, "nr_cpu_ids", &addr, err);
    if (rc == 0) rc = reader_u32(&os->virt, addr, &n, err);
    if (rc) return err_prepend(err, rc, "CPUs");
    if (n == 0 || n > LINUX_CPUS_MAX)
        return err_at(err, KVM_FORMAT, addr, "CPUs: nr_cpu_ids is %u", n);
    *out = (int)n;
    return 0;
}

static int read_offsets(struct os *os, uint32_t n, uint64_t mask_addr, uint64_t offsets,
                        struct kvm_err *err) {
    struct linux_percpu *p = &linux_priv(os)->percpu;
    uint64_t bits = 0;
    uint32_t word_bits = os->virt.word_size * 8u;
    p->count = 0;
    for (uint32_t cpu = 0; cpu < n; cpu++) {
        int rc = 0;
        if (cpu % word_bits == 0) rc = reader_word(&os->virt, mask_addr + cpu / 8, &bits, err);
        if (rc == 0 && (bits >> (cpu % word_bits) & 1))
            rc = reader_word(&os->virt, offsets + cpu * (uint64_t)os->virt.word_size,
                             &p->offset[p->count++], err);
        if (rc) return rc;
    }
    return p->count ? 0 : err_at(err, KVM_FORMAT, mask_addr, "no CPU is possible");
}

int linux_percpu_get(struct os *os, const struct linux_percpu **out, struct kvm_err *err) {
    struct linux_percpu *p = &linux_priv(os)->percpu;
    uint64_t mask, offsets;
    int n = 0;
    *out = p;
    if (p->loaded) return 0;
    int rc = linux_max_cpu(os, &n, err);
    if (rc == 0) rc = symtab_value(os->symbols, "__cpu_possible_mask", &mask, err);
    if (rc == 0) rc = symtab_value(os->symbols, "__per_cpu_offset", &offsets, err);
    if (rc) return err_prepend(err, rc, "per-CPU offsets");
    mem_free(p->offset);
    p->offset = mem_array((size_t)n, sizeof(*p->offset));
    if (!p->offset) return err_nomem(err, "per-CPU offsets");
    rc = read_offsets(os, (uint32_t)n, mask, offsets, err);
    if (rc) return err_prepend(err, rc, "per-CPU offsets");
    p->loaded = true;
    return 0;
}
