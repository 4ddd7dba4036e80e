// SPDX-License-Identifier: BSD-2-Clause
// fmt/flattened: the bytes of a file that was written in records, in any order and over each other, and streams that
// were cut short or lie.
#include "fmt/flattened.h"

#include "base/mem.h"
#include "dump_build.h"
#include "tap.h"

#include <stdlib.h>

enum { HEADER = 4096 };

static struct bytes_out header(void) {
    struct bytes_out b = {.big = true};
    out_put(&b, "makedumpfile\0\0\0", 16);
    out_u64(&b, 1);
    out_u64(&b, 1);
    out_pad(&b, HEADER);
    return b;
}

static void record(struct bytes_out *b, uint64_t at, const void *p, size_t len) {
    out_u64(b, at);
    out_u64(b, len);
    out_put(b, p, len);
}

static void text_record(struct bytes_out *b, uint64_t at, const char *text) {
    record(b, at, text, strlen(text));
}

static void last_record(struct bytes_out *b) {
    out_u64(b, UINT64_MAX);
    out_u64(b, UINT64_MAX);
}

struct opened {
    struct dump_file d;
    struct file *f; // NULL: it failed
    int rc;
    struct kvm_err err;
};

static struct opened open_bytes(const void *p, size_t len, const struct progress *progress) {
    struct opened o = {.d = dump_file(p, len)};
    struct file *under = NULL;
    if (file_open(o.d.path, false, &under, &o.err)) return o;
    o.rc = flattened_layer.probe(under) ? flattened_layer.open(under, progress, &o.f, &o.err)
                                        : err_set(&o.err, KVM_NOTFOUND, "not flattened");
    if (o.rc) file_close(under);
    return o;
}

static struct opened open_it(struct bytes_out *b) {
    struct opened o = open_bytes(b->p, b->len, NULL);
    free(b->p);
    return o;
}

static void close_it(struct opened *o) {
    file_close(o->f);
    dump_forget(&o->d);
}

static void gives(const struct opened *o, uint64_t off, const char *want, size_t len,
                  const char *what) {
    uint8_t buf[64] = {0};
    is_int(file_read(o->f, off, buf, len, NULL), 0, what);
    ok(memcmp(buf, want, len) == 0, "and those bytes");
    struct file_piece p;
    for (size_t i = 0; i < len; i++)
        if (file_piece(o->f, off + i, &p, NULL) || p.at[0] != (uint8_t)want[i])
            ok(false, "piece at %zu", i);
}

static void test_order(void) {
    struct bytes_out b = header();
    text_record(&b, 8, "ijkl");
    text_record(&b, 0, "abcd");
    record(&b, 100, "", 0);
    text_record(&b, 4, "EFGH");
    text_record(&b, 3, "d!!h");
    text_record(&b, 5, "fg");
    text_record(&b, 5000, "end");
    last_record(&b);
    text_record(&b, 0, "left over on the disk");
    struct opened o = open_it(&b);
    is_int(o.rc, 0, "a stream opens");
    is_int((int64_t)o.f->size, 5003, "its size is where its last byte is");
    is_str(o.f->how, "flattened", "it says what it is");
    ok(!o.f->cut, "and that it is whole");
    gives(&o, 0, "abcd!fgHijkl", 12, "later records win");
    gives(&o, 10, "kl\0\0\0\0", 6, "what no record has reads as zeros");
    gives(&o, 4998, "\0\0end", 5, "up to the next record");
    struct file_piece p;
    is_int(file_piece(o.f, 12, &p, NULL), 0, "a piece of the hole");
    ok(p.len > 1 && p.len <= 4988 && *p.stamp == p.stamp_value, "ends with it, and stays");
    is_int(file_piece(o.f, 8, &p, NULL), 0, "a piece of a record");
    is_int((int64_t)p.len, 4, "ends with the record");
    is_int(file_piece(o.f, 5003, &p, NULL), KVM_NOTFOUND, "nothing behind the end");
    close_it(&o);
}

