// SPDX-License-Identifier: BSD-2-Clause
// Reading 8 bytes at random kernel-virtual addresses of a dump: kvm_read2, the same at their places in a mapping of an
// uncompressed file (what no reader can beat: most of it is waiting for memory), and libkdumpfile's kdump_read, in turns over the
// same addresses, which lie in PAGES random pages of the direct mapping. random CORE FILE PAGES also writes them to FILE, for drgn_random.py. Prints
// millions a second, the best of the turns, lines as rates.lua reads them.
#include "image/image.h"
#include "kvm.h"

#include <fcntl.h>
#include <libkdumpfile/kdumpfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TURNS = 5, READS = 200000, PAGE = 4096, REGIONS = 1 << 16 };

static uint64_t addr[READS];
static const uint8_t *place[READS]; // in the mapping, where the file is not compressed

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static uint64_t next_random(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

// Where the direct mapping begins.
static uint64_t direct_map(kvm_t *k) {
    struct kvm_nlist n[2] = {{.n_name = "page_offset_base"}, {0}};
    uint64_t base;
    if (kvm_nlist2(k, n) != 0 || kvm_read2(k, n[0].n_value, &base, sizeof(base)) != sizeof(base))
        fail("page_offset_base", kvm_geterr(k));
    return base;
}

// Random places in so many random pages that the dump has.
static void choose(struct image *img, kvm_t *k, size_t pages) {
    static struct image_region r[REGIONS];
    static uint64_t page[READS];
    uint64_t base = direct_map(k), state = 1, word, off;
    size_t n = 0;
    for (uint64_t pa = 0x100000; n < REGIONS && image_next_region(img, pa, &r[n]); pa = r[n++].end)
        if (r[n].start < pa) r[n].start = pa;
    for (size_t i = 0; n && i < pages;) {
        const struct image_region *x = &r[next_random(&state) % n];
        page[i] = x->start + next_random(&state) % ((x->end - x->start) / PAGE) * PAGE;
        if (kvm_read2(k, base + page[i], &word, sizeof(word)) == sizeof(word)) i++;
    }
    for (size_t i = 0; i < READS; i++) {
        uint64_t at = page[next_random(&state) % pages] + next_random(&state) % (PAGE / 8) * 8;
        bool flat = img->ops->file_offset && img->ops->file_offset(img, at, 8, &off);
        place[i] = flat ? img->file->map + off : NULL;
        addr[i] = base + at;
    }
}

// One after the other: where a word stands hangs on the word before it, as far as the processor knows.
static double read_mapping(uint64_t *sum) {
    static volatile uint64_t none;
    const uint64_t mask = none;
    double start = now();
    uint64_t word = 0;
    for (size_t i = 0; i < READS; i++) {
        memcpy(&word, place[i] + (word & mask), sizeof(word));
        *sum += word * (i + 1);
    }
    return now() - start;
}

static void write_down(const char *path) {
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(addr, sizeof(addr), 1, f) != 1 || fclose(f) != 0) fail(path, "write");
}

static double read_ours(kvm_t *k, uint64_t *sum) {
    double start = now();
    for (size_t i = 0; i < READS; i++) {
        uint64_t word = 0;
        if (kvm_read2(k, addr[i], &word, sizeof(word)) != sizeof(word))
            fail("kvm_read2", kvm_geterr(k));
        *sum += word * (i + 1);
    }
    return now() - start;
}

static double read_theirs(kdump_ctx_t *ctx, uint64_t *sum) {
    double start = now();
    for (size_t i = 0; i < READS; i++) {
        uint64_t word = 0;
        size_t n = sizeof(word);
        if (kdump_read(ctx, KDUMP_KVADDR, addr[i], &word, &n) != KDUMP_OK)
            fail("kdump_read", kdump_get_err(ctx));
        *sum += word * (i + 1);
    }
    return now() - start;
}

static kdump_ctx_t *open_theirs(const char *path) {
    int fd = open(path, O_RDONLY);
    kdump_ctx_t *ctx = kdump_new();
    if (fd < 0 || !ctx) fail(path, "open");
    if (kdump_open_fd(ctx, fd) != KDUMP_OK ||
        kdump_set_string_attr(ctx, KDUMP_ATTR_OSTYPE, "linux") != KDUMP_OK)
        fail("libkdumpfile", kdump_get_err(ctx));
    return ctx;
}

static void keep_best(double *best, double seconds) {
    if (*best == 0 || seconds < *best) *best = seconds;
}

int main(int argc, char **argv) {
    char why[KVM_ERRBUF_SIZE];
    size_t pages = argc == 4 ? strtoul(argv[3], NULL, 0) : 0;
    if (pages < 1 || pages > READS) return 2;
    kvm_t *k = kvm_open2(NULL, argv[1], O_RDONLY, why, NULL);
    if (!k) fail(argv[1], why);
    struct image *img;
    struct kvm_err err;
    if (image_open((const char *const *)&argv[1], 1, NULL, &img, &err)) fail(argv[1], err.text);
    choose(img, k, pages);
    write_down(argv[2]);
    kdump_ctx_t *ctx = open_theirs(argv[1]);
    double ours = 0, theirs = 0, mapped = 0;
    uint64_t our_sum = 0, their_sum = 0, sum = 0;
    for (int i = 0; i < TURNS; i++) {
        keep_best(&ours, read_ours(k, &our_sum));
        keep_best(&theirs, read_theirs(ctx, &their_sum));
        if (place[0]) keep_best(&mapped, read_mapping(&sum));
    }
    if (our_sum != their_sum) fail(argv[1], "libkdumpfile reads other words");
    if (place[0] && our_sum != sum) fail(argv[1], "the mapping has other words");
    printf("random reads of 8 bytes\t%.3f\n", READS / ours / 1e6);
    printf("libkdumpfile random\t%.3f\n", READS / theirs / 1e6);
    if (place[0]) printf("mapping random\t%.3f\n", READS / mapped / 1e6);
    kdump_free(ctx);
    image_close(img);
    kvm_close(k);
    return 0;
}
