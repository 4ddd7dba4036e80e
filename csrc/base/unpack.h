// SPDX-License-Identifier: BSD-2-Clause
// Whole files that are compressed: unpacked into a private temporary file, which has no name and goes when the layer
// is closed. What can be read in place (base/zstd_seekable.h) is not unpacked.
//
// How to add a compression:
//  1. Write csrc/base/unpack_<name>.c with one `const struct unpack_ops` (base/unpack_ops.h).
//  2. Add its line to the table in unpack.c, and its library to the Makefile (WITH_..., HAVE, PC_...).
//  3. A line in spec/synthetic/layers_spec.lua, a seed for spec/fuzz/fuzz_unpack.c, and a row in README's matrix.
#ifndef KVM_BASE_UNPACK_H
#define KVM_BASE_UNPACK_H

#include "base/file.h"

extern const struct file_layer unpack_layer;

#endif
