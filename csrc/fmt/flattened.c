// SPDX-License-Identifier: BSD-2-Clause
// Flattened dumps as makedumpfile 1.7.2 (makedumpfile.h: struct makedumpfile_header, _data_header) and
// QEMU 7.2 (dump/dump.c: write_start_flat_header, write_buffer) write them: a header of 4096 bytes, then
// records {offset, size, bytes}, big-endian, until one at offset -1. Nothing is rearranged: one pass
// over the records makes a sorted list of where in the file each byte stands. Where records overlap the
// later one wins, as it does when they are written out one after the other; what no record has reads as
// zeros then, too. Of a stream without its last record that is not known, so it is EXCLUDED (but what is
// left of a block). What stands behind the last record (dumps go to raw disks) is not looked at.
#include "fmt/flattened.h"

#include "base/bytes.h"
#include "base/mem.h"

#include <stdlib.h>

enum {
    HEADER_SIZE = 4096,
    HEADER_TYPE = 16,
    HEADER_VERSION = 24,
    HEADER_FIELDS = 32,
    RECORD_HEAD = 16,
    RUNS_MOST = 1 << 25, // 800 MB of them; records have 16 kB (QEMU) or more, so a dump of 512 GB
    TELL_EVERY = 1 << 12,
    ZEROS = 4096,
    BLOCK_LEAST = 4096,
    BLOCK_MOST = 65536,
};

// Bytes that stand in one piece in the file: in order of IN records are as they came.
struct run {
    uint64_t at; // of the first byte, in the file that is described
    uint64_t in; // in the flattened one
    uint64_t len;
};

struct flattened {
    struct run *runs; // sorted by `at`, disjoint, len >= 1
    size_t count, cap;
};

static const uint8_t zeros[ZEROS];
static const char magic[16] = "makedumpfile";

static bool probe(const struct file *f) {
    char head[sizeof(magic)];
    return file_head(f, head, sizeof(head)) == sizeof(head) &&
           memcmp(head, magic, sizeof(magic)) == 0;
}

static uint64_t end_of(const struct run *r) {
    return r->at + r->len;
}

// --- reading the records

static int append(struct flattened *fl, const struct run *r, struct kvm_err *err) {
    if (r->len == 0) return 0;
    if (fl->count == RUNS_MOST)
        return err_set(err, KVM_UNSUPPORTED,
                       "more than %d records; rearrange it first: makedumpfile -R OUT < FILE",
                       RUNS_MOST);
    if (!mem_grow(&fl->runs, &fl->cap, fl->count + 1, sizeof(*fl->runs)))
        return err_nomem(err, "the list of records");
    fl->runs[fl->count++] = *r;
    return 0;
}

// LEN bytes at OFF through the pieces, which a layer below keeps better than what is only copied.
static int peek(const struct file *f, uint64_t off, uint8_t *buf, size_t len, struct kvm_err *err) {
    struct file_piece p;
    int rc = file_piece(f, off, &p, err);
    if (rc) return rc;
    if (p.len < len) return file_read(f, off, buf, len, err);
    memcpy(buf, p.at, len);
    return 0;
}

// The record at POS. Its head is there; of its bytes as many as the file has. *LAST: it ends the stream.
static int read_record(const struct file *under, uint64_t pos, struct run *out, bool *last,
                       uint64_t *size, struct kvm_err *err) {
    uint8_t head[RECORD_HEAD];
    int rc = peek(under, pos, head, sizeof(head), err);
    if (rc) return rc;
    out->at = bytes_u64(head, true);
    out->in = pos + RECORD_HEAD;
    *size = bytes_u64(head + 8, true);
    *last = out->at == UINT64_MAX;
    if (*last) return 0;
    uint64_t end;
    if (!mem_add(out->at, *size, &end) || end > INT64_MAX || out->at > INT64_MAX ||
        *size > INT64_MAX)
        return err_set(err, KVM_FORMAT, "record at %llu: %llu bytes at offset %llu",
                       (unsigned long long)pos, (unsigned long long)*size,
                       (unsigned long long)out->at);
    out->len = file_available(under, out->in, *size);
    return 0;
}

