// SPDX-License-Identifier: BSD-2-Clause
// The architectures that mmu.c knows, and the walk they share.
#ifndef KVM_MMU_ARCHES_H
#define KVM_MMU_ARCHES_H

#include "mmu/mmu.h"

extern const struct mmu_ops mmu_x86_64;

#endif
