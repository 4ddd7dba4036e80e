// SPDX-License-Identifier: BSD-2-Clause
// Finding the kernel from VMCOREINFO (kernel/vmcore_info.c, before 6.9 kernel/crash_core.c): its
// release, page size and displacement; where its page tables are is the architecture's (x86_64.c).
// What VMCOREINFO does not say is not guessed. That the page tables and the text belong together is
// checked, so that a wrong number ends in an error and not in wrong answers.
#include "os/linux/linux.h"

#include <stdio.h>

static const struct linux_arch *const arches[] = {
    &linux_x86_64,
};

const struct linux_arch *linux_arch_get(size_t i) {
    return i < sizeof(arches) / sizeof(arches[0]) ? arches[i] : NULL;
}

static int find_arch(const struct image *img, const struct linux_arch **out, struct kvm_err *err) {
    const struct image_facts *f = &img->facts;
    if (f->machine == 0)
        return err_set(err, KVM_UNSUPPORTED, "the dump does not say what machine it is of");
    for (size_t i = 0; i < sizeof(arches) / sizeof(arches[0]); i++) {
        if (arches[i]->machine == f->machine && arches[i]->elf_class == f->elf_class) {
            *out = arches[i];
            return 0;
        }
    }
    return err_set(err, KVM_UNSUPPORTED,
                   "kernels of this machine (ELF number %u, class %u) are not read", f->machine,
                   f->elf_class);
}

static int page_size(struct os *os, const struct vmcoreinfo *v, struct kvm_err *err) {
    int64_t size;
    if (!vmcoreinfo_number(v, "PAGESIZE", &size))
        return err_set(err, KVM_UNSUPPORTED, "VMCOREINFO has no PAGESIZE");
    if (size < 4096 || size > 1024 * 1024 || (size & (size - 1)) != 0)
        return err_set(err, KVM_FORMAT, "VMCOREINFO: PAGESIZE %lld", (long long)size);
    os->facts.page_size = (uint32_t)size;
    return 0;
}

static int facts(struct os *os, const struct vmcoreinfo *v, struct kvm_err *err) {
    struct os_facts *f = &os->facts;
    f->os = "linux";
    snprintf(f->machine, sizeof(f->machine), "%s", linux_priv(os)->arch->name);
    if (!vmcoreinfo_string(v, "OSRELEASE", f->release, sizeof(f->release)))
        return err_set(err, KVM_FORMAT, "VMCOREINFO: OSRELEASE is too long");
    vmcoreinfo_string(v, "BUILD-ID", f->build_id, sizeof(f->build_id)); // since 5.9
    f->has_kaslr_off = vmcoreinfo_hex(v, "KERNELOFFSET", &f->kaslr_off);
    vmcoreinfo_number(v, "CRASHTIME", &f->crash_time); // 0 before a crash
    f->cpus = (uint32_t)os->image->facts.notes.prstatus_count;
    return page_size(os, v, err);
}

// struct new_utsname (include/uapi/linux/utsname.h) has six strings of 65 bytes; the release is the
// third. VMCOREINFO gives the member's offset since 5.11 (0, and 4 before); without it the system's
// name marks it. A page that is not in the dump can't contradict.
static int check_release(struct os *os, const struct vmcoreinfo *v, struct kvm_err *err) {
    enum { NAME = 65, OFFSET_MAX = 64 };
    uint64_t addr;
    int64_t offset;
    char b[OFFSET_MAX + 3 * NAME];
    if (!vmcoreinfo_symbol(v, "init_uts_ns", &addr)) return 0;
    int rc = reader_read(&os->virt, addr, b, sizeof(b), err);
    if (rc == KVM_EXCLUDED || rc == KVM_FAULT) return 0;
    if (rc) return rc;
    if (!vmcoreinfo_number(v, "OFFSET(uts_namespace.name)", &offset)) {
        const char *name = memmem(b, OFFSET_MAX, "Linux", sizeof("Linux"));
        offset = name ? name - b : -1;
    }
    if (offset >= 0 && offset < OFFSET_MAX) {
        const char *release = b + offset + 2 * NAME;
        size_t len = strlen(os->facts.release);
        if (memcmp(release, os->facts.release, len + 1) == 0) return 0;
    }
    return err_at(err, KVM_FORMAT, addr,
                  "VMCOREINFO is of Linux %s, but the kernel at init_uts_ns (0x%llx) is not",
                  os->facts.release, (unsigned long long)addr);
}

int linux_locate(struct os *os, struct kvm_err *err) {
    const struct vmcoreinfo *v = &os->image->facts.notes.vmcoreinfo;
    int rc = find_arch(os->image, &linux_priv(os)->arch, err);
    if (rc == 0) rc = facts(os, v, err);
    if (rc == 0) rc = linux_priv(os)->arch->locate(os, v, err);
    if (rc == 0) rc = check_release(os, v, err);
    return rc;
}
