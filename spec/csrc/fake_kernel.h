// SPDX-License-Identifier: BSD-2-Clause
// A small Linux in one megabyte of memory, for the tests of csrc/os: page tables, BTF, symbols and
// the structs that the walkers follow, laid out as 5.10 or as 7.2 has them (with other offsets).
// Everything between struct os and these bytes is the library's own code; only the image is made
// up.
#ifndef KVM_SPEC_FAKE_KERNEL_H
#define KVM_SPEC_FAKE_KERNEL_H

#include "os/linux/linux.h"

#define FAKE_DIRECT UINT64_C(0xffff888000000000) // virtual address of physical 0
#define FAKE_TEXT   UINT64_C(0xffffffff81000000) // _stext, physical 0
#define FAKE_USER   UINT64_C(0x7fff00000000)     // three pages of a process's memory

enum { FAKE_BYTES = 1 << 20, FAKE_HOLES = 8, FAKE_SYMBOLS = 32, FAKE_USER_BYTES = 3 * 4096 };

enum fake_layout { FAKE_OLD, FAKE_NEW }; // as 5.10, as 7.2

struct fake_kernel {
    struct os os;
    struct image image;
    enum fake_layout layout;
    char info[1024]; // VMCOREINFO
    uint8_t mem[FAKE_BYTES];
    uint64_t next; // physical address of the first free byte
    struct {
        uint64_t start, end; // physical addresses that are not in the dump
    } hole[FAKE_HOLES];
    int holes;
    struct {
        const char *name;
        uint64_t addr;
    } symbol[FAKE_SYMBOLS];
    int symbols;
    uint8_t user[FAKE_USER_BYTES];
    bool user_hole[3];
    uint64_t init_task, modules, swap_info;
    uint64_t user_root;
};

struct fake_kernel *fake_create(enum fake_layout layout); // located, with symbols and types
void fake_destroy(struct fake_kernel *k);
// The image alone: VMCOREINFO and page tables, not located.
struct fake_kernel *fake_create_image(enum fake_layout layout);

uint64_t fake_alloc(struct fake_kernel *k,
                    size_t size); // virtual address in the direct map, zeroed
void fake_put(struct fake_kernel *k, uint64_t va, uint64_t value, size_t size);
uint64_t fake_get(struct fake_kernel *k, uint64_t va, size_t size);
void fake_puts(struct fake_kernel *k, uint64_t va, const char *s);
void fake_hole(struct fake_kernel *k, uint64_t va, size_t size); // not in the dump
void fake_symbol(struct fake_kernel *k, const char *name, uint64_t va);
// Puts NODE before HEAD: at the end of its list.
void fake_list_add(struct fake_kernel *k, uint64_t node, uint64_t head);

// Offset of a member as the kernel's BTF has it; ends the test program when there is none.
uint64_t fake_off(struct fake_kernel *k, const char *type, const char *path);
// put of a member: fake_set(k, task, "struct task_struct", "pid", 7).
void fake_set(struct fake_kernel *k, uint64_t base, const char *type, const char *path,
              uint64_t value);

// A process of one thread in the task list, child of PARENT (0: of itself), with signal, pids and
// credentials.
uint64_t fake_process(struct fake_kernel *k, int pid, const char *comm, uint64_t parent);
uint64_t fake_thread(struct fake_kernel *k, uint64_t leader, int tid, const char *comm);
// Gives the process a memory map; its user memory is k->user at FAKE_USER.
uint64_t fake_mm(struct fake_kernel *k, uint64_t task);

#endif
