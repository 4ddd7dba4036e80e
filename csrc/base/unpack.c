// SPDX-License-Identifier: BSD-2-Clause
// The driver of base/unpack.h: members (gzip's, xz's and bzip2's streams, frames of zstd and LZ4) one behind the other
// go through their library into a temporary file of mode 0600 in $TMPDIR, else /var/tmp, that never has a name where
// the system can do that (O_TMPFILE) and loses it at once where not. Blocks of zeros become holes. Zeros behind the
// last member are padding (FreeBSD's savecore, dumps on raw disks); anything else there is damage, since it may be a
// member whose first bytes are broken. An input that ends early gives what came out until then.
#include "base/unpack.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "base/unpack_ops.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    STEP = 1 << 20,   // of input and output at once
    BLOCK = 4096,     // of zeros that become a hole
    LOOK = 512,       // bytes that tell the compression
    SKIP_FRAMES = 16, // at most at the beginning
};

static const struct unpack_ops *const table[] = {
    &unpack_gzip, &unpack_zstd, &unpack_xz, &unpack_bzip2, &unpack_lz4, &unpack_zlib,
};

static const struct unpack_ops *find(const struct file *f) {
    uint8_t head[LOOK];
    size_t len = file_head(f, head, sizeof(head));
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (table[i]->begins(head, len)) return table[i];
    return NULL;
}

static bool probe(const struct file *f) {
    return find(f) != NULL;
}

const uint8_t *unpack_skip_frames(const uint8_t *p, size_t *len) {
    for (int i = 0; i < SKIP_FRAMES; i++) {
        if (*len < 8 || (bytes_u32(p, false) & 0xfffffff0) != 0x184d2a50) return p;
        uint32_t size = bytes_u32(p + 4, false);
        if (size > *len - 8) return NULL;
        p += 8 + size;
        *len -= 8 + (size_t)size;
    }
    return p;
}

// --- the temporary file

static const char *directory(void) {
    const char *dir = secure_getenv("TMPDIR");
    return dir && *dir ? dir : "/var/tmp";
}

static int make_file(int *fd, struct kvm_err *err) {
    const char *dir = directory();
#ifdef O_TMPFILE
    *fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
    if (*fd >= 0) return 0;
#endif
    char name[PATH_MAX];
    int n = snprintf(name, sizeof(name), "%s/libkvm.XXXXXX", dir);
    if (n < 0 || (size_t)n >= sizeof(name))
        return err_set(err, KVM_IO, "the name of $TMPDIR is too long");
    *fd = mkostemp(name, O_CLOEXEC); // mode 0600
    if (*fd < 0) return err_system(err, errno, "a temporary file in %s", dir);
    unlink(name);
    return 0;
}

struct unpacking {
    const struct unpack_ops *ops;
    void *state;
    const struct file *from;
    const struct progress *progress;
    uint64_t taken; // of the input
    int fd;
    uint8_t *room;    // STEP bytes
    size_t filled;    // of it
    uint64_t written; // bytes before those, a multiple of STEP until the end
};

static int write_failed(const struct unpacking *u, int number, struct kvm_err *err) {
    if (number != ENOSPC && number != EDQUOT && number != EFBIG)
        return err_system(err, number, "the temporary file in %s", directory());
    return err_system(err, number,
                      "no room in %s, %llu bytes were needed until %llu of %llu were unpacked"
                      " ($TMPDIR names another directory)",
                      directory(), (unsigned long long)(u->written + u->filled),
                      (unsigned long long)u->taken, (unsigned long long)u->from->size);
}

