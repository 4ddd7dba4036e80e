// SPDX-License-Identifier: BSD-2-Clause
// Compressed files of any kind, unpacked as far as a few steps go (a bomb must not fill the disk): no crash, a clear
// error or a file whose bytes can be read.
#include "base/unpack.h"
#include "fuzz.h"

enum { STEPS = 12 };

static bool stop(void *ctx, const char *what, uint64_t done, uint64_t total) {
    int *left = ctx;
    (void)what;
    if (done > total) abort();
    return (*left)-- == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[32];
    int fd = fuzz_file(data, size, path);
    int left = STEPS;
    struct progress progress = {stop, &left};
    struct file *under = NULL, *f = NULL;
    struct kvm_err err = {0};
    if (access("/dev/shm", W_OK) == 0) setenv("TMPDIR", "/dev/shm", 1);
    if (file_open(path, false, &under, NULL)) abort();
    if (unpack_layer.probe(under)) {
        int rc = unpack_layer.open(under, &progress, &f, &err);
        fuzz_check(rc, &err);
        uint8_t last;
        if (rc == 0 && (f->size == 0 || !f->how || file_read(f, f->size - 1, &last, 1, NULL)))
            abort();
    }
    file_close(f ? f : under);
    close(fd);
    return 0;
}
