// SPDX-License-Identifier: BSD-2-Clause
// base/unpack: each compression, members one behind the other, padding, damage, ends that are missing, and the
// temporary file.
#include "base/unpack.h"

#include "base/codec.h"
#include "base/mem.h"
#include "dump_build.h"
#include "tap.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#if HAVE_ZSTD
#include <zstd.h>
#endif
#if HAVE_LZMA
#include <lzma.h>
#endif
#if HAVE_BZ2
#include <bzlib.h>
#endif
#if HAVE_LZ4
#include <lz4frame.h>
#endif

enum { ROOM = 1 << 20 };

// --- packers: into OUT, of ROOM bytes; the length

static size_t pack_zlib_bits(const void *in, size_t len, uint8_t *out, int bits) {
    z_stream z = {.next_in = (Bytef *)(uintptr_t)in,
                  .avail_in = (uInt)len,
                  .next_out = out,
                  .avail_out = ROOM};
    if (deflateInit2(&z, 6, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY)) abort();
    if (deflate(&z, Z_FINISH) != Z_STREAM_END) abort();
    deflateEnd(&z);
    return z.total_out;
}
static size_t pack_gzip(const void *in, size_t len, uint8_t *out) {
    return pack_zlib_bits(in, len, out, 15 + 16);
}
#if HAVE_ZSTD
static size_t pack_zstd(const void *in, size_t len, uint8_t *out) {
    ZSTD_CCtx *c = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
    size_t n = ZSTD_compress2(c, out, ROOM, in, len);
    ZSTD_freeCCtx(c);
    return n;
}
#endif
#if HAVE_LZMA
static size_t pack_xz(const void *in, size_t len, uint8_t *out) {
    size_t n = 0;
    if (lzma_easy_buffer_encode(1, LZMA_CHECK_CRC64, NULL, in, len, out, &n, ROOM)) abort();
    return n;
}
#endif
#if HAVE_BZ2
static size_t pack_bzip2(const void *in, size_t len, uint8_t *out) {
    unsigned n = ROOM;
    if (BZ2_bzBuffToBuffCompress((char *)out, &n, (char *)(uintptr_t)in, (unsigned)len, 1, 0, 0))
        abort();
    return n;
}
#endif
#if HAVE_LZ4
static size_t pack_lz4(const void *in, size_t len, uint8_t *out) {
    LZ4F_preferences_t p = {.frameInfo = {.contentChecksumFlag = LZ4F_contentChecksumEnabled}};
    return LZ4F_compressFrame(out, ROOM, in, len, &p);
}
#endif

static const struct packer {
    const char *name;
    size_t (*pack)(const void *in, size_t len, uint8_t *out); // NULL: not built in
    uint8_t magic[8];
} packers[] = {
    {"gzip", pack_gzip, {0}},
#if HAVE_ZSTD
    {"zstd", pack_zstd, {0}},
#else
    {"zstd", NULL, {0x28, 0xb5, 0x2f, 0xfd}},
#endif
#if HAVE_LZMA
    {"xz", pack_xz, {0}},
#else
    {"xz", NULL,
     "\xfd"
     "7zXZ"},
#endif
#if HAVE_BZ2
    {"bzip2", pack_bzip2, {0}},
#else
    {"bzip2", NULL, {'B', 'Z', 'h', '9'}},
#endif
#if HAVE_LZ4
    {"lz4", pack_lz4, {0}},
#else
    {"lz4", NULL, {0x04, 0x22, 0x4d, 0x18}},
#endif
};

// --- opening

struct opened {
    struct dump_file d;
    struct file *f;
    int rc;
    struct kvm_err err;
};

static struct opened open_bytes(const void *p, size_t len, const struct progress *progress) {
    struct opened o = {.d = dump_file(p, len)};
    struct file *under = NULL;
    o.rc = file_open(o.d.path, false, &under, &o.err);
    if (o.rc) return o;
    o.rc = unpack_layer.probe(under) ? unpack_layer.open(under, progress, &o.f, &o.err)
                                     : err_set(&o.err, KVM_NOTFOUND, "not compressed");
    if (o.rc) file_close(under);
    return o;
}

static void close_it(struct opened *o) {
    file_close(o->f);
    dump_forget(&o->d);
}

static bool holds(const struct opened *o, const uint8_t *p, size_t len, bool cut) {
    return o->rc == 0 && o->f->size == len && o->f->cut == cut && memcmp(o->f->map, p, len) == 0;
}

static uint8_t plain[300000]; // pages, zeros between them
static uint8_t packed[4 * ROOM];

static void fill(void) {
    for (size_t at = 0; at + 8192 <= sizeof(plain); at += 12288)
        build_pattern(plain + at, 5000, (uint32_t)at + 1);
    build_pattern(plain + sizeof(plain) - 100, 100, 9);
}

