// SPDX-License-Identifier: BSD-2-Clause
// ELF file and program headers of cores, read in place: both classes, both byte orders, tolerant of
// what dumpers write wrongly. Namelists and modules are libelf's; this is for dumps, which come
// truncated, huge, and with broken headers.
#ifndef KVM_FMT_ELF_H
#define KVM_FMT_ELF_H

#include "base/file.h"

#include <stddef.h>

enum {
    ELF_ET_REL = 1,
    ELF_ET_EXEC = 2,
    ELF_ET_DYN = 3,
    ELF_ET_CORE = 4,
    ELF_CORE_INCOMPLETE = 1, // of e_flags, makedumpfile's DUMP_ELF_INCOMPLETE

    ELF_PT_LOAD = 1,
    ELF_PT_NOTE = 4,

    ELF_EM_386 = 3,
    ELF_EM_68K = 4,
    ELF_EM_MIPS = 8,
    ELF_EM_PARISC = 15,
    ELF_EM_PPC = 20,
    ELF_EM_PPC64 = 21,
    ELF_EM_S390 = 22,
    ELF_EM_ARM = 40,
    ELF_EM_SH = 42,
    ELF_EM_SPARCV9 = 43,
    ELF_EM_X86_64 = 62,
    ELF_EM_AARCH64 = 183,
    ELF_EM_RISCV = 243,
    ELF_EM_LOONGARCH = 258,
};

struct elf_header {
    bool big;
    uint8_t elf_class; // 1 (32 bits) or 2 (64 bits)
    uint16_t type;     // ELF_ET_*
    uint16_t machine;  // ELF_EM_*
    uint32_t flags;
    uint64_t phoff;
    uint32_t phnum; // PN_XNUM resolved
    uint16_t phentsize;
};

struct elf_phdr {
    uint32_t type; // ELF_PT_*
    uint64_t offset, vaddr, paddr, filesz, memsz;
};

// The name of a machine, as uname -m and the like have it ("x86_64", "ppc64le"). NULL: not known.
const char *elf_machine_name(uint16_t machine, uint8_t elf_class, bool big);
// Whether the bytes begin as an ELF file does.
bool elf_magic(const uint8_t *bytes, size_t len);
// FORMAT when the header is cut short or not ELF. Program headers are not looked at, but the section header that
// PN_XNUM points to is.
int elf_header_parse(const struct file *f, struct elf_header *out, struct kvm_err *err);
// Program header I (< phnum). False when it lies behind the end of the file, or was cut off.
bool elf_phdr_get(const struct elf_header *h, const struct file *f, uint32_t i,
                  struct elf_phdr *out);

#endif
