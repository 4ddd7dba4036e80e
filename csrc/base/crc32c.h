// SPDX-License-Identifier: BSD-2-Clause
// CRC-32C (Castagnoli, RFC 3720), as snappy's framing format has it.
#ifndef KVM_BASE_CRC32C_H
#define KVM_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32c(const uint8_t *p, size_t len);

#endif
