// SPDX-License-Identifier: BSD-2-Clause
// The table of architectures.
#include "mmu/arches.h"

#include <stddef.h>

static const struct mmu_ops *const arches[] = {
    &mmu_x86_64,
};

const struct mmu_ops *mmu_find(uint16_t machine, uint8_t elf_class) {
    for (size_t i = 0; i < sizeof(arches) / sizeof(arches[0]); i++) {
        if (arches[i]->machine == machine && arches[i]->elf_class == elf_class) return arches[i];
    }
    return NULL;
}
