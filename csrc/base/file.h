// SPDX-License-Identifier: BSD-2-Clause
// The bytes of a file. Regular files and block devices are mapped whole (address space, not memory),
// so that a page of an uncompressed dump is a pointer. The size is the one at open: a file that
// another process cuts short while it is open raises SIGBUS, as with every program that maps its
// input. A layer is a file made from another one that lies under it: put in order (flattened dumps)
// or unpacked (seekable zstd); it has no mapping and gives its bytes in pieces.
//
// How to add a layer:
//  1. Write its file with one `const struct file_layer`; its head says which source and release the
//     layout was checked against.
//  2. Add its line to the table in csrc/image/layers.c.
//  3. A spec that reads the same pages through it, and a fuzz target in spec/fuzz.
//  4. A row in README's matrix and a line in CHANGELOG.md.
#ifndef KVM_BASE_FILE_H
#define KVM_BASE_FILE_H

#include "base/err.h"
#include "base/progress.h"

#include <stddef.h>

struct file;

// Bytes that stand in one piece. They are good as long as *stamp == stamp_value: a layer may use
// their place again. Those of a mapping never move.
struct file_piece {
    const uint8_t *at;
    uint64_t len; // >= 1
    const uint32_t *stamp;
    uint32_t stamp_value;
};

struct file_ops {
    // The piece at OFF (< size). EXCLUDED: it was cut off. Called by one thread at a time.
    int (*piece)(const struct file *f, uint64_t off, struct file_piece *out, struct kvm_err *err);
    // Copies exactly LEN bytes, which lie inside the size. Called by many threads at a time.
    int (*read)(const struct file *f, uint64_t off, void *buf, size_t len, struct kvm_err *err);
    void (*close)(struct file *f); // frees priv; must cope with a half-opened layer
};

struct file {
    char *path; // as it was named; a layer has that of the file under it
    int fd;     // -1 for a layer
    uint64_t size;
    const uint8_t *map; // NULL where size is 0, and for a layer
    bool writable; // opened read-write; the mapping is shared, so writes through the fd show in it
    bool null;     // the null device
    bool cut;      // the layer knows that bytes of it are missing
    const char *how;            // "flattened", "gzip": what the layer is; NULL for the file itself
    const struct file_ops *ops; // NULL: the mapping
    struct file *under;         // owned; NULL for the file itself
    void *priv;
};

struct file_layer {
    const char *name; // for messages
    // Whether F is of this kind, from its first bytes (and last, if need be).
    bool (*probe)(const struct file *f);
    // Makes a layer with file_layer_create, which owns UNDER from then on.
    int (*open)(struct file *under, const struct progress *progress, struct file **out,
                struct kvm_err *err);
};

// Opens PATH (O_CLOEXEC). Directories, pipes and character devices but the null device are refused by name.
int file_open(const char *path, bool writable, struct file **out, struct kvm_err *err);
// FD, or, where it is 0, 1 or 2, a copy above them (FD is closed then): a process that was started without standard
// output or errors must not print into a dump. -1 as FD stays so; -1 with errno.
int file_above_standard(int fd);
// A file that FD, which it owns from here on, in any case, is open on; PATH is its name for messages.
int file_from_fd(int fd, const char *path, struct file **out, struct kvm_err *err);
// A layer over UNDER. On failure UNDER is still the caller's.
int file_layer_create(struct file *under, const struct file_ops *ops, const char *how,
                      uint64_t size, struct file **out, struct kvm_err *err);
void file_close(struct file *f); // NULL-safe; and what lies under it

extern const uint32_t file_fixed_stamp; // the stamp of bytes that never move

// The bytes from OFF on that stand in one piece. NOTFOUND: behind the end. EXCLUDED: cut off.
int file_piece(const struct file *f, uint64_t off, struct file_piece *out, struct kvm_err *err);
// Copies exactly LEN bytes at OFF; by any thread. NOTFOUND, EXCLUDED as above; FORMAT: a layer's
// data is damaged.
int file_read(const struct file *f, uint64_t off, void *buf, size_t len, struct kvm_err *err);
// LEN bytes at OFF, where they are or copied to BUF (of LEN bytes); good as long as BUF and F are.
int file_view(const struct file *f, uint64_t off, size_t len, void *buf, const uint8_t **out,
              struct kvm_err *err);
// The process need not keep what was read of the mapping: for one who goes through a whole file. Pointers into it stay
// good.
void file_forget(const struct file *f);
// How many of [off, off + len) the file has.
uint64_t file_available(const struct file *f, uint64_t off, uint64_t len);
// The first byte from OFF on that may be something else than 0: those before it are a hole. The size
// when there is none.
uint64_t file_skip_hole(const struct file *f, uint64_t off);
// All of these will be read at once, now: their pages are mapped in one go. Advice only.
void file_will_read(const struct file *f, uint64_t off, uint64_t len);
// Copies the first bytes, at most LEN; those that are there are counted.
size_t file_head(const struct file *f, void *buf, size_t len);
// Writes exactly LEN bytes at OFF (inside the file) through the descriptor. INVAL for layers.
int file_write(struct file *f, uint64_t off, const void *buf, size_t len, struct kvm_err *err);

#endif
