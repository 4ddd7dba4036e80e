// SPDX-License-Identifier: BSD-2-Clause
// Linux: what the files of this folder share. Everything is read through os->virt member by member:
// in a filtered dump single members can lie on missing pages while the rest of their struct is
// there. Checked against Linux 5.10, 6.1, 6.12 and 7.2.
#ifndef KVM_OS_LINUX_H
#define KVM_OS_LINUX_H

#include "os/linux/list.h"
#include "os/linux/member.h"
#include "os/linux/task_layout.h"
#include "os/os.h"

struct linux_search_ops; // os/linux/search.h

// What is particular to an architecture: one file and one line in locate.c each.
struct linux_arch {
    const char *name; // as uname -m has it
    uint16_t machine; // EM_*
    uint8_t elf_class;
    // Fills os->mmu and the facts about the kernel's mapping from VMCOREINFO, and checks that the
    // page tables agree with it.
    int (*locate)(struct os *os, const struct vmcoreinfo *v, struct kvm_err *err);
    int (*direct_map)(struct os *os, uint64_t *start, uint64_t *end);
    const struct linux_search_ops *search; // NULL: its kernels are not found without VMCOREINFO
};
extern const struct linux_arch linux_x86_64;

enum { LINUX_CPUS_MAX = 8192 }; // the largest NR_CPUS of x86 (arch/x86/Kconfig)

// Where each possible CPU's copy of a per-CPU variable is: at the variable's address + offset.
struct linux_percpu {
    bool loaded;
    uint32_t count;
    uint64_t *offset;
};

// os->priv.
struct linux_os {
    const struct linux_arch *arch;
    uint64_t image_end;   // one past the addresses that the kernel image may have; 0 unknown
    bool loading_types;   // inside load_types, so members can't be looked up
    bool modules_refused; // modules were asked for meanwhile
    struct symbol_source *modules; // borrowed from os->symbols
    struct linux_percpu percpu;
    struct linux_task_layout task;
};

static inline struct linux_os *linux_priv(const struct os *os) {
    return os->priv;
}

extern const struct os_ops os_linux;

// Line I of the table of architectures; NULL behind its end.
const struct linux_arch *linux_arch_get(size_t i);
int linux_search(struct image *img, const struct progress *progress, struct os_found *out,
                 struct kvm_err *err);
int linux_locate(struct os *os, struct kvm_err *err);
int linux_add_symbols(struct os *os, struct kvm_err *err);
int linux_load_types(struct os *os, struct type_source **out, struct kvm_err *err);
int linux_load_module_types(struct os *os, const struct os_module *m, struct type_source *kernel,
                            uint32_t number, struct type_source **out, struct kvm_err *err);

int linux_each_proc(struct os *os, bool threads, os_proc_visit *fn, void *ctx, struct kvm_err *err);
int linux_find_proc(struct os *os, int32_t tid, struct os_proc *out, struct kvm_err *err);
// All of a task but its times (task_fill.c). What can't be read is 0 and has its bit in
// out->partial.
void linux_task_fill(struct os *os, uint64_t task, struct os_proc *out);
// Pages resident of the mm_struct at MM (rss.c).
int linux_rss(struct os *os, uint64_t mm, uint64_t *pages, struct kvm_err *err);

int linux_proc_root(struct os *os, const struct os_proc *p, uint64_t *root, struct kvm_err *err);
int linux_proc_strings(struct os *os, const struct os_proc *p, enum os_proc_strings what,
                       size_t max, char **out, size_t *len, struct kvm_err *err);

int linux_loadavg(struct os *os, double avg[3], struct kvm_err *err);
int linux_each_swap(struct os *os, int (*fn)(void *ctx, const struct os_swap *s), void *ctx,
                    struct kvm_err *err);
int linux_each_module(struct os *os, os_module_visit *fn, void *ctx, struct kvm_err *err);
int linux_each_section(struct os *os, const struct os_module *m, os_section_visit *fn, void *ctx,
                       struct kvm_err *err);

int linux_each_page(struct os *os, os_page_visit *fn, void *ctx, struct kvm_err *err);
// Calls fn for the struct page of every free block, of 2^order pages, in the lists of the CPUs
// (cpu_free_pages.c); 0 goes on. After damage the blocks that can be reached are visited still, of
// that list only, and the error is returned.
typedef int linux_free_visit(void *ctx, uint64_t page, uint32_t order);
int linux_each_cpu_free(struct os *os, linux_free_visit *fn, void *ctx, struct kvm_err *err);

int linux_max_cpu(struct os *os, int *out, struct kvm_err *err);
// The offsets of all possible CPUs, read once. Borrowed until the os is destroyed.
int linux_percpu_get(struct os *os, const struct linux_percpu **out, struct kvm_err *err);

// The path of the struct file at FILE as its first mount namespace has it ("/dev/vda2"). The front
// is cut off ("...") where it needs more than SIZE bytes.
int linux_file_path(struct os *os, uint64_t file, char *buf, size_t size, struct kvm_err *err);

#endif
