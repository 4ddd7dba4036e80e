// SPDX-License-Identifier: BSD-2-Clause
// Physical memory as a session sees it.
#ifndef KVM_SESSION_PHYS_H
#define KVM_SESSION_PHYS_H

#include "session/session.h"

int phys_find(kvm_t *kd, uint64_t pa, struct image_run *run, struct kvm_err *err);
// The callback of kd->phys (ctx is the kvm_t), which page tables are read with: through the cache of pages, for one table is
// asked for many times.
int phys_read(void *ctx, uint64_t pa, void *buf, size_t len, struct kvm_err *err);
// In bulk, past the cache. *done counts the bytes before a failure, in both directions.
int phys_copy(kvm_t *kd, uint64_t pa, void *buf, size_t len, size_t *done, struct kvm_err *err);
// The handle is writable. Goes to the overlay or to the file, as it was opened.
int phys_write(kvm_t *kd, uint64_t pa, const void *buf, size_t len, size_t *done,
               struct kvm_err *err);

#endif
