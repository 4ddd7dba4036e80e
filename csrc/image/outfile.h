// SPDX-License-Identifier: BSD-2-Clause
// A file that is written in several places at once under a temporary name beside its own, and takes
// its name only when it is whole.
#ifndef KVM_IMAGE_OUTFILE_H
#define KVM_IMAGE_OUTFILE_H

#include "base/err.h"

#include <stddef.h>

struct outfile {
    int fd; // -1: not open
    const char *path;
    char *temp; // NULL: nothing to remove
};

// Readable and writable for its owner only: a dump holds everybody's secrets.
int outfile_open(struct outfile *o, const char *path, struct kvm_err *err);
int outfile_put(struct outfile *o, uint64_t off, const void *buf, size_t len, struct kvm_err *err);
int outfile_get(struct outfile *o, uint64_t off, void *buf, size_t len, struct kvm_err *err);
// Sets the length and gives the file its name.
int outfile_commit(struct outfile *o, uint64_t size, struct kvm_err *err);
// Removes what was not committed.
void outfile_close(struct outfile *o);

// A sequence of bytes on its way into an outfile.
struct outstream {
    uint64_t off; // where the next byte of buf goes
    size_t used;
    uint8_t buf[1 << 16];
};
static inline uint64_t outstream_at(const struct outstream *s) {
    return s->off + s->used;
}
void outstream_start(struct outstream *s, uint64_t off);
int outstream_put(struct outfile *o, struct outstream *s, const void *buf, size_t len,
                  struct kvm_err *err);
int outstream_flush(struct outfile *o, struct outstream *s, struct kvm_err *err);

#endif
