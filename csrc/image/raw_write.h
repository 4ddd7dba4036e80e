// SPDX-License-Identifier: BSD-2-Clause
// Writes physical memory as it is, from address 0 on: a sparse file, in which what is not written reads as zeros.
#ifndef KVM_IMAGE_RAW_WRITE_H
#define KVM_IMAGE_RAW_WRITE_H

#include "image/write.h"

int raw_write(const struct write_source *src, const char *path, struct write_result *res,
              struct kvm_err *err);

#endif
