// SPDX-License-Identifier: BSD-2-Clause
// What fuzz targets share: the input as a file without a disk, and as memory of the target.
#ifndef KVM_SPEC_FUZZ_H
#define KVM_SPEC_FUZZ_H

#include "base/mem.h"
#include "base/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// A path that opens DATA as a regular file, whose first bytes are MAGIC instead; close(fd) forgets it.
static inline int fuzz_file_as(const char *magic, size_t len, const uint8_t *data, size_t size,
                               char path[32]) {
    int fd = memfd_create("input", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size) abort();
    if (len > size) len = size;
    if (len && pwrite(fd, magic, len, 0) != (ssize_t)len) abort();
    snprintf(path, 32, "/proc/self/fd/%d", fd);
    return fd;
}

// The same with all of DATA.
static inline int fuzz_file(const uint8_t *data, size_t size, char path[32]) {
    return fuzz_file_as("", 0, data, size, path);
}

// Memory of the target from FUZZ_BASE on; all else is a fault.
#define FUZZ_BASE UINT64_C(0xffffffff81000000)
struct fuzz_memory {
    const uint8_t *data;
    size_t size;
};

static inline int fuzz_read(void *ctx, uint64_t addr, void *buf, size_t len, struct kvm_err *err) {
    const struct fuzz_memory *m = ctx;
    if (addr < FUZZ_BASE || !mem_inside(addr - FUZZ_BASE, len, m->size))
        return err_at(err, KVM_FAULT, addr, "not mapped");
    memcpy(buf, m->data + (addr - FUZZ_BASE), len);
    return 0;
}

static inline struct reader fuzz_reader(struct fuzz_memory *m) {
    return (struct reader){.ctx = m, .read = fuzz_read, .big = false, .word_size = 8};
}

// An error must have its text, and its code must be one.
static inline void fuzz_check(int rc, const struct kvm_err *err) {
    if (rc > 0 || rc < KVM_CLOSED) abort();
    if (rc < 0 && (err->code != rc || !err->text[0])) abort();
}

#endif
