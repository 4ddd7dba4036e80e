// SPDX-License-Identifier: BSD-2-Clause
// The ranges of an address space that hold memory, in ascending order, a batch at a time: what
// k:regions and k:search go through. It owns nothing, so it can lie in a userdata.
#ifndef KVM_BIND_RANGES_H
#define KVM_BIND_RANGES_H

#include "session/session.h"

enum { RANGES_BATCH = 64 };

struct range {
    uint64_t first, last; // inclusive: the last byte of the address space has no end behind it
};

struct ranges {
    struct session_space space;
    uint64_t at, to; // what is not looked at yet
    bool ended;
    unsigned count, next;
    struct range batch[RANGES_BATCH];
};

// From FROM to TO (inclusive).
void ranges_init(struct ranges *r, struct session_space space, uint64_t from, uint64_t to);
// The whole of a space: of a process what is below the kernel's half.
void ranges_init_all(const kvm_t *kd, struct ranges *r, struct session_space space);
// Physical: what is in the dump. Virtual: what the page tables map, in the dump or not. Neighbours
// are one. False at the end.
bool ranges_next(kvm_t *kd, struct ranges *r, struct range *out);

#endif
