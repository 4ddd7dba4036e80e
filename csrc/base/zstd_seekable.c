// SPDX-License-Identifier: BSD-2-Clause
// zstd's seekable format 0.1.0 (zstd 1.5.4, contrib/seekable_format; t2sz and others write it too): frames, then a
// skippable frame with {compressed size, size, perhaps checksum} of each. Where the table does not add up to the
// file, or a frame has more than 32 MB, it is a zstd file like any other and is unpacked (base/unpack.h), which needs
// no table. The bytes that pieces point to and those that other threads read are in caches of their own: the
// first are told by stamps, the second copied under a lock. Frames are unpacked outside of it.
#include "base/zstd_seekable.h"

#if HAVE_ZSTD
#include "base/bytes.h"
#include "base/cache.h"
#include "base/mem.h"
#include "base/xxh64.h"

#include <pthread.h>
#include <zstd.h>

enum {
    FRAME_MOST = 32 << 20, // bytes that come out of one
    FRAMES_MOST = 1 << 24, // 256 MB of places
    CACHE_BYTES = 32 << 20,
    SLOTS_LEAST = 2,
    SLOTS_MOST = 4096,

    ZSTD_FRAME = 0xfd2fb528,
    TABLE_MAGIC = 0x184d2a5e,
    TABLE_HEAD = 8, // magic, length
    FOOTER_MAGIC = 0x8f92eab1,
    FOOTER = 9, // number of frames, flags, magic
    HAS_CHECKSUMS = 0x80,
    RESERVED_FLAGS = 0x7c,
};

struct table {
    const uint8_t *entries;
    uint32_t count;
    uint32_t entry_size; // 8, or 12 with checksums
    uint32_t frame_most; // the largest size of one
    uint64_t size;       // of all
};

struct place {
    uint64_t at; // of the frame's first byte in what comes out
    uint64_t in; // in the file
};

// What one thread needs to unpack a frame.
struct worker {
    struct worker *next;
    ZSTD_DCtx *unpack;
    uint8_t *bytes; // frame_most
};

struct seekable {
    const struct file *under; // mapped
    struct table table;
    struct place *places; // one more than there are frames
    struct cache *pieces; // of the thread that asks for pieces
    ZSTD_DCtx *unpack;    // the same thread's
    pthread_mutex_t lock; // of what follows
    struct cache *copies;
    struct worker *idle;
};

static uint32_t frame_in(const struct table *t, uint32_t i) {
    return bytes_u32(t->entries + (size_t)i * t->entry_size, false);
}
static uint32_t frame_out(const struct table *t, uint32_t i) {
    return bytes_u32(t->entries + (size_t)i * t->entry_size + 4, false);
}

// Whether the file ends with a table, and the table says where each byte of the file belongs.
static bool find_table(const struct file *f, struct table *t) {
    if (!f->map || f->size < TABLE_HEAD + FOOTER) return false;
    const uint8_t *footer = f->map + f->size - FOOTER;
    uint8_t flags = footer[4];
    if (bytes_u32(footer + 5, false) != FOOTER_MAGIC || (flags & RESERVED_FLAGS)) return false;
    *t = (struct table){.count = bytes_u32(footer, false), .entry_size = 8};
    if (flags & HAS_CHECKSUMS) t->entry_size = 12;
    if (t->count == 0 || t->count > FRAMES_MOST) return false;
    uint64_t len = (uint64_t)t->count * t->entry_size + FOOTER;
    if (len + TABLE_HEAD > f->size) return false;
    const uint8_t *head = f->map + f->size - len - TABLE_HEAD;
    if (bytes_u32(head, false) != TABLE_MAGIC || bytes_u32(head + 4, false) != len) return false;
    t->entries = head + TABLE_HEAD;
    uint64_t in = 0;
    for (uint32_t i = 0; i < t->count; i++) {
        in += frame_in(t, i);
        t->size += frame_out(t, i);
        if (frame_out(t, i) > t->frame_most) t->frame_most = frame_out(t, i);
    }
    return in == f->size - len - TABLE_HEAD && t->size && t->frame_most <= FRAME_MOST;
}

