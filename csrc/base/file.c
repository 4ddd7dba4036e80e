// SPDX-License-Identifier: BSD-2-Clause
// Mapped files, and what holds for layers of any kind (base/file.h).
#include "base/file.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE_MOST = 65536 }; // the largest page of any host

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

const uint32_t file_fixed_stamp = 0;

static struct file *create(const char *path) {
    struct file *f = mem_zalloc(sizeof(*f));
    if (!f) return NULL;
    f->fd = -1;
    f->path = mem_strdup(path);
    if (f->path) return f;
    mem_free(f);
    return NULL;
}

int file_above_standard(int fd) {
    if (fd < 0 || fd > STDERR_FILENO) return fd;
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1), number = errno;
    close(fd);
    errno = number;
    return copy;
}

int file_from_fd(int fd, const char *path, struct file **out, struct kvm_err *err) {
    fd = file_above_standard(fd);
    if (fd < 0) return err_system(err, errno, "%s", path);
    struct file *f = create(path);
    if (!f) {
        close(fd);
        return err_nomem(err, "a file");
    }
    f->fd = fd;
    int rc = check_kind(f, err);
    if (rc == 0) rc = map(f, err);
    if (rc) {
        file_close(f);
        return rc;
    }
    *out = f;
    return 0;
}

int file_open(const char *path, bool writable, struct file **out, struct kvm_err *err) {
    // O_NONBLOCK: opening a pipe must not wait for its writer.
    int fd = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return err_system(err, errno, "%s", path);
    int rc = file_from_fd(fd, path, out, err);
    if (rc == 0) (*out)->writable = writable;
    return rc;
}

int file_layer_create(struct file *under, const struct file_ops *ops, const char *how,
                      uint64_t size, struct file **out, struct kvm_err *err) {
    struct file *f = create(under->path);
    if (!f) return err_nomem(err, "a file");
    f->ops = ops;
    f->how = how;
    f->size = size;
    f->under = under;
    *out = f;
    return 0;
}

void file_close(struct file *f) {
    if (!f) return;
    if (f->ops) f->ops->close(f);
    if (f->map) munmap((void *)(uintptr_t)f->map, (size_t)f->size);
    if (f->fd >= 0) close(f->fd);
    file_close(f->under);
    mem_free(f->path);
    mem_free(f);
}

static int behind_end(const struct file *f, struct kvm_err *err) {
    return err_set(err, KVM_NOTFOUND, "behind the end of the file (%llu bytes)",
                   (unsigned long long)f->size);
}

int file_piece(const struct file *f, uint64_t off, struct file_piece *out, struct kvm_err *err) {
    if (off >= f->size) return behind_end(f, err);
    if (f->ops) return f->ops->piece(f, off, out, err);
    *out = (struct file_piece){f->map + off, f->size - off, &file_fixed_stamp, file_fixed_stamp};
    return 0;
}

int file_read(const struct file *f, uint64_t off, void *buf, size_t len, struct kvm_err *err) {
    if (!mem_inside(off, len, f->size)) return behind_end(f, err);
    if (f->ops) return f->ops->read(f, off, buf, len, err);
    if (len) memcpy(buf, f->map + off, len);
    return 0;
}

int file_view(const struct file *f, uint64_t off, size_t len, void *buf, const uint8_t **out,
              struct kvm_err *err) {
    if (!f->ops && mem_inside(off, len, f->size)) {
        *out = f->map + off;
        return 0;
    }
    *out = buf;
    return file_read(f, off, buf, len, err);
}

void file_forget(const struct file *f) {
    for (; f; f = f->under)
        if (f->map) madvise((void *)(uintptr_t)f->map, (size_t)f->size, MADV_DONTNEED);
}

uint64_t file_available(const struct file *f, uint64_t off, uint64_t len) {
    if (off >= f->size) return 0;
    return len < f->size - off ? len : f->size - off;
}

uint64_t file_skip_hole(const struct file *f, uint64_t off) {
    if (f->fd < 0 || off >= f->size || off > INT64_MAX) return off;
    off_t at = lseek(f->fd, (off_t)off, SEEK_DATA);
    if (at < 0) return errno == ENXIO ? f->size : off; // others: cannot tell
    return (uint64_t)at < f->size ? (uint64_t)at : f->size;
}

void file_will_read(const struct file *f, uint64_t off, uint64_t len) {
    if (!f->map || !mem_inside(off, len, f->size)) return;
#ifdef MADV_POPULATE_READ            // Linux 5.14
    uint64_t into = off % PAGE_MOST; // the mapping begins at a page
    (void)madvise((void *)(uintptr_t)(f->map + off - into), (size_t)(len + into),
                  MADV_POPULATE_READ);
#endif
}

size_t file_head(const struct file *f, void *buf, size_t len) {
    size_t n = (size_t)file_available(f, 0, len);
    return file_read(f, 0, buf, n, NULL) == 0 ? n : 0;
}

int file_write(struct file *f, uint64_t off, const void *buf, size_t len, struct kvm_err *err) {
    if (!f->writable || f->ops) return err_set(err, KVM_INVAL, "%s: not open for writing", f->path);
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
