// SPDX-License-Identifier: BSD-2-Clause
// zstd files with a table of their frames, read in place: a frame is unpacked when bytes of it are asked for.
#ifndef KVM_BASE_ZSTD_SEEKABLE_H
#define KVM_BASE_ZSTD_SEEKABLE_H

#include "base/file.h"

extern const struct file_layer zstd_seekable_layer;

#endif
