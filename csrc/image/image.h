// SPDX-License-Identifier: BSD-2-Clause
// An image: a file (or device) that answers "which bytes are at this physical address".
//
// How to add a format:
//  1. Write csrc/image/<format>.c with one `const struct image_ops image_<format>`; its head says
//  which
//     source and release the layout was checked against.
//  2. Declare the struct in csrc/image/formats.h and add its line to the table in
//  csrc/image/open.c.
//  3. A builder in spec/support/build, a spec that reads the same pages as the other formats, and a
//  fuzz
//     target in spec/fuzz.
//  4. A row in README's matrix and a line in CHANGELOG.md.
// A format that is recognised but not read is one line in csrc/image/unsupported.c instead.
#ifndef KVM_IMAGE_IMAGE_H
#define KVM_IMAGE_IMAGE_H

#include "base/codec.h"
#include "base/file.h"
#include "fmt/notes.h"

enum image_probe { IMAGE_NOMATCH = 0, IMAGE_MATCH = 1 }; // or a negative error

// Bytes of the host that stand for [addr asked for, + len). They are good as long as *stamp ==
// stamp_value: a page of a compressed dump lives in a cache slot, and the slot's stamp changes when
// it is used again. Pages that never move point to a stamp that never changes.
struct image_run {
    const uint8_t *host;
    uint64_t len; // >= 1
    const uint32_t *stamp;
    uint32_t stamp_value;
};

// A range of physical addresses that is in the dump.
struct image_region {
    uint64_t start;
    uint64_t end; // exclusive
};

struct image;

// What a thread needs of its own to copy pages out of an image beside others. Zeroed by its owner.
struct image_worker {
    struct codec codec;
    uint8_t *scratch; // from mem_alloc
    size_t scratch_size;
    const void *last; // what of the image the scratch memory begins with; NULL: nothing of use
    // A block of a compressed dump that several pages share, and where the last one that was
    // read ends (kdump.c).
    uint8_t *shared;
    uint64_t shared_key, shared_end;
    uint32_t shared_len;
    uint64_t pages_read; // since zeroed
    uint64_t pages_decompressed;
    uint64_t pages_cached; // found decompressed
};

// One file of an image.
struct image_part {
    struct file *file;
    uint64_t addr; // of its first byte in physical memory, where it was given (FILE@ADDRESS)
    bool has_addr;
};

struct image_ops {
    const char *name; // "ELF", "kdump"
    bool sets;        // reads images that are made of several files
    // Looks at the first bytes only. NOMATCH lets the next format look; a negative code ends the
    // search
    // ("this is mine, but broken").
    int (*probe)(const struct file *f, struct kvm_err *err);
    // Fills img->priv and the facts below. On failure image_open calls close.
    int (*open)(struct image *img, struct kvm_err *err);
    void (*close)(struct image *img); // must cope with a half-opened image
    // FAULT: no such memory. EXCLUDED: the memory existed, the page was filtered out or cut off.
    int (*find)(struct image *img, uint64_t pa, struct image_run *run, struct kvm_err *err);
    // Copies bytes from pa on into BUF, at most LEN (>= 1), as many as come at once (a block, or what is left
    // of it), past the page cache: what is read in bulk is not read again soon. *n >= 1. Errors as find. Called by
    // many threads at a time, each with a worker of its own.
    int (*copy)(struct image *img, struct image_worker *w, uint64_t pa, uint8_t *buf, size_t len,
                size_t *n, struct kvm_err *err);
    // The first region with end > pa; false when there is none. Neighbouring regions may touch.
    // next_region: memory whose bytes the dump claims to hold. next_memory: memory that existed,
    // whether it is in the dump or was filtered out.
    bool (*next_region)(struct image *img, uint64_t pa, struct image_region *region);
    bool (*next_memory)(struct image *img, uint64_t pa, struct image_region *region);
    // Optional: writes into the file at pa (the caller has checked that the image is writable).
    int (*write)(struct image *img, uint64_t pa, const void *buf, size_t len, struct kvm_err *err);
    // Optional: where in the file the LEN bytes at pa stand, when they do in one piece as they are.
    bool (*file_offset)(struct image *img, uint64_t pa, uint64_t len, uint64_t *offset);
    // Optional: a format with a page map of its own; tried before the mmu. NOTFOUND: ask the mmu.
    int (*translate)(struct image *img, uint64_t va, uint64_t *pa, struct kvm_err *err);
};

