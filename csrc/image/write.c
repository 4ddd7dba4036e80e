// SPDX-License-Identifier: BSD-2-Clause
// Pages on their way into a file (image/write.h): batches of blocks are read and packed by all CPUs, then handed on in
// order. What is in flight is bounded: 1024 blocks, or 16 MB of larger ones.
#include "image/write.h"

#include "image/formats.h"

#include "base/mem.h"
#include "base/parallel.h"

#include <string.h>

enum { BATCH_BLOCKS = 1024, BATCH_BYTES = 16 << 20, PAGE_SHIFT = 12 };

struct item {
    struct write_block block;
    uint8_t *room; // two blocks: as read, as packed
    int rc;
    struct kvm_err err;
};

struct pump {
    const struct write_source *src;
    uint32_t block_size;
    enum codec_id codec;
    struct item *items;
    size_t most;
    uint8_t *room;
    struct parallel *parallel;
    struct image_worker *workers;
};

bool write_next_block(const struct write_source *src, uint32_t block_size, uint64_t from,
                      uint64_t *no) {
    uint32_t shift = (uint32_t)__builtin_ctz(block_size) - PAGE_SHIFT;
    uint64_t pfn;
    if (from > UINT64_MAX >> shift || !src->next(src->next_ctx, from << shift, &pfn)) return false;
    *no = pfn >> shift;
    return true;
}

static int copy(const struct pump *p, struct image_worker *w, uint64_t pa, uint8_t *buf, size_t len,
                size_t *done, struct kvm_err *err) {
    if (p->src->copy) return p->src->copy(p->src->copy_ctx, w, pa, buf, len, done, err);
    return image_copy_by(p->src->img, w, pa, buf, len, done, err);
}

// What is no memory within a block that is memory in part: zeros, up to where memory begins again.
static int pad(const struct pump *p, uint64_t pa, uint8_t *buf, size_t *at) {
    struct image_region r;
    size_t stop = p->block_size;
    if (image_next_memory(p->src->img, pa + *at, &r) && r.start > pa + *at &&
        r.start - pa < p->block_size)
        stop = (size_t)(r.start - pa);
    else if (image_next_memory(p->src->img, pa + *at, &r) && r.start <= pa + *at)
        return KVM_FORMAT; // it says that there is memory, and gives none
    memset(buf + *at, 0, stop - *at);
    *at = stop;
    return 0;
}

static int read_block(const struct pump *p, struct image_worker *w, uint64_t pa, uint8_t *buf,
                      struct kvm_err *err) {
    bool some = false;
    for (size_t at = 0; at < p->block_size;) {
        size_t n = 0;
        int rc = copy(p, w, pa + at, buf + at, p->block_size - at, &n, err);
        at += n;
        some |= n > 0;
        if (rc == 0) continue;
        if (rc != KVM_FAULT || pad(p, pa, buf, &at)) return rc;
    }
    return some ? 0 : image_not_there(p->src->img, pa, false, err);
}

static void work(void *ctx, size_t i, unsigned thread) {
    struct pump *p = ctx;
    struct item *x = &p->items[i];
    struct image_worker *w = &p->workers[thread];
    struct write_block *b = &x->block;
    err_clear(&x->err);
    b->bytes = x->room;
    b->len = p->block_size;
    b->codec = CODEC_NONE;
    x->rc = read_block(p, w, b->no * p->block_size, x->room, &x->err);
    if (x->rc || p->codec == CODEC_NONE) return;
    size_t len = p->block_size - 1;
    uint8_t *packed = x->room + p->block_size;
    int rc = codec_compress(&w->codec, p->codec, x->room, p->block_size, packed, &len, &x->err);
    if (rc == KVM_NOTFOUND) return; // larger than it was
    x->rc = rc;
    b->bytes = packed;
    b->len = (uint32_t)len;
    b->codec = p->codec;
}

static int pump_init(struct pump *p, struct kvm_err *err) {
    p->most = BATCH_BYTES / p->block_size;
    if (p->most > BATCH_BLOCKS) p->most = BATCH_BLOCKS;
    p->items = mem_array(p->most, sizeof(*p->items));
    p->room = mem_alloc(p->most * 2 * p->block_size);
    if (!p->items || !p->room) return err_nomem(err, "blocks");
    for (size_t i = 0; i < p->most; i++)
        p->items[i].room = p->room + i * 2 * p->block_size;
    int rc = parallel_create(p->src->threads, &p->parallel, err);
    if (rc) return rc;
    p->workers = mem_array(parallel_threads(p->parallel), sizeof(*p->workers));
    return p->workers ? 0 : err_nomem(err, "threads");
}

static void pump_deinit(struct pump *p) {
    for (unsigned i = 0; p->workers && i < parallel_threads(p->parallel); i++)
        image_worker_deinit(&p->workers[i]);
    mem_free(p->workers);
    parallel_destroy(p->parallel);
    mem_free(p->room);
    mem_free(p->items);
}

// Counts a block that could not be had. Errors that are not the block's own end the writing.
static int lost(struct write_result *res, const struct item *x, struct kvm_err *err) {
    if (x->rc == KVM_EXCLUDED || x->rc == KVM_FAULT) {
        res->missing++;
        return 0;
    }
    if (x->rc == KVM_FORMAT || x->rc == KVM_UNSUPPORTED) {
        if (res->damaged++ == 0) res->first_damage = x->err;
        return 0;
    }
    if (err) *err = x->err;
    return x->rc;
}

int write_blocks(const struct write_source *src, uint32_t block_size, enum codec_id codec,
                 int (*put)(void *ctx, const struct write_block *b, struct kvm_err *err), void *ctx,
                 struct write_result *res, struct kvm_err *err) {
    struct pump p = {.src = src, .block_size = block_size, .codec = codec};
    uint64_t end = src->img->facts.phys_end / block_size, from = 0;
    int rc = pump_init(&p, err);
    for (size_t n = p.most; rc == 0 && n == p.most;) {
        for (n = 0; n < p.most && write_next_block(src, block_size, from, &p.items[n].block.no);
             n++)
            from = p.items[n].block.no + 1;
        parallel_run(p.parallel, n, work, &p);
        for (size_t i = 0; rc == 0 && i < n; i++) {
            if (p.items[i].rc == 0) res->pages++;
            rc = p.items[i].rc ? lost(res, &p.items[i], err) : put(ctx, &p.items[i].block, err);
        }
        if (rc == 0)
            rc = progress_tell(src->progress, "writing", from < end ? from : end, end, err);
    }
    pump_deinit(&p);
    return rc;
}
