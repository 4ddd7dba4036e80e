// SPDX-License-Identifier: BSD-2-Clause
// Sets of kdump files (image/kdump_set.h), as makedumpfile 1.7.2 and 1.7.8 write them with --split.
// Parts that are missing are no error: their pages are, one by one. Parts of different dumps are:
// the headers, VMCOREINFO and the bit maps must be the same in each.
#include "image/kdump_set.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK = 16384 };

static int by_start(const void *pa, const void *pb) {
    const struct kdump_header *a = &((const struct kdump_part *)pa)->header;
    const struct kdump_header *b = &((const struct kdump_part *)pb)->header;
    if (a->start_pfn != b->start_pfn) return a->start_pfn < b->start_pfn ? -1 : 1;
    return a->end_pfn < b->end_pfn ? -1 : a->end_pfn > b->end_pfn;
}

static int unlike(const struct kdump_part *a, const struct kdump_part *b, const char *what,
                  struct kvm_err *err) {
    return err_set(err, KVM_INVAL, "%s and %s are not parts of one dump: %s", a->file->path,
                   b->file->path, what);
}

// Whether LEN bytes of the two files are the same.
static int same_bytes(const struct kdump_part *a, uint64_t a_off, const struct kdump_part *b,
                      uint64_t b_off, uint64_t len, bool *same, struct kvm_err *err) {
    uint8_t a_room[CHUNK], b_room[CHUNK];
    const uint8_t *pa, *pb;
    *same = true;
    for (uint64_t at = 0; *same && at < len; at += CHUNK) {
        size_t n = len - at < CHUNK ? (size_t)(len - at) : CHUNK;
        int rc = file_view(a->file, a_off + at, n, a_room, &pa, err);
        if (rc == 0) rc = file_view(b->file, b_off + at, n, b_room, &pb, err);
        if (rc) return err_prepend(err, rc, "%s, %s", a->file->path, b->file->path);
        *same = memcmp(pa, pb, n) == 0;
    }
    return 0;
}

static int check_pair(const struct kdump_part *a, const struct kdump_part *b, struct kvm_err *err) {
    const struct kdump_header *x = &a->header, *y = &b->header;
    if (!x->split || !y->split)
        return err_set(err, KVM_INVAL, "%s: a dump of its own, not a part of one",
                       x->split ? b->file->path : a->file->path);
    if (x->big != y->big || x->version != y->version || x->block_size != y->block_size ||
        x->max_mapnr != y->max_mapnr || x->bitmap_len != y->bitmap_len)
        return unlike(a, b, "their headers differ", err);
    if (memcmp(x->utsname, y->utsname, sizeof(x->utsname)) != 0)
        return unlike(a, b, "other kernels, or machines", err);
    if (x->seconds != y->seconds) return unlike(a, b, "other times", err);
    if (x->vmcoreinfo_len != y->vmcoreinfo_len || x->vmcoreinfo_len > VMCOREINFO_MOST)
        return unlike(a, b, "their VMCOREINFO differs", err);
    bool same;
    int rc = same_bytes(a, x->vmcoreinfo_off, b, y->vmcoreinfo_off, x->vmcoreinfo_len, &same, err);
    if (rc) return rc;
    if (!same) return unlike(a, b, "their VMCOREINFO differs", err);
    rc = same_bytes(a, x->bitmap_off, b, y->bitmap_off, x->bitmap_len, &same, err);
    if (rc) return rc;
    return same ? 0 : unlike(a, b, "their bit maps differ", err);
}

static int check_order(const struct kdump_part *a, const struct kdump_part *b,
                       struct kvm_err *err) {
    if (b->header.start_pfn >= a->header.end_pfn) return 0;
    return err_set(err, KVM_INVAL, "%s and %s: both have the page frames from 0x%llx on",
                   a->file->path, b->file->path, (unsigned long long)b->header.start_pfn);
}

#define BYTES_MOST ((uint64_t)1 << 56) // of all parts, so that keys have room for a codec

int kdump_set_open(struct kdump_set *s, const struct image *img, struct kvm_err *err) {
    s->v = mem_array(img->part_count, sizeof(*s->v));
    if (!s->v) return err_nomem(err, "the parts of a set");
    uint64_t key = 0;
    for (; s->count < img->part_count; s->count++) {
        struct kdump_part *p = &s->v[s->count];
        p->file = img->parts[s->count].file;
        p->key = key;
        if (!mem_add(key, p->file->size, &key) || key > BYTES_MOST)
            return err_set(err, KVM_INVAL, "files of more than 2^56 bytes");
        int rc = kdump_header_parse(p->file, &p->header, err);
        if (rc) return img->part_count > 1 ? err_prepend(err, rc, "%s", p->file->path) : rc;
    }
    qsort(s->v, s->count, sizeof(*s->v), by_start);
    for (size_t i = 1; i < s->count; i++) {
        int rc = check_pair(&s->v[0], &s->v[i], err);
        if (rc == 0) rc = check_order(&s->v[i - 1], &s->v[i], err);
        if (rc) return rc;
    }
    return 0;
}

static uint64_t rank_of(const struct kdump_index *x, uint64_t pfn) {
    return pfn < x->frames ? kdump_index_rank(x, pfn) : x->total;
}

// Frames that lie in front of a part, or behind the last one.
static void note_gap(struct kdump_set *s, const struct kdump_index *x, uint64_t from, uint64_t to) {
    if (from >= to || rank_of(x, from) == rank_of(x, to) || s->gaps++) return;
    s->gap_start = from;
    s->gap_end = to;
}

void kdump_set_settle(struct kdump_set *s, const struct kdump_index *x) {
    uint64_t at = 0;
    for (size_t i = 0; i < s->count; i++) {
        const struct kdump_header *h = &s->v[i].header;
        s->v[i].first = rank_of(x, h->start_pfn);
        s->v[i].count = rank_of(x, h->end_pfn) - s->v[i].first;
        note_gap(s, x, at, h->start_pfn);
        at = h->end_pfn;
    }
    note_gap(s, x, at, x->frames);
}

void kdump_set_deinit(struct kdump_set *s) {
    mem_free(s->v);
    *s = (struct kdump_set){0};
}
