// SPDX-License-Identifier: BSD-2-Clause
// `virsh save`: a header and the domain's XML in front of QEMU's migration stream, which may be compressed.
#ifndef KVM_FMT_LIBVIRT_SAVE_H
#define KVM_FMT_LIBVIRT_SAVE_H

#include "base/file.h"

extern const struct file_layer libvirt_save_layer;

#endif