static void test_cut(void) {
    char block[4096];
    memset(block, 'x', sizeof(block));
    struct bytes_out b = header();
    record(&b, 0, block, 4000);
    record(&b, 4096, block, 4000);
    record(&b, 12289, block, 100);
    struct opened o = open_it(&b);
    is_int(o.rc, 0, "a stream without its end opens");
    ok(o.f->cut, "and says so");
    uint8_t byte;
    struct file_piece p;
    is_int(file_read(o.f, 4000, &byte, 1, NULL), 0, "what is left of a block");
    ok(byte == 0 && file_piece(o.f, 4095, &p, NULL) == 0 && p.at[0] == 0, "is zeros");
    is_int(file_read(o.f, 8096, &byte, 1, NULL), KVM_EXCLUDED, "a hole else is cut off");
    is_int(file_piece(o.f, 9000, &p, &o.err), KVM_EXCLUDED, "for pieces, too");
    has_text(o.err.text, "offset 9000 was cut off", "it says what");
    is_int(file_read(o.f, 12388, &byte, 1, NULL), 0, "the last byte");
    is_int((int64_t)o.f->size, 12389, "is the end");
    close_it(&o);
}

// The same stream cut behind each of its bytes.
static void test_every_cut(void) {
    struct bytes_out b = header();
    text_record(&b, 0, "abcdefgh");
    text_record(&b, 8, "ijklmnop");
    last_record(&b);
    int wrong = 0;
    for (size_t len = HEADER; len <= b.len; len++) {
        struct opened o = open_bytes(b.p, len, NULL);
        size_t have = len - HEADER, want = 0;
        if (have > 16) want = have < 24 ? have - 16 : 8;
        if (have > 40) want = have < 48 ? have - 40 + 8 : 16;
        char buf[16] = "";
        if (o.rc || o.f->size != want || o.f->cut != (len < b.len) ||
            file_read(o.f, 0, buf, want, NULL) || memcmp(buf, "abcdefghijklmnop", want) != 0)
            wrong++;
        close_it(&o);
    }
    is_int(wrong, 0, "a stream that was cut anywhere has the bytes before");
    for (size_t len = 0; len < HEADER; len += 1365) {
        struct opened o = open_bytes(b.p, len, NULL);
        is_int(o.rc, len < 16 ? KVM_NOTFOUND : KVM_FORMAT, "a part of the header is none");
        close_it(&o);
    }
    free(b.p);
}

static void refuse(uint64_t at, uint64_t size, const char *text) {
    struct bytes_out b = header();
    text_record(&b, 0, "abcd");
    out_u64(&b, at);
    out_u64(&b, size);
    out_put(&b, "efgh", 4);
    struct opened o = open_it(&b);
    is_int(o.rc, KVM_FORMAT, "a record that can't be");
    has_text(o.err.text, text, "is told with its place");
    close_it(&o);
}

static void test_lies(void) {
    refuse(UINT64_MAX - 1, 4, "record at 4116: 4 bytes at offset 18446744073709551614");
    refuse(UINT64_C(1) << 63, 4, "record at 4116");
    refuse(0, UINT64_C(1) << 63, "9223372036854775808 bytes at offset 0");
    refuse(INT64_MAX, 1, "record at 4116");
    refuse(16, UINT64_MAX, "record at 4116");
    struct bytes_out b = header();
    out_u64(&b, INT64_MAX - 4);
    out_u64(&b, 4);
    out_put(&b, "abcd", 4);
    last_record(&b);
    struct opened o = open_it(&b);
    is_int(o.rc, 0, "a byte may stand far away");
    gives(&o, INT64_MAX - 5, "\0abcd", 5, "and is read there");
    close_it(&o);
    b = header();
    text_record(&b, 0, "abcd");
    out_u64(&b, 4);
    out_u64(&b, INT64_MAX - 4);
    out_put(&b, "efgh", 4);
    o = open_it(&b);
    ok(o.rc == 0 && o.f->cut && o.f->size == 8, "a record longer than the file is cut");
    close_it(&o);
    b = header();
    b.p[23] = 2;
    o = open_it(&b);
    is_int(o.rc, KVM_UNSUPPORTED, "another type");
    has_text(o.err.text, "type 2, version 1", "is named");
    close_it(&o);
    b = header();
    b.p[31] = 0, b.p[24] = 1; // little-endian
    o = open_it(&b);
    is_int(o.rc, KVM_UNSUPPORTED, "a version in the wrong byte order");
    close_it(&o);
    b = header();
    text_record(&b, 0, "abcd");
    out_zero(&b, 160);
    text_record(&b, 4, "efgh");
    last_record(&b);
    o = open_it(&b);
    ok(o.rc == 0 && o.f->cut && o.f->size == 4, "zeros are no records: the stream was cut there");
    close_it(&o);
    b = header();
    last_record(&b);
    o = open_it(&b);
    ok(o.rc == 0 && o.f->size == 0 && !o.f->cut, "a stream of nothing is an empty file");
    close_it(&o);
}

