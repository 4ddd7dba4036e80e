// SPDX-License-Identifier: BSD-2-Clause
// No operating system: a handle without memory.
#ifndef KVM_OS_NONE_H
#define KVM_OS_NONE_H

#include "os/os.h"

extern const struct os_ops os_none;

#endif