static bool probe(const struct file *f) {
    struct table t;
    return f->size >= 4 && f->map && bytes_u32(f->map, false) == ZSTD_FRAME && find_table(f, &t);
}

// The frame that holds OFF (< size).
static uint32_t find_frame(const struct seekable *s, uint64_t off) {
    uint32_t lo = 0, hi = s->table.count; // places[lo].at <= off < places[hi].at
    while (hi - lo > 1) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (s->places[mid].at <= off)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

static int unpack(const struct seekable *s, ZSTD_DCtx *d, uint32_t frame, uint8_t *out,
                  struct kvm_err *err) {
    const struct table *t = &s->table;
    uint32_t size = frame_out(t, frame);
    const uint8_t *in = s->under->map + s->places[frame].in;
    size_t n = ZSTD_decompressDCtx(d, out, size, in, frame_in(t, frame));
    const char *what = NULL;
    if (ZSTD_isError(n))
        what = ZSTD_getErrorName(n);
    else if (n != size)
        what = "its size is not that in the table";
    else if (t->entry_size > 8 &&
             (uint32_t)xxh64(out, n) !=
                 bytes_u32(t->entries + (size_t)frame * t->entry_size + 8, false))
        what = "wrong checksum";
    if (!what) return 0;
    return err_set(err, KVM_FORMAT, "zstd: frame %u at byte %llu: %s", frame,
                   (unsigned long long)s->places[frame].in, what);
}

static int piece(const struct file *f, uint64_t off, struct file_piece *out, struct kvm_err *err) {
    struct seekable *s = f->priv;
    uint32_t frame = find_frame(s, off);
    struct cache_slot slot;
    if (!cache_find(s->pieces, frame, &slot)) {
        cache_take(s->pieces, frame, &slot);
        int rc = unpack(s, s->unpack, frame, slot.bytes, err);
        if (rc) cache_drop(s->pieces, frame);
        if (rc) return rc;
    }
    uint64_t in_frame = off - s->places[frame].at;
    *out = (struct file_piece){slot.bytes + in_frame, frame_out(&s->table, frame) - in_frame,
                               slot.stamp, *slot.stamp};
    return 0;
}

// --- many threads

static void worker_destroy(struct worker *w) {
    if (!w) return;
    ZSTD_freeDCtx(w->unpack);
    mem_free(w->bytes);
    mem_free(w);
}

static struct worker *worker_create(const struct seekable *s) {
    struct worker *w = mem_zalloc(sizeof(*w));
    if (!w) return NULL;
    w->bytes = mem_alloc(s->table.frame_most);
    w->unpack = w->bytes ? ZSTD_createDCtx() : NULL;
    if (w->unpack) return w;
    worker_destroy(w);
    return NULL;
}

// Copies from a frame that another thread, or this one before, has unpacked; else takes a worker, if one is idle.
static bool copy_cached(struct seekable *s, uint32_t frame, size_t in_frame, void *to, size_t n,
                        struct worker **w) {
    struct cache_slot slot;
    pthread_mutex_lock(&s->lock);
    bool found = cache_find(s->copies, frame, &slot);
    if (found) memcpy(to, slot.bytes + in_frame, n);
    *w = found ? NULL : s->idle;
    if (*w) s->idle = (*w)->next;
    pthread_mutex_unlock(&s->lock);
    return found;
}

static void give_back(struct seekable *s, struct worker *w, uint32_t frame, bool good) {
    struct cache_slot slot;
    pthread_mutex_lock(&s->lock);
    if (good && !cache_find(s->copies, frame, &slot)) {
        cache_take(s->copies, frame, &slot);
        memcpy(slot.bytes, w->bytes, frame_out(&s->table, frame));
    }
    w->next = s->idle;
    s->idle = w;
    pthread_mutex_unlock(&s->lock);
}

static int copy_frame(struct seekable *s, uint32_t frame, size_t in_frame, void *to, size_t n,
                      struct kvm_err *err) {
    struct worker *w;
    if (copy_cached(s, frame, in_frame, to, n, &w)) return 0;
    if (!w) w = worker_create(s);
    if (!w) return err_nomem(err, "a frame");
    int rc = unpack(s, w->unpack, frame, w->bytes, err);
    if (rc == 0) memcpy(to, w->bytes + in_frame, n);
    give_back(s, w, frame, rc == 0);
    return rc;
}

static int read_bytes(const struct file *f, uint64_t off, void *buf, size_t len,
                      struct kvm_err *err) {
    struct seekable *s = f->priv;
    uint8_t *to = buf;
    while (len) {
        uint32_t frame = find_frame(s, off);
        size_t in_frame = (size_t)(off - s->places[frame].at);
        size_t n = frame_out(&s->table, frame) - in_frame;
        if (n > len) n = len;
        int rc = copy_frame(s, frame, in_frame, to, n, err);
        if (rc) return rc;
        off += n;
        to += n;
        len -= n;
    }
    return 0;
}

// --- open

static void destroy(struct seekable *s) {
    while (s->idle) {
        struct worker *w = s->idle;
        s->idle = w->next;
        worker_destroy(w);
    }
    pthread_mutex_destroy(&s->lock);
    ZSTD_freeDCtx(s->unpack);
    cache_destroy(s->pieces);
    cache_destroy(s->copies);
    mem_free(s->places);
    mem_free(s);
}

static void close_layer(struct file *f) {
    destroy(f->priv);
}

static int init(struct seekable *s, struct kvm_err *err) {
    const struct table *t = &s->table;
    size_t slots = SLOTS_MOST;
    while (slots > SLOTS_LEAST && slots * t->frame_most > CACHE_BYTES)
        slots /= 2;
    s->places = mem_array((size_t)t->count + 1, sizeof(*s->places));
    s->pieces = cache_create(t->frame_most, slots);
    s->copies = cache_create(t->frame_most, slots);
    s->unpack = ZSTD_createDCtx();
    if (!s->places || !s->pieces || !s->copies || !s->unpack)
        return err_nomem(err, "the table of frames");
    for (uint32_t i = 0; i < t->count; i++) {
        s->places[i + 1].at = s->places[i].at + frame_out(t, i);
        s->places[i + 1].in = s->places[i].in + frame_in(t, i);
    }
    return 0;
}

static const struct file_ops ops = {.piece = piece, .read = read_bytes, .close = close_layer};

static int open_layer(struct file *under, const struct progress *progress, struct file **out,
                      struct kvm_err *err) {
    (void)progress;
    struct seekable *s = mem_zalloc(sizeof(*s));
    if (!s) return err_nomem(err, "a layer");
    s->under = under;
    pthread_mutex_init(&s->lock, NULL);
    int rc = find_table(under, &s->table) ? init(s, err)
                                          : err_set(err, KVM_FORMAT, "no table of frames");
    if (rc == 0) rc = file_layer_create(under, &ops, "seekable zstd", s->table.size, out, err);
    if (rc) {
        destroy(s);
        return rc;
    }
    (*out)->priv = s;
    (*out)->cut = under->cut;
    return 0;
}
#else
static bool probe(const struct file *f) {
    (void)f;
    return false; // zstd files are refused by name in unpack.c
}
static int open_layer(struct file *under, const struct progress *progress, struct file **out,
                      struct kvm_err *err) {
    (void)under, (void)progress, (void)out;
    return err_set(err, KVM_UNSUPPORTED, "this build has no such codec");
}
#endif

const struct file_layer zstd_seekable_layer = {
    .name = "seekable zstd", .probe = probe, .open = open_layer};
