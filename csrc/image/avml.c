// SPDX-License-Identifier: BSD-2-Clause
// AVML's compressed images (version 2; AVML 0.14, image.rs and snap's frame format): blocks of physical memory, each
// with a header as LiME's, a snappy stream (framing_format.txt of snappy 1.1: chunks of up to 65,536 bytes with a
// masked CRC-32C, which is checked), and 8 bytes that tell the stream's length. Blocks of zeros are left out by its
// writer: nobody can tell them from holes. One pass at open reads the heads of all chunks; the list of them takes 24
// bytes for each 64 kB of memory. Chunks are unpacked into a cache.
#include "image/flat.h"

#include "base/bytes.h"
#include "base/cache.h"
#include "base/crc32c.h"
#include "base/mem.h"
#include "image/lime_range.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    CHUNK_MOST = 65536, // bytes unpacked
    CHUNK_HEAD = 4,     // type, length in 24 bits
    CRC = 4,
    TRAILER = 8,
    CACHE_BYTES = 8 << 20,
    CACHE_SLOTS_MIN = 8,
    TELL_EVERY = 1 << 12,
    // types of chunks
    COMPRESSED = 0x00,
    UNCOMPRESSED = 0x01,
    SKIPPABLE = 0x80, // from here on: padding, the stream's identifier
};

struct chunk {
    uint64_t pa;
    uint64_t off;    // of the CRC
    uint32_t packed; // bytes behind the CRC
    uint32_t len : 31, raw : 1;
};

struct avml {
    struct flat flat;     // data: what chunks there are, without places in the file
    struct chunk *chunks; // sorted by pa
    size_t count, cap;
    struct cache *cache;
    uint64_t seen; // chunks
};

static int probe(const struct file *f, struct kvm_err *err) {
    (void)err;
    return lime_magic(f, AVML_MAGIC) ? IMAGE_MATCH : IMAGE_NOMATCH;
}

// --- the list of chunks

// How many bytes a snappy block becomes: a varint in front of it (snappy's format_description.txt).
static bool unpacked_length(const struct file *f, const struct chunk *c, uint32_t *out) {
    uint8_t b[3];
    size_t n = c->packed < sizeof(b) ? c->packed : sizeof(b);
    if (file_read(f, c->off + CRC, b, n, NULL)) return false;
    *out = 0;
    for (size_t i = 0; i < n; i++) {
        *out |= (uint32_t)(b[i] & 0x7f) << (7 * i);
        if (!(b[i] & 0x80)) return *out > 0 && *out <= CHUNK_MOST;
    }
    return false;
}

// The chunk at *AT, which moves behind it; *PA moves by what it holds. NOTFOUND: the file ends before.
static int read_chunk(struct image *img, uint64_t *at, uint64_t *pa, uint64_t end,
                      struct kvm_err *err) {
    struct avml *a = img->priv;
    uint8_t head[CHUNK_HEAD];
    int rc = file_read(img->file, *at, head, sizeof(head), err);
    if (rc) return rc;
    uint32_t word = bytes_u32(head, false), type = word & 0xff, size = word >> 8;
    uint64_t next = *at + CHUNK_HEAD + size;
    if (type >= SKIPPABLE) {
        *at = next;
        return 0;
    }
    struct chunk c = {*pa, *at + CHUNK_HEAD, size - CRC, size - CRC, type == UNCOMPRESSED};
    uint32_t len = c.packed;
    if (type > UNCOMPRESSED || size <= CRC)
        return err_set(err, KVM_FORMAT, "a chunk of type %u, %u bytes, at byte %llu", type, size,
                       (unsigned long long)*at);
    if (next > img->file->size) return err_set(err, KVM_NOTFOUND, "cut short");
    if ((type == COMPRESSED && !unpacked_length(img->file, &c, &len)) || len > CHUNK_MOST ||
        len > end - *pa)
        return err_set(err, KVM_FORMAT, "a chunk of %u bytes too many at byte %llu", len,
                       (unsigned long long)*at);
    c.len = len & 0x7fffffff;
    if (!mem_grow(&a->chunks, &a->cap, a->count + 1, sizeof(*a->chunks)) ||
        !spans_add(&a->flat.data, *pa, *pa + len, 0, 0))
        return err_nomem(err, "the list of chunks");
    a->chunks[a->count++] = c;
    *pa += len;
    *at = next;
    return 0;
}

