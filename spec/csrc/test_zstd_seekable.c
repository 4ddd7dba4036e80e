// SPDX-License-Identifier: BSD-2-Clause
// base/zstd_seekable: frames read in place by one thread and by many, tables that lie; and XXH64.
#include "base/zstd_seekable.h"

#include "base/mem.h"
#include "base/xxh64.h"
#include "dump_build.h"
#include "tap.h"

#if HAVE_ZSTD
#include "base/bytes.h"

#include <pthread.h>
#include <stdlib.h>
#include <zstd.h>

enum { SIZE = 400000, CHECKSUMS = 1 };

static uint8_t plain[SIZE];

// Frames of the sizes that STEP gives, and the table: where it begins.
struct built {
    struct bytes_out b;
    size_t table;
    uint32_t frames;
};

static struct built build(size_t step, int flags) {
    struct built out = {0};
    struct bytes_out table = {0};
    uint8_t *room = malloc(ZSTD_compressBound(step));
    for (size_t at = 0; at < SIZE; out.frames++) {
        // the third is empty
        size_t n = out.frames == 2 ? 0 : SIZE - at < step ? SIZE - at : step;
        size_t packed = ZSTD_compress(room, ZSTD_compressBound(step), plain + at, n, 1);
        out_put(&out.b, room, packed);
        out_u32(&table, (uint32_t)packed);
        out_u32(&table, (uint32_t)n);
        if (flags & CHECKSUMS) out_u32(&table, (uint32_t)xxh64(plain + at, n));
        at += n;
    }
    free(room);
    out.table = out.b.len;
    out_u32(&out.b, 0x184d2a5e);
    out_u32(&out.b, (uint32_t)table.len + 9);
    out_put(&out.b, table.p, table.len);
    out_u32(&out.b, out.frames);
    out_put(&out.b, flags & CHECKSUMS ? "\x80" : "", 1);
    out_u32(&out.b, 0x8f92eab1);
    free(table.p);
    return out;
}

struct opened {
    struct dump_file d;
    struct file *f;
    int rc;
    struct kvm_err err;
};

static struct opened open_it(const struct bytes_out *b, size_t len) {
    struct opened o = {.d = dump_file(b->p, len)};
    struct file *under = NULL;
    o.rc = file_open(o.d.path, false, &under, &o.err);
    if (o.rc) return o;
    o.rc = zstd_seekable_layer.probe(under) ? zstd_seekable_layer.open(under, NULL, &o.f, &o.err)
                                            : KVM_NOTFOUND;
    if (o.rc) file_close(under);
    return o;
}

static void close_it(struct opened *o) {
    file_close(o->f);
    dump_forget(&o->d);
}

static void test_good(size_t step, int flags) {
    static uint8_t got[SIZE];
    struct built x = build(step, flags);
    struct opened o = open_it(&x.b, x.b.len);
    is_int(o.rc, 0, "a file with a table opens");
    is_int((int64_t)o.f->size, SIZE, "with the size of all frames");
    is_str(o.f->how, "seekable zstd", "it says what it is");
    is_int(file_read(o.f, 0, got, SIZE, NULL), 0, "can be read in one go");
    ok(memcmp(got, plain, SIZE) == 0, "and has those bytes");
    int wrong = 0;
    uint32_t r = 3;
    for (int i = 0; i < 500; i++) {
        r = r * 1664525u + 1013904223u;
        uint64_t off = (r >> 5) % SIZE;
        size_t len = (r >> 3) % 5000;
        if (len > SIZE - off) len = SIZE - off;
        struct file_piece p;
        wrong += file_piece(o.f, off, &p, NULL) != 0 || p.len > SIZE - off ||
                 *p.stamp != p.stamp_value || memcmp(p.at, plain + off, (size_t)p.len) != 0;
        wrong += file_read(o.f, off, got, len, NULL) != 0 || memcmp(got, plain + off, len) != 0;
    }
    is_int(wrong, 0, "and at random places");
    struct file_piece p;
    is_int(file_piece(o.f, SIZE, &p, NULL), KVM_NOTFOUND, "nothing behind the end");
    close_it(&o);
    free(x.b.p);
}

