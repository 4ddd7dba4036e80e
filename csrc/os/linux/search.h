// SPDX-License-Identifier: BSD-2-Clause
// What the files share that find a kernel which no note tells of (search.c), and what an
// architecture adds to it: one struct linux_search_ops, named by its struct linux_arch.
#ifndef KVM_OS_LINUX_SEARCH_H
#define KVM_OS_LINUX_SEARCH_H

#include "os/os.h"

enum { LINUX_SEARCH_PAGE = 4096 }; // the scan goes by pages of this size

// The kernel's image as the page table at TABLE, one that all processes share, maps it.
struct linux_map {
    struct mmu mmu;      // from TABLE down
    uint64_t table;      // physical address
    uint64_t start, end; // virtual addresses: the image is mapped in one piece from START on
    int64_t phys_base;   // physical = virtual - start of the kernel's map + phys_base
};

// The VMCOREINFO lines that are made, at most so many bytes.
struct linux_lines {
    char text[2048];
    size_t len;
    bool full; // there was no room for one
};
void linux_lines_add(struct linux_lines *l, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

// What is known of a kernel whose image and kallsyms were found.
struct linux_found {
    struct linux_map map;
    struct reader virt; // through map
    struct symbol_source *kallsyms;
};
bool linux_found_symbol(const struct linux_found *f, const char *name, uint64_t *addr);

struct linux_search_ops {
    // Whether a page of LINUX_SEARCH_PAGE bytes can be the table of struct linux_map. Cheap: asked
    // for every page of the dump.
    bool (*shape)(const uint8_t *page);
    // Fills OUT. NOTFOUND: the table maps no kernel image, or not itself.
    int (*map)(const struct reader *phys, uint64_t table, struct linux_map *out,
               struct kvm_err *err);
    // The table that a CPU used, from QEMU's note N; TRY counts from 0 the ways to read it. False:
    // no more of them.
    bool (*cpu_table)(const struct image *img, const struct reader *phys, size_t n, unsigned try,
                      uint64_t *table);
    // The table of the kernel that os (located) is.
    int (*table)(const struct os *os, uint64_t *table);
    // The lines that locate needs and generic code does not know.
    int (*lines)(const struct linux_found *f, const struct reader *phys, struct linux_lines *l,
                 struct kvm_err *err);
};

extern const struct linux_search_ops linux_search_x86_64;

#endif
