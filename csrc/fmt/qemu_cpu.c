// SPDX-License-Identifier: BSD-2-Clause
// QEMU's CPU state of x86-64 (struct QEMUX86CPUState, QEMU 7.2 target/i386/arch_dump.c): version and
// size, 32 bits each; sixteen registers, rip and rflags, 64 bits each; ten segments of 24 bytes
// (selector, limit, flags, padding, 32 bits each, base of 64); cr0 to cr4; kernel_gs_base since
// 2.12, which older notes end in front of. Other machines have no such note.
#include "fmt/qemu_cpu.h"

#include "base/bytes.h"
#include "fmt/elf.h"

enum { VERSION = 1, SIZE_OLD = 432, SEGMENTS = 152, SEGMENT = 24, CONTROL = 392 };

#define REG(name, index)                                                                           \
    { name, (uint16_t)(8 + 8 * (index)), 8 }
#define SELECTOR(name, index)                                                                      \
    { name, (uint16_t)(SEGMENTS + SEGMENT * (index)), 4 }
#define BASE(name, index)                                                                          \
    { name, (uint16_t)(SEGMENTS + SEGMENT * (index) + 16), 8 }
#define CR(name, index)                                                                            \
    { name, (uint16_t)(CONTROL + 8 * (index)), 8 }
static const struct qemu_cpu_register x86_64[] = {
    REG("rax", 0),
    REG("rbx", 1),
    REG("rcx", 2),
    REG("rdx", 3),
    REG("rsi", 4),
    REG("rdi", 5),
    REG("rsp", 6),
    REG("rbp", 7),
    REG("r8", 8),
    REG("r9", 9),
    REG("r10", 10),
    REG("r11", 11),
    REG("r12", 12),
    REG("r13", 13),
    REG("r14", 14),
    REG("r15", 15),
    REG("rip", 16),
    REG("eflags", 17),
    SELECTOR("cs", 0),
    SELECTOR("ds", 1),
    SELECTOR("es", 2),
    SELECTOR("fs", 3),
    SELECTOR("gs", 4),
    SELECTOR("ss", 5),
    BASE("fs_base", 3),
    BASE("gs_base", 4),
    BASE("ldt_base", 6),
    BASE("tr_base", 7),
    BASE("gdt_base", 8),
    BASE("idt_base", 9),
    CR("cr0", 0),
    CR("cr2", 2),
    CR("cr3", 3),
    CR("cr4", 4),
    CR("kernel_gs_base", 5),
};
#undef REG
#undef SELECTOR
#undef BASE
#undef CR

const struct qemu_cpu_register *qemu_cpu_registers(uint16_t machine, uint8_t elf_class,
                                                   size_t *count) {
    *count = 0;
    if (machine != ELF_EM_X86_64 || elf_class != 2) return NULL;
    *count = sizeof(x86_64) / sizeof(x86_64[0]);
    return x86_64;
}

bool qemu_cpu_valid(uint16_t machine, const uint8_t *desc, size_t len, bool big) {
    if (machine != ELF_EM_X86_64 || len < SIZE_OLD) return false;
    uint32_t size = bytes_u32(desc + 4, big);
    return bytes_u32(desc, big) == VERSION && size >= SIZE_OLD && size <= len;
}

bool qemu_cpu_register_get(uint16_t machine, uint8_t elf_class, const uint8_t *desc, size_t len,
                           bool big, const char *name, uint64_t *out) {
    size_t n;
    const struct qemu_cpu_register *r = qemu_cpu_registers(machine, elf_class, &n);
    if (!r || !qemu_cpu_valid(machine, desc, len, big)) return false;
    for (; n > 0; n--, r++) {
        if (strcmp(r->name, name) != 0) continue;
        if (bytes_u32(desc + 4, big) < (uint32_t)r->offset + r->size) return false;
        *out = r->size == 8 ? bytes_u64(desc + r->offset, big) : bytes_u32(desc + r->offset, big);
        return true;
    }
    return false;
}