// *CUT: the stream ends before its last record.
static int read_records(const struct file *under, struct flattened *fl, bool *cut,
                        const struct progress *progress, struct kvm_err *err) {
    uint64_t pos = HEADER_SIZE;
    *cut = true;
    for (uint64_t i = 0; file_available(under, pos, RECORD_HEAD) == RECORD_HEAD; i++) {
        struct run r;
        bool last;
        uint64_t size;
        if (i % TELL_EVERY == 0) {
            int rc = progress_tell(progress, "indexing", pos, under->size, err);
            if (rc) return rc;
        }
        int rc = read_record(under, pos, &r, &last, &size, err);
        if (rc == KVM_EXCLUDED) return 0; // of a layer that was cut itself
        if (rc) return rc;
        *cut = !last;
        if (last) return 0;
        // Nobody writes such a record: a disk that was empty before, behind a stream that was cut.
        if (r.at == 0 && size == 0) return 0;
        rc = append(fl, &r, err);
        if (rc) return rc;
        if (r.len < size) return 0;
        pos = r.in + size;
        *cut = true;
    }
    return 0;
}

static int check_header(const struct file *under, struct kvm_err *err) {
    uint8_t head[HEADER_FIELDS];
    if (file_head(under, head, sizeof(head)) < sizeof(head) || under->size < HEADER_SIZE)
        return err_set(err, KVM_FORMAT, "its header is cut off");
    uint64_t type = bytes_u64(head + HEADER_TYPE, true);
    uint64_t version = bytes_u64(head + HEADER_VERSION, true);
    if (type == 1 && version == 1) return 0;
    return err_set(err, KVM_UNSUPPORTED, "type %llu, version %llu; 1 and 1 are known",
                   (unsigned long long)type, (unsigned long long)version);
}

// --- putting them in order

static int by_place(const void *a, const void *b) {
    const struct run *x = a, *y = b;
    if (x->at != y->at) return x->at < y->at ? -1 : 1;
    return x->in < y->in ? -1 : x->in > y->in;
}

// Runs that cover the place looked at: a heap of their numbers, with the latest record on top.
struct heap {
    const struct run *runs;
    uint32_t *at;
    size_t count;
};

static const struct run *top(const struct heap *h) {
    return &h->runs[h->at[0]];
}

static bool later(const struct heap *h, size_t a, size_t b) {
    return h->runs[h->at[a]].in > h->runs[h->at[b]].in;
}

static void swap(struct heap *h, size_t a, size_t b) {
    uint32_t i = h->at[a];
    h->at[a] = h->at[b];
    h->at[b] = i;
}

static void push(struct heap *h, size_t run) {
    size_t i = h->count++;
    h->at[i] = (uint32_t)run; // < RUNS_MOST
    for (; i && later(h, i, (i - 1) / 2); i = (i - 1) / 2)
        swap(h, i, (i - 1) / 2);
}

static void pop(struct heap *h) {
    h->at[0] = h->at[--h->count];
    for (size_t i = 0;;) {
        size_t latest = i, l = 2 * i + 1;
        if (l < h->count && later(h, l, latest)) latest = l;
        if (l + 1 < h->count && later(h, l + 1, latest)) latest = l + 1;
        if (latest == i) return;
        swap(h, i, latest);
        i = latest;
    }
}

// Adds a part of R, joined to the run before where it goes on there.
static int emit(struct flattened *fl, const struct run *r, uint64_t from, uint64_t to,
                struct kvm_err *err) {
    uint64_t in = r->in + (from - r->at);
    struct run *last = fl->count ? &fl->runs[fl->count - 1] : NULL;
    if (last && end_of(last) == from && last->in + last->len == in) {
        last->len += to - from;
        return 0;
    }
    return append(fl, &(struct run){from, in, to - from}, err);
}

// From place to place where runs begin or end: OUT gets what the latest of those that cover it says.
static int sweep(const struct flattened *sorted, struct heap *h, struct flattened *out,
                 struct kvm_err *err) {
    size_t i = 0;
    uint64_t pos = 0;
    for (;;) {
        while (h->count && end_of(top(h)) <= pos)
            pop(h);
        if (h->count == 0) {
            if (i == sorted->count) return 0;
            pos = sorted->runs[i].at;
        }
        while (i < sorted->count && sorted->runs[i].at <= pos)
            push(h, i++);
        uint64_t to = end_of(top(h));
        if (i < sorted->count && sorted->runs[i].at < to) to = sorted->runs[i].at;
        int rc = emit(out, top(h), pos, to, err);
        if (rc) return rc;
        pos = to;
    }
}

static int resolve(struct flattened *fl, struct kvm_err *err) {
    struct flattened out = {0};
    struct heap h = {fl->runs, mem_array(fl->count, sizeof(*h.at)), 0};
    int rc = h.at ? sweep(fl, &h, &out, err) : err_nomem(err, "the list of records");
    mem_free(h.at);
    mem_free(rc ? out.runs : fl->runs);
    if (rc == 0) *fl = out;
    return rc;
}

