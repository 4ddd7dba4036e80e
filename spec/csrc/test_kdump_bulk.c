// SPDX-License-Identifier: BSD-2-Clause
// Bulk reads of a kdump (csrc/image/kdump.c read_block): past the cache, up to the first page that can't be read.
#include "base/bytes.h"
#include "dump_build.h"
#include "image/image.h"
#include "tap.h"

#include <stdlib.h>

enum { PAGE = 4096, PAGES = 400, FIRST = 16 };

static uint8_t content[PAGES][PAGE], got[PAGES * PAGE];
static struct build_page pages[PAGES];
static struct kvm_err err;

// EXCLUDED: the page of that number is left out; DAMAGED: its descriptor names too many bytes; -1: none.
static struct image *make(enum codec_id codec, int excluded, int damaged, struct dump_file *file) {
    for (uint32_t i = 0; i < PAGES; i++) {
        build_pattern(content[i], PAGE, i + 1);
        pages[i] = (struct build_page){FIRST + i, (int)i == excluded ? NULL : content[i], codec};
    }
    struct build_kdump k = {.frames = 1000, .pages = pages, .page_count = PAGES};
    uint64_t descs;
    struct bytes_out b = kdump_build(&k, &descs);
    if (damaged >= 0) bytes_put_u32(b.p + descs + 24 * (size_t)damaged + 8, 9, false);
    *file = dump_file(b.p, b.len);
    struct image *img = NULL;
    struct image_options opt = {0};
    if (image_open(&(const char *){file->path}, 1, &opt, &img, &err)) printf("# %s\n", err.text);
    free(b.p);
    return img;
}

static void whole(enum codec_id codec) {
    struct dump_file file;
    struct image *img = make(codec, -1, -1, &file);
    size_t n = 0;
    is_int(image_copy(img, FIRST * PAGE, got, sizeof(got), &n, &err), 0, codec_name(codec));
    is_int((int64_t)n, sizeof(got), "all of it");
    ok(memcmp(got, content, sizeof(got)) == 0, "the same bytes as were put in");
    is_int((int64_t)img->worker.pages_read, PAGES, "each page counted once");
    is_int((int64_t)img->worker.pages_decompressed, codec == CODEC_NONE ? 0 : PAGES,
           "and decompressed once");
    memset(got, 0, sizeof(got));
    is_int(image_copy(img, FIRST * PAGE + 100, got, sizeof(got) - 200, &n, &err), 0,
           "off the page");
    ok(memcmp(got, content[0] + 100, sizeof(got) - 200) == 0, "the same bytes");
    image_close(img);
    dump_forget(&file);
}

static void stops(int at, bool excluded) {
    struct dump_file file;
    struct image *img = make(CODEC_ZLIB, excluded ? at : -1, excluded ? -1 : at, &file);
    size_t n = 0;
    int rc = image_copy(img, FIRST * PAGE, got, sizeof(got), &n, &err);
    is_int(rc, excluded ? KVM_EXCLUDED : KVM_FORMAT,
           excluded ? "a page left out" : "a damaged page");
    is_int((int64_t)n, at * PAGE, "everything in front of it");
    ok(memcmp(got, content, n) == 0, "is read");
    ok(err.has_addr && err.addr == (uint64_t)(FIRST + at) * PAGE, "the error has its address");
    image_close(img);
    dump_forget(&file);
}

int main(void) {
    whole(CODEC_NONE);
    whole(CODEC_ZLIB);
    if (codec_built_in(CODEC_ZSTD)) whole(CODEC_ZSTD);
    static const int places[] = {0, 1, PAGES / 2 - 1, PAGES / 2, PAGES / 2 + 1, PAGES - 1};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        stops(places[i], true);
        stops(places[i], false);
    }
    return done();
}
