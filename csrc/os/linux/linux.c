// SPDX-License-Identifier: BSD-2-Clause
// The Linux line of the table of operating systems. A Linux dump is known by its VMCOREINFO, be it a
// note or what a search has found (search.c).
#include "os/linux/linux.h"

#include "base/mem.h"

static int probe(const struct image *img, struct kvm_err *err) {
    const struct vmcoreinfo *v = &img->facts.notes.vmcoreinfo;
    const char *value;
    size_t len;
    if (!v->text) {
        err_set(
            err, KVM_NOTFOUND,
            "it has no VMCOREINFO note; a dump made by QEMU has one when the guest has the device "
            "vmcoreinfo and the module qemu_fw_cfg");
        return IMAGE_NOMATCH;
    }
    if (!vmcoreinfo_find(v, "OSRELEASE", &value, &len)) {
        err_set(err, KVM_NOTFOUND, "its VMCOREINFO note has no OSRELEASE line");
        return IMAGE_NOMATCH;
    }
    return IMAGE_MATCH;
}

static int locate(struct os *os, struct kvm_err *err) {
    os->priv = mem_zalloc(sizeof(struct linux_os));
    if (!os->priv) return err_nomem(err, "a kernel");
    return linux_locate(os, err);
}

static int direct_map(struct os *os, uint64_t *start, uint64_t *end) {
    return linux_priv(os)->arch->direct_map(os, start, end);
}

static void destroy(struct os *os) {
    if (!os->priv) return;
    mem_free(linux_priv(os)->percpu.offset);
    mem_free(os->priv);
    os->priv = NULL;
}

const struct os_ops os_linux = {
    .name = "linux",
    .probe = probe,
    .search = linux_search,
    .locate = locate,
    .add_symbols = linux_add_symbols,
    .load_types = linux_load_types,
    .load_module_types = linux_load_module_types,
    .each_proc = linux_each_proc,
    .find_proc = linux_find_proc,
    .proc_root = linux_proc_root,
    .proc_strings = linux_proc_strings,
    .loadavg = linux_loadavg,
    .each_swap = linux_each_swap,
    .direct_map = direct_map,
    .max_cpu = linux_max_cpu,
    .each_module = linux_each_module,
    .each_section = linux_each_section,
    .each_page = linux_each_page,
    .destroy = destroy,
};
