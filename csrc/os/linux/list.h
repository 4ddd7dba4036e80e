// SPDX-License-Identifier: BSD-2-Clause
// The kernel's circular lists (struct list_head, include/linux/list.h).
#ifndef KVM_OS_LINUX_LIST_H
#define KVM_OS_LINUX_LIST_H

#include "base/reader.h"

// No list that is walked here is longer than there can be tasks (PID_MAX_LIMIT, 4 * 1024 * 1024).
enum { LINUX_LIST_MAX = 4 * 1024 * 1024 };

typedef int linux_list_visit(void *ctx,
                             uint64_t node); // 0 goes on, other values end and are returned

// Calls fn for the address of every list_head in the list but HEAD itself. Where the list is
// damaged (FORMAT: a back link does not point back) or a link can't be read (FAULT, EXCLUDED), the
// entries behind the damage are visited from the other end, in reverse order, and the error is
// returned after that. Its text begins with WHAT. No entry is visited twice.
int linux_list_each(const struct reader *virt, uint64_t head, const char *what,
                    linux_list_visit *fn, void *ctx, struct kvm_err *err);
// The same for a list of which one entry is known: where the head itself is not in the dump, the
// walk goes from that entry in both directions.
int linux_list_each_around(const struct reader *virt, uint64_t head, uint64_t entry,
                           const char *what, linux_list_visit *fn, void *ctx, struct kvm_err *err);

#endif
