// SPDX-License-Identifier: BSD-2-Clause
// struct elf_prstatus (Linux 6.12 include/linux/elfcore.h; registers in the order of
// arch/x86/include/asm/user_64.h): signal numbers, the ids at byte 32, four times, then the
// registers, 112 bytes in on 64-bit machines. Registers of machines other than x86-64 are left out.
#include "fmt/prstatus.h"

#include "base/bytes.h"
#include "fmt/elf.h"

#define REG(name, index)                                                                           \
    { name, (uint16_t)(112 + 8 * (index)), 8 }
static const struct prstatus_register x86_64_registers[] = {
    REG("r15", 0),       REG("r14", 1),      REG("r13", 2),      REG("r12", 3),     REG("rbp", 4),
    REG("rbx", 5),       REG("r11", 6),      REG("r10", 7),      REG("r9", 8),      REG("r8", 9),
    REG("rax", 10),      REG("rcx", 11),     REG("rdx", 12),     REG("rsi", 13),    REG("rdi", 14),
    REG("orig_rax", 15), REG("rip", 16),     REG("cs", 17),      REG("eflags", 18), REG("rsp", 19),
    REG("ss", 20),       REG("fs_base", 21), REG("gs_base", 22), REG("ds", 23),     REG("es", 24),
    REG("fs", 25),       REG("gs", 26),
};
#undef REG

static const struct prstatus_layout layouts[] = {
    {ELF_EM_X86_64, 2, 336, 32, x86_64_registers,
     sizeof(x86_64_registers) / sizeof(x86_64_registers[0])},
};

// Sizes of the descriptor: 112 bytes (72 on 32-bit machines), the registers, pr_fpvalid, padding.
static const struct {
    uint16_t size;
    int8_t big; // 1 big-endian, 0 little-endian, -1 both
    uint16_t machine;
} sizes[] = {
    {336, 0, ELF_EM_X86_64},  // 27 registers
    {336, 1, ELF_EM_S390},    // psw 16, gprs 128, acrs 64, orig_gpr2 8
    {392, 0, ELF_EM_AARCH64}, // 34 registers
    {504, -1, ELF_EM_PPC64},  // 48 registers; QEMU 7.2 writes ppc64le's notes big-endian
    {376, 0, ELF_EM_RISCV},   // 32 registers
    {144, 0, ELF_EM_386},     // 17 registers of 4 bytes
    {148, 0, ELF_EM_ARM},     // 18 registers of 4 bytes
};

const struct prstatus_layout *prstatus_layout_find(uint16_t machine, uint8_t elf_class) {
    for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
        if (layouts[i].machine == machine && layouts[i].elf_class == elf_class) return &layouts[i];
    return NULL;
}

uint16_t prstatus_machine(size_t len, bool big) {
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        if (sizes[i].size == len && (sizes[i].big < 0 || sizes[i].big == big))
            return sizes[i].machine;
    return 0;
}

bool prstatus_pid(const struct prstatus_layout *l, const uint8_t *desc, size_t len, bool big,
                  int32_t *out) {
    if (len < (size_t)l->pid_offset + 4) return false;
    *out = (int32_t)bytes_u32(desc + l->pid_offset, big);
    return true;
}

bool prstatus_register_get(const struct prstatus_layout *l, const uint8_t *desc, size_t len,
                           bool big, const char *name, uint64_t *out) {
    for (size_t i = 0; i < l->register_count; i++) {
        const struct prstatus_register *r = &l->registers[i];
        if (strcmp(r->name, name) != 0) continue;
        if (len < (size_t)r->offset + r->size) return false;
        *out = r->size == 8 ? bytes_u64(desc + r->offset, big) : bytes_u32(desc + r->offset, big);
        return true;
    }
    return false;
}
