// SPDX-License-Identifier: BSD-2-Clause
// The BTF of the fake kernel.
#ifndef KVM_SPEC_FAKE_BTF_H
#define KVM_SPEC_FAKE_BTF_H

#include "fake_kernel.h"

// Returns the bytes (mem_alloc) and their number.
uint8_t *fake_btf(enum fake_layout layout, size_t *len);

#endif
