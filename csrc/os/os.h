// SPDX-License-Identifier: BSD-2-Clause
// What makes a kernel Linux (or FreeBSD): where it is in memory, and how it keeps its processes.
//
// How to add an operating system: write csrc/os/<os>/ with one `const struct os_ops os_<os>`, add
// its line to the table in csrc/os/os.c, and a folder lua/kvm/<os>/.
#ifndef KVM_OS_OS_H
#define KVM_OS_OS_H

#include "image/image.h"
#include "mmu/mmu.h"
#include "symbol/symbol.h"
#include "type/type.h"

struct os;

// What locating found. Strings are "" and numbers 0 where unknown.
struct os_facts {
    const char *os;        // "linux"
    char release[65];      // "6.1.0-56-cloud-amd64"
    char machine[65];      // "x86_64"
    char build_id[65];     // hexadecimal
    uint32_t page_size;    // bytes
    uint64_t kernel_start; // the lowest address of the kernel's half of the address space
    uint64_t kaslr_off;
    bool has_kaslr_off;
    int64_t phys_base; // what the kernel's mapping adds; can be negative
    bool has_phys_base;
    uint32_t cpus;      // CPUs that left registers in the notes; 0 unknown
    int64_t crash_time; // seconds since 1970; 0 unknown
    const char
        *vmcoreinfo_from; // "note", "file", "memory" (of the dump), "search" (lines that were
                          // made); NULL: there is none
    char found[160];      // how, where no note told: "CR3 of CPU 1; kallsyms"
};

// What a search found: the VMCOREINFO lines that the dump's notes lack.
struct os_found {
    const char *from;  // as os_facts.vmcoreinfo_from
    char how[160];     // as os_facts.found
    char *text;        // from mem_alloc, the caller's
    size_t len;        // bytes in text, without the NUL behind them
    uint16_t machine;  // EM_*
    uint8_t elf_class; // of the kernel
};

// One task. All times in nanoseconds, all sizes in bytes.
struct os_proc {
    int32_t pid, tid, ppid, pgid, sid; // pid: the thread group, tid: the task
    uint32_t uid, ruid, svuid, gid, rgid, svgid;
    char comm[32];
    char state; // as /proc/PID/stat prints it: R S D T t X Z P I
    int32_t cpu, nice, threads;
    int32_t prio, rt_priority, policy; // kernel's static numbers: prio as task_struct.prio
    uint64_t flags;                    // PF_*
    uint64_t start_ns;                 // since boot
    uint64_t utime_ns, stime_ns; // of the task; of the whole group where threads are not asked for
    uint64_t vsz_bytes, rss_bytes;
    int32_t tty_major, tty_minor; // 0, 0: none
    char tty[32];                 // "ttyS0", "" none
    uint64_t addr;                // of the task_struct
    uint64_t leader;              // of the thread group leader's
    uint64_t mm;                  // of the mm_struct; 0 for kernel threads
    uint32_t partial;             // fields that could not be read (bits of enum os_proc_part)
};
enum os_proc_part {
    OS_PROC_SIGNAL = 1,
    OS_PROC_CRED = 2,
    OS_PROC_MM = 4,
    OS_PROC_TIMES = 8,
    OS_PROC_TTY = 16,
    OS_PROC_TASK = 32 // of the task_struct itself, or its parent
};

typedef int os_proc_visit(void *ctx, const struct os_proc *p); // 0 goes on
enum os_proc_strings { OS_ARGV, OS_ENVIRON };

struct os_swap {
    char name[64];
    uint64_t total_pages, used_pages;
    uint32_t flags;
};

// A loaded module.
struct os_module {
    char name[64];
    uint64_t addr;       // of its struct module
    uint64_t base, size; // of its text range, and bytes in all ranges
    struct module_symbols symbols;
};
typedef int os_module_visit(void *ctx, const struct os_module *m);
typedef int os_section_visit(void *ctx, const char *name, uint64_t addr); // 0 goes on

// What pages hold that a dump can do without, in the kernel's own words; bits. Zero pages are no kind of their own.
enum os_page_kind {
    OS_PAGE_CACHE = 1,  // of a file's contents: page cache, also dirty pages and those of tmpfs
    OS_PAGE_USER = 2,   // anonymous memory of processes, huge pages of theirs
    OS_PAGE_FREE = 4,   // in the buddy allocator's lists, or in those of a CPU
    OS_PAGE_UNTOLD = 8, // may be any of these: what tells is not in the dump, or is damaged
};
// Physical memory [start, end), whole pages, all of one kind; 0 goes on.
typedef int os_page_visit(void *ctx, uint64_t start, uint64_t end, enum os_page_kind kind);