static void test_good(const struct packer *k) {
    size_t n = k->pack(plain, sizeof(plain), packed);
    struct opened o = open_bytes(packed, n, NULL);
    ok(holds(&o, plain, sizeof(plain), false), "%s: what was packed comes out", k->name);
    is_str(o.f->how, k->name, "it says what it was");
    is_str(o.f->path, o.d.path, "and has the name of what lies under it");
    struct stat st;
    ok(fstat(o.f->fd, &st) == 0 && st.st_nlink == 0 && (st.st_mode & 0777) == 0600,
       "the file has no name and is private");
    close_it(&o);
    memset(packed + n, 0, 100000);
    o = open_bytes(packed, n + 100000, NULL);
    ok(holds(&o, plain, sizeof(plain), false), "%s: zeros behind it are padding", k->name);
    close_it(&o);
    packed[n + 50000] = 'x';
    o = open_bytes(packed, n + 100000, NULL);
    is_int(o.rc, KVM_FORMAT, "other bytes there are damage");
    has_text(o.err.text, "other bytes follow at byte", "it says where");
    close_it(&o);
}

static void test_members(const struct packer *k) {
    size_t first = k->pack(plain, 30000, packed);
    memset(packed + first, 0, 8); // xz aligns its streams
    size_t second = k->pack(plain + 30000, 1, packed + first + 8);
    size_t third = k->pack(plain, 0, packed + first + 8 + second);
    size_t n = first + 8 + second + third;
    n += k->pack(plain + 30001, sizeof(plain) - 30001, packed + n);
    struct opened o = open_bytes(packed, n, NULL);
    ok(holds(&o, plain, sizeof(plain), false), "%s: members are joined", k->name);
    if (o.rc) printf("#  %s\n", o.err.text);
    close_it(&o);
}

// Cut in many places: what came out is the beginning; never more, never whole.
static void test_cut(const struct packer *k) {
    size_t n = k->pack(plain, sizeof(plain), packed), longest = 0;
    int wrong = 0;
    for (size_t len = 4; len < n; len += len < 40 || len > n - 40 ? 1 : n / 50) {
        struct opened o = open_bytes(packed, len, NULL);
        if (o.rc == 0) {
            wrong += !o.f->cut || memcmp(o.f->map, plain, o.f->size) != 0;
            if (o.f->size > longest) longest = o.f->size;
        } else {
            wrong += o.rc != KVM_FORMAT && o.rc != KVM_NOTFOUND;
        }
        close_it(&o);
    }
    is_int(wrong, 0, "a file that was cut gives what came out before");
    ok(longest > sizeof(plain) / 2, "%s: which is most of it (%zu)", k->name, longest);
}

static void test_damage(const struct packer *k) {
    size_t n = k->pack(plain, sizeof(plain), packed);
    int wrong = 0;
    for (size_t at = n / 4; at < n - 20; at += n / 9) {
        packed[at] ^= 0x55;
        struct opened o = open_bytes(packed, n, NULL);
        // A wrong length of a block may look like a missing end.
        if (o.rc ? o.rc != KVM_FORMAT : !o.f->cut) wrong++;
        if (o.rc && !strstr(o.err.text, k->name)) wrong++;
        close_it(&o);
        packed[at] ^= 0x55;
    }
    is_int(wrong, 0, k->name);
}

static void test_left_out(const struct packer *k) {
    memset(packed, 0, 100);
    memcpy(packed, k->magic, sizeof(k->magic));
    struct opened o = open_bytes(packed, 100, NULL);
    is_int(o.rc, KVM_UNSUPPORTED, k->name);
    has_text(o.err.text, "this build has no such codec", "is named");
    close_it(&o);
}

static void test_lime(void) {
    static const uint8_t lime[4] = {0x45, 0x4d, 0x69, 0x4c}; // "EMiL"
    memcpy(packed, lime, sizeof(lime));
    memcpy(packed + 4, plain, 50000);
    uint8_t *z = packed + ROOM;
    size_t n = pack_zlib_bits(packed, 50004, z, 11);
    struct opened o = open_bytes(z, n, NULL);
    ok(holds(&o, packed, 50004, false), "a zlib stream of LiME's");
    close_it(&o);
    packed[0] = 'e';
    n = pack_zlib_bits(packed, 50004, z, 11);
    o = open_bytes(z, n, NULL);
    is_int(o.rc, KVM_NOTFOUND, "any other is not taken for one");
    close_it(&o);
    for (size_t len = 0; len < 10; len++) {
        o = open_bytes(z, len, NULL);
        is_int(o.rc, KVM_NOTFOUND, "nor is the beginning of one");
        close_it(&o);
    }
}

static int open_files(void) {
    DIR *d = opendir("/proc/self/fd");
    int n = 0;
    while (d && readdir(d))
        n++;
    if (d) closedir(d);
    return n;
}

