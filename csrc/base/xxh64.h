// SPDX-License-Identifier: BSD-2-Clause
// XXH64 with seed 0, the checksum of zstd's and LZ4's formats (xxHash specification 0.1.1).
#ifndef KVM_BASE_XXH64_H
#define KVM_BASE_XXH64_H

#include <stddef.h>
#include <stdint.h>

uint64_t xxh64(const void *p, size_t len);

#endif