// Frames so large that the cache holds few of them: what is used again says so.
static void test_stamps(void) {
    enum { FRAME = 8 << 20, FRAMES = 6 };
    struct bytes_out b = {0}, table = {0};
    uint8_t *big = calloc(1, FRAME), *room = malloc(ZSTD_compressBound(FRAME));
    for (int i = 0; i < FRAMES; i++) {
        memset(big, 'a' + i, FRAME);
        size_t n = ZSTD_compress(room, ZSTD_compressBound(FRAME), big, FRAME, 1);
        out_put(&b, room, n);
        out_u32(&table, (uint32_t)n);
        out_u32(&table, FRAME);
    }
    out_u32(&b, 0x184d2a5e);
    out_u32(&b, (uint32_t)table.len + 9);
    out_put(&b, table.p, table.len);
    out_u32(&b, FRAMES);
    out_put(&b, "", 1);
    out_u32(&b, 0x8f92eab1);
    struct opened o = open_it(&b, b.len);
    struct file_piece first, p;
    is_int(o.rc, 0, "large frames are read in place");
    file_piece(o.f, 5, &first, NULL);
    ok(first.at[0] == 'a' && *first.stamp == first.stamp_value, "a piece of the first");
    for (uint64_t i = 1; i < FRAMES; i++)
        ok(file_piece(o.f, i * FRAME, &p, NULL) == 0 && p.at[0] == 'a' + (int)i, "one more");
    ok(*first.stamp != first.stamp_value, "its place is used again, and it says so");
    close_it(&o);
    free(b.p), free(table.p), free(big), free(room);
}

struct reader {
    const struct file *f;
    uint32_t seed;
    int wrong;
};

static void *read_much(void *arg) {
    struct reader *x = arg;
    uint8_t buf[3000];
    for (int i = 0; i < 2000; i++) {
        x->seed = x->seed * 1664525u + 1013904223u;
        uint64_t off = (x->seed >> 5) % (SIZE - sizeof(buf));
        x->wrong += file_read(x->f, off, buf, sizeof(buf), NULL) != 0 ||
                    memcmp(buf, plain + off, sizeof(buf)) != 0;
    }
    return NULL;
}

static void test_threads(void) {
    enum { THREADS = 4 };
    struct built x = build(7000, CHECKSUMS);
    struct opened o = open_it(&x.b, x.b.len);
    struct reader readers[THREADS];
    pthread_t threads[THREADS];
    for (uint32_t i = 0; i < THREADS; i++) {
        readers[i] = (struct reader){o.f, i, 0};
        pthread_create(&threads[i], NULL, read_much, &readers[i]);
    }
    int wrong = 0;
    for (uint64_t off = 0; off < SIZE; off += 999) { // and pieces beside them
        struct file_piece p;
        wrong += file_piece(o.f, off, &p, NULL) != 0 || p.at[0] != plain[off];
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        wrong += readers[i].wrong;
    }
    is_int(wrong, 0, "many threads read at a time");
    close_it(&o);
    free(x.b.p);
}

// The byte AT changed to VALUE: not read in place, whatever else it may be.
static void refuse(struct built *x, size_t at, uint8_t value, const char *what) {
    uint8_t old = x->b.p[at];
    x->b.p[at] = value;
    struct opened o = open_it(&x->b, x->b.len);
    is_int(o.rc, KVM_NOTFOUND, what);
    close_it(&o);
    x->b.p[at] = old;
}

static void damage(struct built *x, size_t at, uint8_t by, const char *text) {
    x->b.p[at] ^= by;
    struct opened o = open_it(&x->b, x->b.len);
    uint8_t byte = 0;
    struct file_piece p;
    is_int(o.rc, 0, "it opens");
    is_int(file_read(o.f, 10, &byte, 1, &o.err), KVM_FORMAT, "a damaged frame");
    has_text(o.err.text, text, "says why");
    is_int(file_piece(o.f, 10, &p, NULL), KVM_FORMAT, "so does its piece");
    is_int(file_read(o.f, SIZE - 1, &byte, 1, NULL), 0, "another frame is read");
    close_it(&o);
    x->b.p[at] ^= by;
}