static bool stop_second(void *ctx, const char *what, uint64_t done_, uint64_t total) {
    int *calls = ctx;
    if (strcmp(what, "unpacking") != 0 || done_ > total) *calls = 1000;
    return ++*calls == 2;
}

static void test_file(void) {
    size_t n = pack_gzip(plain, sizeof(plain), packed);
    int before = open_files(), calls = 0;
    struct progress progress = {stop_second, &calls};
    struct opened o = open_bytes(packed, n, &progress);
    is_int(o.rc, KVM_INVAL, "it can be stopped");
    has_text(o.err.text, "interrupted while unpacking", "and says so");
    is_int(calls, 2, "at once");
    close_it(&o);
    setenv("TMPDIR", "/nowhere/at/all", 1);
    o = open_bytes(packed, n, NULL);
    is_int(o.rc, KVM_IO, "a directory that is not there");
    has_text(o.err.text, "/nowhere/at/all: No such file or directory", "is named");
    close_it(&o);
    unsetenv("TMPDIR");
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit old, small = {20000, 20000};
    getrlimit(RLIMIT_FSIZE, &old);
    small.rlim_max = old.rlim_max;
    o.d = dump_file(packed, n); // before the limit holds for it, too
    struct file *under = NULL, *f = NULL;
    file_open(o.d.path, false, &under, NULL);
    setrlimit(RLIMIT_FSIZE, &small);
    int rc = unpack_layer.open(under, NULL, &f, &o.err);
    setrlimit(RLIMIT_FSIZE, &old);
    is_int(rc, KVM_IO, "no room for the file");
    has_text(o.err.text, "no room in /var/tmp, 300000 bytes were needed",
             "says where, and how much");
    file_close(under);
    dump_forget(&o.d);
    is_int(open_files(), before, "no file stays open");
}

static void test_holes(void) {
    static uint8_t zeros[2 * ROOM + 5];
    zeros[ROOM] = 1;
    size_t n = pack_gzip(zeros, sizeof(zeros), packed);
    struct opened o = open_bytes(packed, n, NULL);
    struct stat st;
    ok(holds(&o, zeros, sizeof(zeros), false), "zeros come out");
    ok(fstat(o.f->fd, &st) == 0 && st.st_blocks * 512 <= 65536, "and take no room (%lld blocks)",
       (long long)st.st_blocks);
    close_it(&o);
}

static void test_memory(void) {
    size_t n = pack_gzip(plain, sizeof(plain), packed);
    int opened = 0;
    for (unsigned long i = 1; i < 40 && !opened; i++) {
        struct dump_file d = dump_file(packed, n);
        struct file *under = NULL, *f = NULL;
        file_open(d.path, false, &under, NULL);
        mem_fail_from(i);
        int rc = unpack_layer.open(under, NULL, &f, NULL);
        mem_fail_from(0);
        opened = rc == 0;
        if (rc && rc != KVM_NOMEM) ok(false, "allocation %lu: %d", i, rc);
        file_close(f ? f : under);
        dump_forget(&d);
    }
    ok(opened, "each allocation may fail");
}

#if HAVE_ZSTD
static void test_skippable(void) {
    struct bytes_out b = {0};
    for (int i = 0; i < 3; i++) {
        out_u32(&b, 0x184d2a50 + (uint32_t)i);
        out_u32(&b, 7);
        out_put(&b, "skipped", 7);
        size_t n = pack_zstd(plain + i * 100000, 100000, packed);
        out_put(&b, packed, n);
    }
    struct opened o = open_bytes(b.p, b.len, NULL);
    ok(holds(&o, plain, sizeof(plain), false), "skippable frames are passed over");
    close_it(&o);
    o = open_bytes(b.p, 15, NULL);
    is_int(o.rc, KVM_NOTFOUND, "one alone tells nothing");
    close_it(&o);
    o = open_bytes(b.p, 12, NULL);
    is_int(o.rc, KVM_NOTFOUND, "nor does a part of one");
    close_it(&o);
    free(b.p);
    uint8_t wide[] = {0x28, 0xb5, 0x2f, 0xfd, 0, 0xa8, 1, 0, 0, 0}; // a window of 2 GB
    o = open_bytes(wide, sizeof(wide), NULL);
    is_int(o.rc, KVM_UNSUPPORTED, "a window of 2 GB");
    has_text(o.err.text, "zstd -d --long=31", "what to do");
    close_it(&o);
}
#endif

int main(void) {
    unsetenv("TMPDIR");
    fill();
    for (size_t i = 0; i < sizeof(packers) / sizeof(packers[0]); i++) {
        const struct packer *k = &packers[i];
        if (!k->pack) {
            test_left_out(k);
            continue;
        }
        test_good(k);
        test_members(k);
        test_cut(k);
        test_damage(k);
    }
#if HAVE_ZSTD
    test_skippable();
#endif
    test_lime();
    test_file();
    test_holes();
    test_memory();
    return done();
}