static int write_all(const struct unpacking *u, const uint8_t *p, size_t len, uint64_t at,
                     struct kvm_err *err) {
    while (len) {
        ssize_t n = pwrite(u->fd, p, len, (off_t)at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return write_failed(u, n < 0 ? errno : EIO, err);
        p += n;
        at += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}

static bool is_zero(const uint8_t *p, size_t len) {
    return p[0] == 0 && memcmp(p, p + 1, len - 1) == 0;
}

// Writes what is in the room, without its blocks of zeros.
static int flush(struct unpacking *u, struct kvm_err *err) {
    size_t start = 0; // of bytes that are to be written
    for (size_t at = 0; at < u->filled; at += BLOCK) {
        size_t n = u->filled - at < BLOCK ? u->filled - at : BLOCK;
        if (!is_zero(u->room + at, n)) continue;
        int rc = write_all(u, u->room + start, at - start, u->written + start, err);
        if (rc) return rc;
        start = at + n;
    }
    int rc = write_all(u, u->room + start, u->filled - start, u->written + start, err);
    u->written += u->filled;
    u->filled = 0;
    return rc;
}

// --- members

// The input from TAKEN on; none at its end, or where a layer below was cut off.
static int next_input(const struct unpacking *u, struct file_piece *in, struct kvm_err *err) {
    int rc = file_piece(u->from, u->taken, in, err);
    if (rc == KVM_NOTFOUND || rc == KVM_EXCLUDED) {
        err_clear(err);
        *in = (struct file_piece){.at = (const uint8_t *)""};
        return 0;
    }
    if (in->len > STEP) in->len = STEP;
    return rc;
}

// One step. *STUCK: nothing was taken nor given.
static int step(struct unpacking *u, bool *ended, bool *stuck, struct kvm_err *err) {
    struct file_piece in;
    int rc = progress_tell(u->progress, "unpacking", u->taken, u->from->size, err);
    if (rc == 0 && u->filled == STEP) rc = flush(u, err);
    if (rc == 0) rc = next_input(u, &in, err);
    if (rc) return rc;
    struct unpack_io io = {in.at, (size_t)in.len, u->room + u->filled, STEP - u->filled, false};
    rc = u->ops->run(u->state, &io, err);
    size_t given = STEP - u->filled - io.out_left, taken = (size_t)in.len - io.in_left;
    u->filled += given;
    u->taken += taken;
    *stuck = given == 0 && taken == 0;
    *ended = io.ended;
    if (rc == 0 && *stuck && in.len && !io.ended)
        rc = err_set(err, KVM_FORMAT, "it does not go on");
    if (rc) return err_prepend(err, rc, "at byte %llu", (unsigned long long)u->taken);
    return 0;
}

// *CUT: the input ended first.
static int member(struct unpacking *u, bool *cut, struct kvm_err *err) {
    bool ended = false, stuck = false;
    int rc = u->ops->open(&u->state, err);
    while (rc == 0 && !ended && !stuck)
        rc = step(u, &ended, &stuck, err);
    *cut = !ended;
    return rc;
}

// Passes over zeros. *MORE: another member follows.
static int behind_member(struct unpacking *u, bool *more, struct kvm_err *err) {
    uint8_t head[LOOK];
    struct file_piece p;
    for (*more = false;;) {
        size_t len = (size_t)file_available(u->from, u->taken, sizeof(head));
        if (file_read(u->from, u->taken, head, len, NULL)) len = 0;
        if (len && head[0]) {
            *more = u->ops->begins(head, len);
            return *more ? 0
                         : err_set(err, KVM_FORMAT, "other bytes follow at byte %llu",
                                   (unsigned long long)u->taken);
        }
        int rc = progress_tell(u->progress, "unpacking", u->taken, u->from->size, err);
        if (rc == 0) rc = next_input(u, &p, err);
        if (rc || p.len == 0) return rc;
        uint64_t zeros = 0;
        while (zeros < p.len && p.at[zeros] == 0)
            zeros++;
        u->taken += zeros;
    }
}

static int members(struct unpacking *u, bool *cut, struct kvm_err *err) {
    bool more = true;
    int rc = 0;
    while (rc == 0 && more) {
        rc = member(u, cut, err);
        more = false;
        if (rc == 0 && !*cut) rc = behind_member(u, &more, err);
    }
    if (u->state) u->ops->close(u->state);
    if (rc == 0) rc = flush(u, err);
    if (rc) return rc;
    if (u->written == 0) return err_set(err, KVM_FORMAT, "nothing came out of it");
    if (ftruncate(u->fd, (off_t)u->written) < 0) return write_failed(u, errno, err);
    return 0;
}

static int run(struct unpacking *u, struct file *under, struct file **out, struct kvm_err *err) {
    bool cut = false;
    u->room = mem_alloc(STEP);
    if (!u->room) return err_nomem(err, "unpacking");
    int rc = members(u, &cut, err);
    mem_free(u->room);
    if (rc) return rc;
    int fd = u->fd;
    u->fd = -1;
    rc = file_from_fd(fd, under->path, out, err);
    if (rc) return rc;
    (*out)->how = u->ops->name;
    (*out)->cut = cut || under->cut;
    (*out)->under = under;
    return 0;
}

static int open_layer(struct file *under, const struct progress *progress, struct file **out,
                      struct kvm_err *err) {
    struct unpacking u = {.ops = find(under), .from = under, .progress = progress, .fd = -1};
    if (!u.ops) return err_set(err, KVM_FORMAT, "not compressed");
    if (!u.ops->run)
        return err_set(err, KVM_UNSUPPORTED, "%s: this build has no such codec", u.ops->name);
    int rc = make_file(&u.fd, err);
    if (rc == 0) rc = run(&u, under, out, err);
    if (u.fd >= 0) close(u.fd);
    return rc ? err_prepend(err, rc, "%s", u.ops->name) : 0;
}

const struct file_layer unpack_layer = {.name = "unpacking", .probe = probe, .open = open_layer};