// Thousands of records at random places over each other, compared with an array that they are written to.
static void test_model(void) {
    enum { SIZE = 100000, RECORDS = 3000, LONGEST = 400 };
    static uint8_t want[SIZE + LONGEST], got[SIZE + LONGEST], bytes[LONGEST];
    struct bytes_out b = header();
    uint32_t x = 7;
    size_t size = 0;
    for (int i = 0; i < RECORDS; i++) {
        x = x * 1664525u + 1013904223u;
        size_t at = (x >> 4) % SIZE, len = (x >> 9) % LONGEST;
        memset(bytes, i, len);
        memset(want + at, i, len);
        if (len && at + len > size) size = at + len;
        record(&b, at, bytes, len);
    }
    last_record(&b);
    struct opened o = open_it(&b);
    is_int((int64_t)o.f->size, (int64_t)size, "records at random places: the size");
    is_int(file_read(o.f, 0, got, size, NULL), 0, "can be read in one go");
    ok(memcmp(got, want, size) == 0, "with the bytes of the latest of each");
    size_t pieces = 0, wrong = 0;
    for (uint64_t off = 0; off < size; pieces++) {
        struct file_piece p;
        if (file_piece(o.f, off, &p, NULL) || p.len > size - off) break;
        wrong += memcmp(p.at, want + off, (size_t)p.len) != 0;
        off += p.len;
    }
    ok(wrong == 0 && pieces > 500 && pieces < 2 * RECORDS + 100, "and in pieces (%zu)", pieces);
    close_it(&o);
}

static bool stop_at_once(void *ctx, const char *what, uint64_t done_, uint64_t total) {
    (void)ctx;
    return strcmp(what, "indexing") == 0 && done_ == HEADER && total > done_;
}

static void test_stop_and_memory(void) {
    struct bytes_out b = header();
    for (int i = 0; i < 100; i++)
        text_record(&b, (uint64_t)(100 - i) * 3, "abcd");
    last_record(&b);
    struct progress progress = {stop_at_once, NULL};
    struct opened o = open_bytes(b.p, b.len, &progress);
    is_int(o.rc, KVM_INVAL, "it can be stopped");
    has_text(o.err.text, "interrupted while indexing", "and says so");
    close_it(&o);
    int opened = 0;
    for (unsigned long n = 1; n < 40 && !opened; n++) {
        struct dump_file d = dump_file(b.p, b.len);
        struct file *under = NULL, *f = NULL;
        file_open(d.path, false, &under, NULL);
        mem_fail_from(n);
        int rc = flattened_layer.open(under, NULL, &f, NULL);
        mem_fail_from(0);
        opened = rc == 0;
        if (rc && rc != KVM_NOMEM) ok(false, "allocation %lu: %d", n, rc);
        file_close(f ? f : under);
        dump_forget(&d);
    }
    ok(opened, "each allocation may fail");
    free(b.p);
}

int main(void) {
    test_order();
    test_cut();
    test_every_cut();
    test_lies();
    test_model();
    test_stop_and_memory();
    return done();
}
