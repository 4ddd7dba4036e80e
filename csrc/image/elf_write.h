// SPDX-License-Identifier: BSD-2-Clause
// Writes an ELF core as /proc/vmcore has it (64 bits, of either byte order), with chosen pages of an image.
#ifndef KVM_IMAGE_ELF_WRITE_H
#define KVM_IMAGE_ELF_WRITE_H

#include "image/write.h"

// Physical memory that the kernel has mapped in one piece.
struct elf_write_map {
    uint64_t pa, len, va;
};

struct elf_write_options {
    const char *path;
    const struct elf_write_map *direct; // gives segments their virtual addresses; NULL: they get 0
    const struct elf_write_map
        *text; // gives it segments of its own, which share the bytes; NULL: none
};

// Memory that is not in the file becomes p_filesz < p_memsz, as with `makedumpfile -E`. UNSUPPORTED: the machine is
// not known, or is one of 32 bits. Else as kdump_write.
int elf_write(const struct write_source *src, const struct elf_write_options *opt,
              struct write_result *res, struct kvm_err *err);

#endif