struct os_ops {
    const char *name;
    int (*probe)(const struct image *img, struct kvm_err *err); // enum image_probe
    // Optional: finds the kernel in memory where the notes do not tell, so that probe and locate find
    // it with OUT's lines. NOTFOUND: there is none. May take as long as reading the whole dump.
    int (*search)(struct image *img, const struct progress *progress, struct os_found *out,
                  struct kvm_err *err);
    // Fills os->facts and os->mmu (not its reader) from the image alone.
    int (*locate)(struct os *os, struct kvm_err *err);
    // Adds the image's own symbol sources to os->symbols.
    int (*add_symbols)(struct os *os, struct kvm_err *err);
    // The kernel's own types in memory, as a source (BTF). NOTFOUND: it has none.
    int (*load_types)(struct os *os, struct type_source **out, struct kvm_err *err);
    // Optional: the types of a module in memory, for a graph in which its number is NUMBER. KERNEL: the kernel's own
    // types, or NULL. NOTFOUND: it has none.
    int (*load_module_types)(struct os *os, const struct os_module *m, struct type_source *kernel,
                             uint32_t number, struct type_source **out, struct kvm_err *err);
    // Every process (thread group leaders), or every thread, newest layout first. A task whose list
    // link is readable but some of whose fields are not is given with `partial` set.
    int (*each_proc)(struct os *os, bool threads, os_proc_visit *fn, void *ctx,
                     struct kvm_err *err);
    // The one task of that tid; times of the whole group when it is the leader. NOTFOUND: none.
    int (*find_proc)(struct os *os, int32_t tid, struct os_proc *out, struct kvm_err *err);
    // Physical address of a process's page table root.
    int (*proc_root)(struct os *os, const struct os_proc *p, uint64_t *root, struct kvm_err *err);
    // The bytes of argv or environ, strings with their NULs, at most max. *out from mem_alloc.
    // EXCLUDED/FAULT with the user address where pages are not there; NOTFOUND for kernel threads.
    int (*proc_strings)(struct os *os, const struct os_proc *p, enum os_proc_strings what,
                        size_t max, char **out, size_t *len, struct kvm_err *err);
    int (*loadavg)(struct os *os, double avg[3], struct kvm_err *err);
    int (*each_swap)(struct os *os, int (*fn)(void *ctx, const struct os_swap *s), void *ctx,
                     struct kvm_err *err);
    // Optional: where all of physical memory is mapped, [start, end). NOTFOUND: unknown.
    int (*direct_map)(struct os *os, uint64_t *start, uint64_t *end);
    int (*max_cpu)(struct os *os, int *out,
                   struct kvm_err *err); // one past the highest possible CPU number
    int (*each_module)(struct os *os, os_module_visit *fn, void *ctx, struct kvm_err *err);
    // Optional: where the sections of a module lie. NOTFOUND: the kernel does not keep it.
    int (*each_section)(struct os *os, const struct os_module *m, os_section_visit *fn, void *ctx,
                        struct kvm_err *err);
    // Optional: the pages of the kinds above, in ascending order; pages of other kinds, and memory that the kernel has
    // no structures for, are left out.
    int (*each_page)(struct os *os, os_page_visit *fn, void *ctx, struct kvm_err *err);
    void (*destroy)(struct os *os);
};

struct os {
    const struct os_ops *ops;
    struct image *image;
    struct mmu mmu;
    struct symtab *symbols;
    struct type_db *types;
    struct reader virt; // kernel virtual memory, through mmu
    // User memory: reads at most len bytes in the space of `root`; *done bytes came before the
    // failure.
    int (*read_space)(void *ctx, uint64_t root, uint64_t addr, void *buf, size_t len, size_t *done,
                      struct kvm_err *err);
    void *ctx;
    struct os_facts facts;
    void *priv;
};

// The line of the table that claims the image. UNSUPPORTED: "no kernel was recognised in this image
// (…)".
int os_find(const struct image *img, const struct os_ops **out, struct kvm_err *err);
// Asks those that can search. NOTFOUND: none has found its kernel.
int os_search(struct image *img, const struct progress *progress, struct os_found *out,
              struct kvm_err *err);

#endif
