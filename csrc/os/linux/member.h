// SPDX-License-Identifier: BSD-2-Clause
// Members of kernel structs by name: where they are, and their values. The newest spelling is tried
// first; the kernel's version is never asked.
#ifndef KVM_OS_LINUX_MEMBER_H
#define KVM_OS_LINUX_MEMBER_H

#include "type/type.h"

struct linux_member {
    const char *type;  // "struct task_struct"
    const char *path;  // "__state"
    const char *older; // "state"; NULL: never had another name
    bool optional;     // a kernel may lack it
};

// SIZE 0: this kernel has no such member.
struct linux_at {
    uint32_t offset; // bytes
    uint32_t size;   // bytes
};

// Looks up COUNT rows. NOTFOUND with the member's name when one that is not optional is missing, or
// when there are no types.
int linux_members_find(struct type_db *types, const struct linux_member *rows, size_t count,
                       struct linux_at *out, struct kvm_err *err);
// The integer or pointer at base + at.offset, zero-extended. FORMAT when it is not 1, 2, 4 or 8
// bytes long.
int linux_member_read(const struct reader *virt, uint64_t base, struct linux_at at, uint64_t *out,
                      struct kvm_err *err);
// The string in the char array at base + at.offset, cut off at SIZE - 1 bytes.
int linux_member_string(const struct reader *virt, uint64_t base, struct linux_at at, char *buf,
                        size_t size, struct kvm_err *err);

#endif
