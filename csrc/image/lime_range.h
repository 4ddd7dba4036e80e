// SPDX-License-Identifier: BSD-2-Clause
// The header in front of each range of memory in LiME and AVML files.
#ifndef KVM_IMAGE_LIME_RANGE_H
#define KVM_IMAGE_LIME_RANGE_H

#include "base/file.h"

enum {
    LIME_HEADER = 32,        // bytes: magic, version, first and last address, 8 bytes of zeros
    LIME_MAGIC = 0x4c694d45, // "EMiL" in the file
    AVML_MAGIC = 0x4c4d5641  // "AVML" in the file
};

struct lime_range {
    uint64_t start, end; // exclusive; end > start
};

bool lime_magic(const struct file *f, uint32_t magic);
// The header at OFF. NOTFOUND, EXCLUDED: the file ends before its end; UNSUPPORTED: another version; FORMAT.
int lime_range_read(const struct file *f, uint64_t off, uint32_t magic, uint32_t version,
                    struct lime_range *out, struct kvm_err *err);

#endif
