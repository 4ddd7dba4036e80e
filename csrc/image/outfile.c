// SPDX-License-Identifier: BSD-2-Clause
// Files that appear whole or not at all (image/outfile.h).
#include "image/outfile.h"

#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// A dump is never written over another file: it could be the very source.
static int refuse(const char *path, struct kvm_err *err) {
    return err_set(err, KVM_INVAL, "%s exists, and is not replaced", path);
}

int outfile_open(struct outfile *o, const char *path, struct kvm_err *err) {
    static const char suffix[] = ".XXXXXX";
    o->fd = -1;
    o->temp = NULL;
    o->path = path;
    if (access(path, F_OK) == 0) return refuse(path, err); // early: before work is done for nothing
    size_t n = strlen(path) + sizeof(suffix);
    o->temp = mem_alloc(n);
    if (!o->temp) return err_nomem(err, "a file name");
    snprintf(o->temp, n, "%s%s", path, suffix);
    o->fd = file_above_standard(mkostemp(o->temp, O_CLOEXEC));
    if (o->fd >= 0) return 0;
    int rc = err_system(err, errno, "%s", path);
    mem_free(o->temp);
    o->temp = NULL;
    return rc;
}

int outfile_put(struct outfile *o, uint64_t off, const void *buf, size_t len, struct kvm_err *err) {
    const uint8_t *p = buf;
    while (len > 0) {
        ssize_t n = pwrite(o->fd, p, len, (off_t)off);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return err_system(err, n < 0 ? errno : EIO, "%s: write", o->path);
        p += n;
        off += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}

int outfile_get(struct outfile *o, uint64_t off, void *buf, size_t len, struct kvm_err *err) {
    uint8_t *p = buf;
    while (len > 0) {
        ssize_t n = pread(o->fd, p, len, (off_t)off);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return err_system(err, n < 0 ? errno : EIO, "%s: read", o->path);
        p += n;
        off += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}

int outfile_commit(struct outfile *o, uint64_t size, struct kvm_err *err) {
    int rc = ftruncate(o->fd, (off_t)size);
    if (close(o->fd)) rc = -1;
    o->fd = -1;
    if (rc) return err_system(err, errno, "%s", o->path);
    if (link(o->temp,
             o->path)) // not rename(2), which would replace a file that came in the meantime
        return errno == EEXIST ? refuse(o->path, err) : err_system(err, errno, "%s", o->path);
    unlink(o->temp);
    mem_free(o->temp);
    o->temp = NULL;
    return 0;
}

void outfile_close(struct outfile *o) {
    if (o->fd >= 0) close(o->fd);
    o->fd = -1;
    if (o->temp) unlink(o->temp);
    mem_free(o->temp);
    o->temp = NULL;
}

void outstream_start(struct outstream *s, uint64_t off) {
    s->off = off;
    s->used = 0;
}

int outstream_flush(struct outfile *o, struct outstream *s, struct kvm_err *err) {
    int rc = outfile_put(o, s->off, s->buf, s->used, err);
    s->off += s->used;
    s->used = 0;
    return rc;
}

int outstream_put(struct outfile *o, struct outstream *s, const void *buf, size_t len,
                  struct kvm_err *err) {
    const uint8_t *p = buf;
    while (len > 0) {
        size_t n = sizeof(s->buf) - s->used;
        if (n > len) n = len;
        memcpy(s->buf + s->used, p, n);
        s->used += n;
        p += n;
        len -= n;
        int rc = s->used == sizeof(s->buf) ? outstream_flush(o, s, err) : 0;
        if (rc) return rc;
    }
    return 0;
}