// Neighbours are joined at once: a list of all chunks is enough.
static void join_last(struct spans *s) {
    if (s->count < 2 || s->v[s->count - 2].end != s->v[s->count - 1].start) return;
    s->v[s->count - 2].end = s->v[s->count - 1].end;
    s->count--;
}

static int read_block(struct image *img, uint64_t *at, struct kvm_err *err) {
    struct avml *a = img->priv;
    struct lime_range r;
    int rc = lime_range_read(img->file, *at, AVML_MAGIC, 2, &r, err);
    if (rc) return rc;
    if (!spans_add(&a->flat.memory, r.start, r.end, 0, 0)) return err_nomem(err, "the ranges");
    *at += LIME_HEADER;
    for (uint64_t pa = r.start; rc == 0 && pa < r.end;) {
        if (a->seen++ % TELL_EVERY == 0)
            rc = progress_tell(img->progress, "indexing", *at, img->file->size, err);
        if (rc == 0) rc = read_chunk(img, at, &pa, r.end, err);
        join_last(&a->flat.data);
    }
    *at += TRAILER;
    return rc;
}

static int by_place(const void *x, const void *y) {
    const struct chunk *a = x, *b = y;
    if (a->pa != b->pa) return a->pa < b->pa ? -1 : 1;
    return a->off < b->off ? -1 : a->off > b->off;
}

static int check_order(const struct avml *a, struct kvm_err *err) {
    for (size_t i = 1; i < a->count; i++)
        if (a->chunks[i].pa - a->chunks[i - 1].pa < a->chunks[i - 1].len)
            return err_set(err, KVM_FORMAT, "two blocks hold physical address 0x%llx",
                           (unsigned long long)a->chunks[i].pa);
    return 0;
}

static int open_image(struct image *img, struct kvm_err *err) {
    struct avml *a = mem_zalloc(sizeof(*a));
    if (!a) return err_nomem(err, "an image");
    img->priv = a;
    int rc = 0;
    for (uint64_t at = 0; rc == 0 && at < img->file->size;)
        rc = read_block(img, &at, err);
    if (rc == KVM_NOTFOUND || rc == KVM_EXCLUDED) {
        img->facts.incomplete = true;
        err_clear(err);
        rc = 0;
    }
    if (rc) return rc;
    if (a->count) qsort(a->chunks, a->count, sizeof(*a->chunks), by_place);
    rc = check_order(a, err);
    if (rc) return rc;
    size_t slots = (img->cache_bytes ? img->cache_bytes : CACHE_BYTES) / CHUNK_MOST;
    a->cache = cache_create(CHUNK_MOST, slots > CACHE_SLOTS_MIN ? slots : CACHE_SLOTS_MIN);
    if (!a->cache) return err_nomem(err, "the cache of chunks");
    snprintf(img->facts.format, sizeof(img->facts.format), "AVML, snappy");
    return flat_settle(img, err);
}

static void close_image(struct image *img) {
    struct avml *a = img->priv;
    if (!a) return;
    cache_destroy(a->cache);
    flat_deinit(&a->flat);
    mem_free(a->chunks);
    mem_free(a);
    img->priv = NULL;
}

// --- pages

// *out is NULL where there is none.
static int chunk_at(const struct image *img, uint64_t pa, const struct chunk **out,
                    struct kvm_err *err) {
    const struct avml *a = img->priv;
    size_t lo = 0, hi = a->count;
    *out = NULL;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (a->chunks[mid].pa + a->chunks[mid].len <= pa)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo < a->count && a->chunks[lo].pa <= pa) {
        *out = &a->chunks[lo];
        return 0;
    }
    const struct span *s = spans_find(&a->flat.memory, pa);
    return image_not_there(img, pa, s && s->start <= pa, err);
}

