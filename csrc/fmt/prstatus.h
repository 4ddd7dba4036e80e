// SPDX-License-Identifier: BSD-2-Clause
// The descriptor of an NT_PRSTATUS note, struct elf_prstatus of the target: which task was on the
// CPU, and its registers, by name.
#ifndef KVM_FMT_PRSTATUS_H
#define KVM_FMT_PRSTATUS_H

#include "base/err.h"

#include <stddef.h>

struct prstatus_register {
    const char *name; // the kernel's spelling in struct user_regs_struct: "rip", "eflags"
    uint16_t offset;  // in the descriptor
    uint8_t size;     // bytes
};

struct prstatus_layout {
    uint16_t machine; // EM_*
    uint8_t elf_class;
    size_t size;         // of the descriptor
    uint16_t pid_offset; // of pr_pid, 32 bits
    const struct prstatus_register *registers;
    size_t register_count;
};

// The layout of a machine, or NULL where its registers are not known here.
const struct prstatus_layout *prstatus_layout_find(uint16_t machine, uint8_t elf_class);
// What machine (EM_*) writes descriptors of that size in that byte order; 0 unknown. For dumps
// whose header does not say.
uint16_t prstatus_machine(size_t len, bool big);

// Both: false when the descriptor is too short (or the register is unknown).
bool prstatus_pid(const struct prstatus_layout *l, const uint8_t *desc, size_t len, bool big,
                  int32_t *out);
bool prstatus_register_get(const struct prstatus_layout *l, const uint8_t *desc, size_t len,
                           bool big, const char *name, uint64_t *out);

#endif
