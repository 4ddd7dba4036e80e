// SPDX-License-Identifier: BSD-2-Clause
// Reading every page of a dump, one thread each: ours (image_copy) against libkdumpfile's kdump_read, in turns over the same
// pages; of an uncompressed ELF core against memcpy from a mapping of the same file. pages CORE prints MB/s, lines as
// rates.lua reads them; the best of the turns, for other work on the machine only ever slows one down.
#include "image/image.h"

#include <fcntl.h>
#include <libkdumpfile/kdumpfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { TURNS = 7, PAGE = 4096 };

struct totals {
    uint64_t pages, sum; // sum: of each page's words, so that all read the same
};

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

// One word of each page: enough to tell the pages apart, too little to be measured.
static void add(struct totals *t, const uint8_t *page, uint64_t pa) {
    uint64_t w;
    memcpy(&w, page + (pa >> 12) % 500 * 8, sizeof(w));
    t->pages++;
    t->sum += w;
}

static double read_ours(struct image *img, struct totals *t) {
    static uint8_t page[PAGE];
    struct image_region r;
    size_t done;
    double start = now();
    for (uint64_t pa = 0; image_next_region(img, pa, &r); pa = r.end)
        for (uint64_t at = r.start > pa ? r.start : pa; at + PAGE <= r.end; at += PAGE)
            if (image_copy(img, at, page, PAGE, &done, NULL) == 0) add(t, page, at);
    return now() - start;
}

static double read_theirs(kdump_ctx_t *ctx, struct image *img, struct totals *t) {
    static uint8_t page[PAGE];
    struct image_region r;
    double start = now();
    for (uint64_t pa = 0; image_next_region(img, pa, &r); pa = r.end)
        for (uint64_t at = r.start > pa ? r.start : pa; at + PAGE <= r.end; at += PAGE) {
            size_t n = PAGE;
            if (kdump_read(ctx, KDUMP_MACHPHYSADDR, at, page, &n) == KDUMP_OK) add(t, page, at);
        }
    return now() - start;
}

// What no reader can beat: the same pages out of a mapping, their places known.
static double copy_mapping(const uint8_t *map, struct image *img, struct totals *t) {
    static uint8_t page[PAGE];
    struct image_region r;
    uint64_t off;
    double start = now();
    for (uint64_t pa = 0; image_next_region(img, pa, &r); pa = r.end) {
        if (!img->ops->file_offset(img, r.start, r.end - r.start, &off)) continue;
        for (uint64_t at = 0; at + PAGE <= r.end - r.start; at += PAGE) {
            memcpy(page, map + off + at, PAGE);
            add(t, page, r.start + at);
        }
    }
    return now() - start;
}

static kdump_ctx_t *open_theirs(const char *path) {
    int fd = open(path, O_RDONLY);
    kdump_ctx_t *ctx = kdump_new();
    if (fd < 0 || !ctx) fail(path, "open");
    if (kdump_open_fd(ctx, fd) != KDUMP_OK) {
        fprintf(stderr, "libkdumpfile: %s\n", kdump_get_err(ctx));
        return NULL;
    }
    return ctx;
}

static const uint8_t *map_file(const struct image *img) {
    int fd = open(img->file->path, O_RDONLY);
    void *p = mmap(NULL, img->file->size, PROT_READ, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED) fail(img->file->path, "mmap");
    return p;
}

static void keep_best(double *best, double seconds) {
    if (*best == 0 || seconds < *best) *best = seconds;
}

static double rate(const struct totals *t, double seconds) {
    return seconds > 0 ? (double)t->pages / TURNS * PAGE / seconds / 1e6 : 0;
}

int main(int argc, char **argv) {
    struct image *img;
    struct kvm_err err;
    if (argc != 2) return 2;
    if (image_open((const char *const *)&argv[1], 1, NULL, &img, &err)) fail("luakvm", err.text);
    bool flat = img->ops->file_offset != NULL;
    kdump_ctx_t *ctx = open_theirs(argv[1]);
    const uint8_t *map = flat ? map_file(img) : NULL;
    struct totals ours = {0}, theirs = {0}, mapped = {0};
    double best[3] = {0};
    for (int i = 0; i < TURNS; i++) {
        keep_best(&best[0], read_ours(img, &ours));
        if (ctx) keep_best(&best[1], read_theirs(ctx, img, &theirs));
        if (map) keep_best(&best[2], copy_mapping(map, img, &mapped));
    }
    if (ctx && (ours.pages != theirs.pages || ours.sum != theirs.sum))
        fail(argv[1], "libkdumpfile reads other pages");
    if (map && (ours.pages != mapped.pages || ours.sum != mapped.sum))
        fail(argv[1], "the mapping has other pages");
    printf("pages\t%llu\n", (unsigned long long)(ours.pages / TURNS));
    printf("sequential read, MB/s\t%.0f\n", rate(&ours, best[0]));
    if (ctx) printf("libkdumpfile, MB/s\t%.0f\n", rate(&theirs, best[1]));
    if (map) printf("memcpy, MB/s\t%.0f\n", rate(&mapped, best[2]));
    if (ctx) kdump_free(ctx);
    image_close(img);
    return 0;
}