static void test_lies(void) {
    struct built x = build(50000, CHECKSUMS);
    size_t end = x.b.len;
    refuse(&x, 0, 0, "no frame at the beginning");
    refuse(&x, end - 1, 0, "no magic at the end");
    refuse(&x, end - 5, 0x84, "reserved flags");
    refuse(&x, end - 5, 0, "no checksums, though the length says so");
    refuse(&x, end - 9, 0, "no frames");
    refuse(&x, end - 6, 0x7f, "more frames than the file has room for");
    refuse(&x, x.table, 0x5d, "another skippable frame");
    refuse(&x, x.table + 4, 0, "another length");
    refuse(&x, x.table + 8, x.b.p[x.table + 8] ^ 1, "frames that do not fill the file");
    refuse(&x, x.table + 15, 3, "a frame of more than 32 MB");
    for (size_t len = 0; len < end; len += len < end - 60 ? end / 20 : 1) {
        struct opened o = open_it(&x.b, len);
        if (o.rc != KVM_NOTFOUND) ok(false, "cut at %zu", len);
        close_it(&o);
    }
    damage(&x, 30, 0x10, "zstd: frame 0 at byte 0: ");
    damage(&x, x.table + 12, 1, "frame 0 at byte 0: its size is not that in the table");
    damage(&x, x.table + 16, 1, "frame 0 at byte 0: wrong checksum");
    free(x.b.p);
}

static void test_memory(void) {
    struct built x = build(50000, 0);
    int opened = 0;
    for (unsigned long i = 1; i < 60 && !opened; i++) {
        struct dump_file d = dump_file(x.b.p, x.b.len);
        struct file *under = NULL, *f = NULL;
        file_open(d.path, false, &under, NULL);
        mem_fail_from(i);
        int rc = zstd_seekable_layer.open(under, NULL, &f, NULL);
        mem_fail_from(0);
        opened = rc == 0;
        if (rc && rc != KVM_NOMEM) ok(false, "allocation %lu: %d", i, rc);
        if (opened) {
            uint8_t byte;
            mem_fail_from(1);
            is_int(file_read(f, 0, &byte, 1, NULL), KVM_NOMEM, "reading needs memory");
            mem_fail_from(0);
        }
        file_close(f ? f : under);
        dump_forget(&d);
    }
    ok(opened, "each allocation may fail");
    free(x.b.p);
}

// The checksum at the end of a frame is the lower half of its content's XXH64.
static void test_xxh64(void) {
    ok(xxh64("", 0) == UINT64_C(0xef46db3751d8e999), "XXH64 of nothing");
    ok(xxh64("abc", 3) == UINT64_C(0x44bc2cf5ad770999), "XXH64 of abc");
    uint8_t room[2000];
    int wrong = 0;
    ZSTD_CCtx *c = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
    for (size_t len = 1; len < 300; len++) {
        size_t n = ZSTD_compress2(c, room, sizeof(room), plain + len, len);
        wrong += bytes_u32(room + n - 4, false) != (uint32_t)xxh64(plain + len, len);
    }
    ZSTD_freeCCtx(c);
    is_int(wrong, 0, "XXH64 of all lengths is zstd's");
}

int main(void) {
    for (size_t at = 0; at < SIZE; at += 4096)
        build_pattern(plain + at, SIZE - at < 4096 ? SIZE - at : 4096, (uint32_t)at);
    test_xxh64();
    test_good(50000, 0);
    test_good(50000, CHECKSUMS);
    test_good(333, CHECKSUMS);
    test_stamps();
    test_threads();
    test_lies();
    test_memory();
    return done();
}
#else
int main(void) {
    ok(!zstd_seekable_layer.probe(NULL), "nothing is read in place without zstd");
    return done();
}
#endif
