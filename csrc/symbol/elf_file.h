// SPDX-License-Identifier: BSD-2-Clause
// Opening an ELF file through libelf.
#ifndef KVM_SYMBOL_ELF_FILE_H
#define KVM_SYMBOL_ELF_FILE_H

#include "base/err.h"

#include <libelf.h>

// Both are the caller's to close: elf_end, then close. FORMAT: not an ELF file.
int symbol_elf_open(const char *path, int *fd, Elf **elf, struct kvm_err *err);

#endif
