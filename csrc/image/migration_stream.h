// SPDX-License-Identifier: BSD-2-Clause
// The RAM section of a QEMU migration stream, read in one pass.
#ifndef KVM_IMAGE_MIGRATION_STREAM_H
#define KVM_IMAGE_MIGRATION_STREAM_H

#include "base/file.h"

enum { MIGRATION_PAGE = 4096 };

// What is told of a stream, in its order.
struct migration_visitor {
    void *ctx;
    // The machine type, as "pc-i440fx-7.2".
    int (*machine)(void *ctx, const char *name, struct kvm_err *err);
    // A block of RAM; told before any of its pages.
    int (*block)(void *ctx, const char *name, uint64_t size, struct kvm_err *err);
    // A page of the block: its bytes stand at OFF in the stream; or it is all zeros.
    int (*page)(void *ctx, const char *block, uint64_t at, bool zero, uint64_t off,
                struct kvm_err *err);
};

bool migration_magic(const struct file *f);
// *CUT: the stream ends before its RAM section does. UNSUPPORTED: kinds of records that are not read, by name.
int migration_read(const struct file *f, const struct migration_visitor *v,
                   const struct progress *progress, bool *cut, struct kvm_err *err);

#endif
