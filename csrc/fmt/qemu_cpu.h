// SPDX-License-Identifier: BSD-2-Clause
// The descriptor of a note named "QEMU": what dump-guest-memory writes of each CPU beside
// NT_PRSTATUS, with the control registers and the segments' bases.
#ifndef KVM_FMT_QEMU_CPU_H
#define KVM_FMT_QEMU_CPU_H

#include "base/err.h"

#include <stddef.h>

struct qemu_cpu_register {
    const char *name; // as struct user_regs_struct spells it, where that has it
    uint16_t offset;  // in the descriptor
    uint8_t size;     // bytes
};

// The registers of a machine (EM_*), NULL where none are known here.
const struct qemu_cpu_register *qemu_cpu_registers(uint16_t machine, uint8_t elf_class,
                                                   size_t *count);
// Whether the descriptor is one of that machine, whole and of a version that is known here.
bool qemu_cpu_valid(uint16_t machine, const uint8_t *desc, size_t len, bool big);
// False when the register is unknown or behind the end of the descriptor.
bool qemu_cpu_register_get(uint16_t machine, uint8_t elf_class, const uint8_t *desc, size_t len,
                           bool big, const char *name, uint64_t *out);

#endif