static int put_in_order(struct flattened *fl, struct kvm_err *err) {
    bool sorted = true, disjoint = true;
    for (size_t i = 1; i < fl->count; i++)
        if (by_place(&fl->runs[i - 1], &fl->runs[i]) > 0) sorted = false;
    if (!sorted) qsort(fl->runs, fl->count, sizeof(*fl->runs), by_place);
    for (size_t i = 1; i < fl->count; i++)
        if (end_of(&fl->runs[i - 1]) > fl->runs[i].at) disjoint = false;
    return disjoint ? 0 : resolve(fl, err);
}

// --- the layer

// The first run behind OFF.
static size_t run_behind(const struct flattened *fl, uint64_t off) {
    size_t lo = 0, hi = fl->count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (fl->runs[mid].at <= off)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

// How many of [off, off + want) come from one place: a run, or (*R NULL) a hole.
static uint64_t look_up(const struct file *f, uint64_t off, uint64_t want, const struct run **r) {
    const struct flattened *fl = f->priv;
    size_t lo = run_behind(fl, off);
    *r = lo && off < end_of(&fl->runs[lo - 1]) ? &fl->runs[lo - 1] : NULL;
    uint64_t end = *r ? end_of(*r) : lo < fl->count ? fl->runs[lo].at : f->size;
    return want < end - off ? want : end - off;
}

// A hole at OFF. Neither makedumpfile nor QEMU fills the last block of notes and bit maps: a hole that ends with a
// block and is shorter than one reads as zeros though the stream was cut. (Pages are written one behind the other; of
// descriptors zeros mean that there is none.)
static int hole(const struct file *f, uint64_t off, struct kvm_err *err) {
    const struct flattened *fl = f->priv;
    if (!f->cut) return 0;
    size_t next = run_behind(fl, off);
    uint64_t from = next ? end_of(&fl->runs[next - 1]) : 0;
    uint64_t to = next < fl->count ? fl->runs[next].at : f->size;
    if (to - from < BLOCK_MOST && to % BLOCK_LEAST == 0) return 0;
    return err_set(err, KVM_EXCLUDED, "offset %llu was cut off with the end of the stream",
                   (unsigned long long)off);
}

static int piece(const struct file *f, uint64_t off, struct file_piece *out, struct kvm_err *err) {
    const struct run *r;
    uint64_t n = look_up(f, off, UINT64_MAX, &r);
    int rc;
    if (r) {
        rc = file_piece(f->under, r->in + (off - r->at), out, err);
        if (rc == 0 && out->len > n) out->len = n;
        return rc;
    }
    rc = hole(f, off, err);
    *out = (struct file_piece){zeros, n < ZEROS ? n : ZEROS, &file_fixed_stamp, file_fixed_stamp};
    return rc;
}

static int read_bytes(const struct file *f, uint64_t off, void *buf, size_t len,
                      struct kvm_err *err) {
    uint8_t *to = buf;
    while (len) {
        const struct run *r;
        size_t n = (size_t)look_up(f, off, len, &r);
        int rc = r ? file_read(f->under, r->in + (off - r->at), to, n, err) : hole(f, off, err);
        if (rc) return rc;
        if (!r) memset(to, 0, n);
        off += n;
        to += n;
        len -= n;
    }
    return 0;
}

static void destroy(struct flattened *fl) {
    mem_free(fl->runs);
    mem_free(fl);
}

static void close_layer(struct file *f) {
    destroy(f->priv);
}

static const struct file_ops ops = {.piece = piece, .read = read_bytes, .close = close_layer};

static int open_layer(struct file *under, const struct progress *progress, struct file **out,
                      struct kvm_err *err) {
    bool cut = false;
    struct file *f = NULL;
    struct flattened *fl = mem_zalloc(sizeof(*fl));
    if (!fl) return err_nomem(err, "a layer");
    int rc = check_header(under, err);
    if (rc == 0) rc = read_records(under, fl, &cut, progress, err);
    if (rc == 0) rc = put_in_order(fl, err);
    uint64_t size = 0;
    for (size_t i = 0; i < fl->count; i++)
        if (end_of(&fl->runs[i]) > size) size = end_of(&fl->runs[i]);
    if (rc == 0) rc = file_layer_create(under, &ops, "flattened", size, &f, err);
    if (rc) {
        destroy(fl);
        return rc;
    }
    f->priv = fl;
    f->cut = cut || under->cut;
    *out = f;
    return 0;
}

const struct file_layer flattened_layer = {.name = "flattened", .probe = probe, .open = open_layer};
