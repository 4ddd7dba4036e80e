// SPDX-License-Identifier: BSD-2-Clause
// Flattened dumps: what makedumpfile -F and QEMU's dump-guest-memory write to a pipe, as the file that
// `makedumpfile -R` makes of it.
#ifndef KVM_FMT_FLATTENED_H
#define KVM_FMT_FLATTENED_H

#include "base/file.h"

extern const struct file_layer flattened_layer;

#endif