struct image_facts {
    char format[128];  // for people: "ELF vmcore", "kdump-compressed v6, zlib; flattened"
    uint16_t machine;  // EM_*, 0 unknown
    uint8_t elf_class; // 1 (32 bits) or 2 (64 bits), 0 unknown
    bool big; // byte order of the file's structures (and, unless the os layer knows better, the
              // target)
    bool incomplete;    // marked so by its writer, or cut short
    bool unmarked;      // nothing in the file says that it is memory: raw
    bool no_memory;     // it is the null device: machine, class and byte order are the namelist's
    uint32_t page_size; // of the dump's own blocks; 0 unknown
    uint64_t phys_end;  // one past the last physical address the dump speaks of
    uint64_t pages;     // of page_size (4096 where that is unknown) in the dump; 0: not counted
    // struct new_utsname as a kdump header has it: system, node, release, version, machine, domain,
    // 65 bytes each, in the file; NULL where the file has none or leaves the release empty.
    const char *utsname;
    // What makedumpfile was told to blank, a line each, as a kdump file tells it; NULL: none.
    const char *eraseinfo;
    size_t eraseinfo_len;
    struct dump_notes notes;
};
enum { IMAGE_UTSNAME_FIELD = 65 };

// Which pages were asked for, one bit for each 4096 bytes of physical memory. `luakvm slim` writes
// them out.
struct image_trace;

struct image {
    const struct image_ops *ops;
    struct image_part *parts;    // in the order in which they were named; a format may sort them
    size_t part_count, part_cap; // part_count >= 1
    struct file *file;           // of the first part
    const struct progress *progress; // NULL: nobody asks; during open only
    struct image_worker worker;      // of the thread that owns the image
    void **kept;                     // see image_keep
    size_t kept_count, kept_cap;
    size_t cache_bytes; // as asked for; 0: the default
    void *priv;
    struct image_facts facts;
    struct image_trace *trace; // NULL unless image_trace_start was called
    bool trace_off;            // set while user memory is read: a slim dump leaves it out
};

struct image_options {
    bool writable;      // open the file read-write
    size_t cache_bytes; // bound of the page cache of a compressed dump; 0: the default (64 MB)
    const struct progress
        *progress; // for unpacking and indexing; NULL: none. Good during the call only.
};

// Finds the format and opens it. NAMES are those of its files, in any order: a path; or, where there is
// no such file, PATH@ADDRESS (raw physical memory that begins there), or several of these, parted by commas.
// FORMAT: "not a dump (…what it looks like…)". UNSUPPORTED: a known format that is not read, with what
// to do instead.
int image_open(const char *const *names, size_t count, const struct image_options *opt,
               struct image **out, struct kvm_err *err);
void image_close(struct image *img); // NULL-safe
// FORMAT: of an unmarked image in which no kernel was found: what its file looks like.
int image_unmarked(const struct image *img, struct kvm_err *err);

// Traces the 4096-byte page of pa only: one who goes on behind it within the run asks again.
int image_find(struct image *img, uint64_t pa, struct image_run *run, struct kvm_err *err);
// Copies LEN bytes at pa; *done counts those before a failure.
int image_copy(struct image *img, uint64_t pa, void *buf, size_t len, size_t *done,
               struct kvm_err *err);
// The same by any thread; nothing is traced.
int image_copy_by(struct image *img, struct image_worker *w, uint64_t pa, void *buf, size_t len,
                  size_t *done, struct kvm_err *err);
// Gives back what copies of bulk have left in memory of the files (file_forget).
void image_forget(const struct image *img);
void image_worker_deinit(struct image_worker *w);
// Copies exactly LEN bytes at pa.
int image_read(struct image *img, uint64_t pa, void *buf, size_t len, struct kvm_err *err);
static inline bool image_next_region(struct image *img, uint64_t pa, struct image_region *r) {
    return img->ops->next_region(img, pa, r);
}
static inline bool image_next_memory(struct image *img, uint64_t pa, struct image_region *r) {
    return img->ops->next_memory(img, pa, r);
}

int image_trace_start(struct image *img, struct kvm_err *err);
// The first marked page frame number (of 4096-byte pages) >= pfn; false when there is none.
bool image_trace_next(const struct image_trace *t, uint64_t pfn, uint64_t *out);

#endif
