// SPDX-License-Identifier: BSD-2-Clause
// ELF headers (fmt/elf.h), after the System V ABI, gABI 4.1. e_ehsize is not looked at (QEMU 7.2
// writes 8); e_phentsize may be larger than the entry that is known; an e_phnum of PN_XNUM (0xffff)
// means sh_info of section header 0, where there is one.
#include "fmt/elf.h"

#include "base/bytes.h"
#include "base/mem.h"

enum { PN_XNUM = 0xffff, EHDR32 = 52, EHDR64 = 64, PHDR32 = 32, PHDR64 = 56 };

const char *elf_machine_name(uint16_t machine, uint8_t elf_class, bool big) {
    static const struct {
        uint16_t machine;
        uint8_t elf_class;
        const char *little, *big; // NULL: there is no such one
    } names[] = {
        {ELF_EM_X86_64, 2, "x86_64", NULL},
        {ELF_EM_386, 1, "i386", NULL},
        {ELF_EM_AARCH64, 2, "aarch64", "aarch64_be"},
        {ELF_EM_ARM, 1, "arm", "armeb"},
        {ELF_EM_PPC64, 2, "ppc64le", "ppc64"},
        {ELF_EM_PPC, 1, "ppcle", "ppc"},
        {ELF_EM_S390, 2, NULL, "s390x"},
        {ELF_EM_S390, 1, NULL, "s390"},
        {ELF_EM_RISCV, 2, "riscv64", NULL},
        {ELF_EM_RISCV, 1, "riscv32", NULL},
        {ELF_EM_LOONGARCH, 2, "loongarch64", NULL},
        {ELF_EM_MIPS, 2, "mips64el", "mips64"},
        {ELF_EM_MIPS, 1, "mipsel", "mips"},
        {ELF_EM_SPARCV9, 2, NULL, "sparc64"},
        {ELF_EM_PARISC, 1, NULL, "parisc"},
        {ELF_EM_68K, 1, NULL, "m68k"},
        {ELF_EM_SH, 1, "sh", "sheb"},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].machine == machine && names[i].elf_class == elf_class)
            return big ? names[i].big : names[i].little;
    }
    return NULL;
}

bool elf_magic(const uint8_t *bytes, size_t len) {
    return len >= 4 && memcmp(bytes, "\177ELF", 4) == 0;
}

static int check_ident(const uint8_t *bytes, size_t len, struct kvm_err *err) {
    if (!elf_magic(bytes, len)) return err_set(err, KVM_FORMAT, "no ELF magic");
    if (len < 16) return err_set(err, KVM_FORMAT, "header is cut short at %zu bytes", len);
    if (bytes[4] != 1 && bytes[4] != 2)
        return err_set(err, KVM_FORMAT, "unknown ELF class %u", bytes[4]);
    if (bytes[5] != 1 && bytes[5] != 2)
        return err_set(err, KVM_FORMAT, "unknown ELF byte order %u", bytes[5]);
    size_t want = bytes[4] == 2 ? EHDR64 : EHDR32;
    if (len < want)
        return err_set(err, KVM_FORMAT, "header is cut short at %zu of %zu bytes", len, want);
    return 0;
}

// The number of program headers that did not fit into 16 bits. False: there is no section header.
static bool extended_phnum(const struct file *f, const struct elf_header *h, uint64_t shoff,
                           uint32_t *out) {
    uint64_t at;
    uint8_t bytes[4];
    uint64_t field = h->elf_class == 2 ? 44 : 28; // sh_info
    if (shoff == 0 || !mem_add(shoff, field, &at) || file_read(f, at, bytes, 4, NULL)) return false;
    *out = bytes_u32(bytes, h->big);
    return true;
}

int elf_header_parse(const struct file *f, struct elf_header *out, struct kvm_err *err) {
    uint8_t bytes[EHDR64];
    size_t len = file_head(f, bytes, sizeof(bytes));
    int rc = check_ident(bytes, len, err);
    if (rc) return rc;
    bool wide = bytes[4] == 2;
    *out = (struct elf_header){.big = bytes[5] == 2, .elf_class = bytes[4]};
    struct cursor c = cursor_make(bytes + 16, len - 16, out->big);
    out->type = cursor_u16(&c);
    out->machine = cursor_u16(&c);
    cursor_take(&c, wide ? 12 : 8); // e_version, e_entry
    out->phoff = wide ? cursor_u64(&c) : cursor_u32(&c);
    uint64_t shoff = wide ? cursor_u64(&c) : cursor_u32(&c);
    out->flags = cursor_u32(&c);
    cursor_take(&c, 2); // e_ehsize
    out->phentsize = cursor_u16(&c);
    out->phnum = cursor_u16(&c);
    if (out->phnum == PN_XNUM && !extended_phnum(f, out, shoff, &out->phnum) && shoff)
        return err_set(err, KVM_FORMAT,
                       "section header 0, with the number of segments, is cut off");
    if (out->phnum && out->phentsize < (wide ? PHDR64 : PHDR32))
        return err_set(err, KVM_FORMAT, "program headers of %u bytes", out->phentsize);
    return 0;
}

bool elf_phdr_get(const struct elf_header *h, const struct file *f, uint32_t i,
                  struct elf_phdr *out) {
    bool wide = h->elf_class == 2;
    uint64_t at;
    uint8_t room[PHDR64];
    const uint8_t *bytes;
    size_t size = wide ? PHDR64 : PHDR32;
    if (!mem_add(h->phoff, (uint64_t)i * h->phentsize, &at) ||
        file_view(f, at, size, room, &bytes, NULL))
        return false;
    struct cursor c = cursor_make(bytes, size, h->big);
    out->type = cursor_u32(&c);
    if (wide) {
        cursor_take(&c, 4); // p_flags
        out->offset = cursor_u64(&c);
        out->vaddr = cursor_u64(&c);
        out->paddr = cursor_u64(&c);
        out->filesz = cursor_u64(&c);
        out->memsz = cursor_u64(&c);
    } else {
        out->offset = cursor_u32(&c);
        out->vaddr = cursor_u32(&c);
        out->paddr = cursor_u32(&c);
        out->filesz = cursor_u32(&c);
        out->memsz = cursor_u32(&c);
    }
    return true;
}
