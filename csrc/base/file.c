// SPDX-License-Identifier: BSD-2-Clause
// Mapped files (base/file.h).
#include "base/file.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_null_device(const struct stat *st) {
    struct stat null;
    return S_ISCHR(st->st_mode) && stat("/dev/null", &null) == 0 && S_ISCHR(null.st_mode) &&
           st->st_rdev == null.st_rdev;
}

static int check_kind(struct file *f, struct kvm_err *err) {
    struct stat st;
    if (fstat(f->fd, &st) < 0) return err_system(err, errno, "%s", f->path);
    f->null = is_null_device(&st);
    if (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode) || f->null) return 0;
    const char *kind = S_ISDIR(st.st_mode)    ? "a directory"
                       : S_ISCHR(st.st_mode)  ? "a character device"
                       : S_ISFIFO(st.st_mode) ? "a pipe"
                                              : "not a regular file";
    return err_set(err, KVM_FORMAT, "%s: %s, not a dump", f->path, kind);
}

static int map(struct file *f, struct kvm_err *err) {
    off_t end = f->null ? 0 : lseek(f->fd, 0, SEEK_END);
    if (end < 0) return err_system(err, errno, "%s", f->path);
    f->size = (uint64_t)end;
    if (f->size == 0) return 0;
    void *p = mmap(NULL, (size_t)f->size, PROT_READ, MAP_SHARED, f->fd, 0);
    if (p == MAP_FAILED) return err_system(err, errno, "%s: mmap", f->path);
    f->map = p;
    return 0;
}

int file_open(const char *path, bool writable, struct file **out, struct kvm_err *err) {
    struct file *f = mem_zalloc(sizeof(*f));
    if (!f) return err_nomem(err, "a file");
    f->fd = -1;
    f->writable = writable;
    f->path = mem_strdup(path);
    int rc = f->path ? 0 : err_nomem(err, "a file name");
    if (rc) goto fail;
    // O_NONBLOCK: opening a pipe must not wait for its writer.
    f->fd = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK);
    if (f->fd < 0) {
        rc = err_system(err, errno, "%s", path);
        goto fail;
    }
    rc = check_kind(f, err);
    if (rc == 0) rc = map(f, err);
    if (rc) goto fail;
    *out = f;
    return 0;
fail:
    file_close(f);
    return rc;
}

void file_close(struct file *f) {
    if (!f) return;
    if (f->map) munmap((void *)(uintptr_t)f->map, (size_t)f->size);
    if (f->fd >= 0) close(f->fd);
    mem_free(f->path);
    mem_free(f);
}

const uint8_t *file_at(const struct file *f, uint64_t off, uint64_t len) {
    return mem_inside(off, len, f->size) ? f->map + off : NULL;
}

int file_write(struct file *f, uint64_t off, const void *buf, size_t len, struct kvm_err *err) {
    if (!f->writable) return err_set(err, KVM_INVAL, "%s: not open for writing", f->path);
    if (!mem_inside(off, len, f->size))
        return err_set(err, KVM_INVAL, "%s: write behind the end", f->path);
    const uint8_t *p = buf;
    while (len > 0) {
        ssize_t n = pwrite(f->fd, p, len, (off_t)off);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return err_system(err, n < 0 ? errno : EIO, "%s: write", f->path);
        p += n;
        off += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}
