// SPDX-License-Identifier: BSD-2-Clause
// Files: regular files and block devices are mapped whole (address space, not memory), so that a
// page of an uncompressed dump is a pointer. The size is the one at open: a file that another
// process cuts short while it is open raises SIGBUS, as with every program that maps its input.
#ifndef KVM_BASE_FILE_H
#define KVM_BASE_FILE_H

#include "base/err.h"

#include <stddef.h>

struct file {
    char *path;
    int fd;
    uint64_t size;
    const uint8_t *map; // NULL where size is 0
    bool writable; // opened read-write; the mapping is shared, so writes through the fd show in it
    bool null;     // the null device
};

// Opens PATH (O_CLOEXEC). Directories, pipes and character devices but the null device are refused by name.
int file_open(const char *path, bool writable, struct file **out, struct kvm_err *err);
void file_close(struct file *f); // NULL-safe

// LEN bytes at OFF, inside the mapping, or NULL where the file is shorter.
const uint8_t *file_at(const struct file *f, uint64_t off, uint64_t len);
// Writes exactly LEN bytes at OFF (inside the file) through the descriptor.
int file_write(struct file *f, uint64_t off, const void *buf, size_t len, struct kvm_err *err);

#endif