static int damaged(const struct chunk *c, int rc, struct kvm_err *err) {
    if (err) {
        err->has_addr = true;
        err->addr = c->pa;
    }
    return err_prepend(err, rc, "chunk at 0x%llx", (unsigned long long)c->pa);
}

// Unpacks C into OUT, of CHUNK_MOST bytes at least; ROOM has as many as are packed.
static int unpack(const struct image *img, struct image_worker *w, const struct chunk *c,
                  uint8_t *out, uint8_t *room, struct kvm_err *err) {
    const uint8_t *data;
    int rc = file_view(img->file, c->off, CRC + (size_t)c->packed, room, &data, err);
    if (rc) return damaged(c, rc, err);
    enum codec_id codec = c->raw ? CODEC_NONE : CODEC_SNAPPY;
    if (!c->raw) w->pages_decompressed++;
    rc = codec_decompress(&w->codec, codec, data + CRC, c->packed, out, c->len, err);
    if (rc) return damaged(c, rc, err);
    uint32_t crc = crc32c(out, c->len), masked = (crc >> 15 | crc << 17) + 0xa282ead8;
    if (masked == bytes_u32(data, false)) return 0;
    return damaged(c, err_set(err, KVM_FORMAT, "its checksum is wrong"), err);
}

static uint8_t *packed_room(const struct image *img, struct image_worker *w, const struct chunk *c,
                            size_t more) {
    size_t size = img->file->ops ? CRC + (size_t)c->packed : 0;
    if (size && !more) w->last = NULL; // it is written over
    return image_scratch(w, more + size + 1);
}

static int find(struct image *img, uint64_t pa, struct image_run *run, struct kvm_err *err) {
    const struct avml *a = img->priv;
    const struct chunk *c = NULL;
    struct cache_slot slot;
    int rc = chunk_at(img, pa, &c, err);
    if (!c) return rc;
    if (cache_find(a->cache, c->off, &slot)) {
        img->worker.pages_cached++;
    } else {
        uint8_t *room = packed_room(img, &img->worker, c, 0);
        if (!room) return err_nomem(err, "a chunk");
        cache_take(a->cache, c->off, &slot);
        rc = unpack(img, &img->worker, c, slot.bytes, room, err);
        if (rc) cache_drop(a->cache, c->off);
        if (rc) return rc;
    }
    uint64_t in = pa - c->pa;
    *run = (struct image_run){slot.bytes + in, c->len - in, slot.stamp, *slot.stamp};
    return 0;
}

static int copy(struct image *img, struct image_worker *w, uint64_t pa, uint8_t *buf, size_t len,
                size_t *n, struct kvm_err *err) {
    const struct chunk *c = NULL;
    w->pages_read++;
    int rc = chunk_at(img, pa, &c, err);
    if (!c) return rc;
    uint64_t in = pa - c->pa;
    *n = c->len - in < len ? (size_t)(c->len - in) : len;
    bool whole = *n == c->len;
    uint8_t *room = packed_room(img, w, c, whole ? 0 : CHUNK_MOST);
    if (!room) return err_nomem(err, "a chunk");
    if (whole) return unpack(img, w, c, buf, room, err);
    if (w->last != c) { // the next piece of the same chunk, most often
        w->last = NULL;
        rc = unpack(img, w, c, room, room + CHUNK_MOST, err);
        if (rc) return rc;
        w->last = c;
    }
    memcpy(buf, room + in, *n);
    return 0;
}

const struct image_ops image_avml = {
    .name = "AVML",
    .probe = probe,
    .open = open_image,
    .close = close_image,
    .find = find,
    .copy = copy,
    .next_region = flat_next_region,
    .next_memory = flat_next_memory,
};
