// SPDX-License-Identifier: BSD-2-Clause
// Any file that opens as a dump is written out again, page by page; what was written must open, say the
// same of every page that was written, and know the same memory.
#include "fuzz.h"
#include "image/kdump_write.h"

enum { PAGES = 64 };

static bool next(void *ctx, uint64_t from, uint64_t *pfn) {
    struct image *img = ctx;
    struct image_region r;
    if (from >= PAGES * 4096 || !image_next_region(img, from << 12, &r)) return false;
    uint64_t first = r.start >> 12;
    *pfn = first > from ? first : from;
    return *pfn < PAGES * 4096;
}

static void compare(struct image *a, struct image *b) {
    uint8_t pa[4096], pb[4096];
    uint64_t pfn;
    struct kvm_err err = {0};
    int n = 0;
    for (uint64_t from = 0; n < PAGES && next(b, from, &pfn); from = pfn + 1, n++) {
        int rc = image_read(b, pfn << 12, pb, sizeof(pb), &err);
        if (rc || image_read(a, pfn << 12, pa, sizeof(pa), &err) || memcmp(pa, pb, sizeof(pa)) != 0)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[32], out[64];
    int fd = fuzz_file(data, size, path);
    snprintf(out, sizeof(out), "/tmp/fuzz_kdump_write.%ld", (long)getpid());
    struct image *img = NULL, *again = NULL;
    struct kvm_err err = {0};
    struct image_options opt = {.cache_bytes = 64 << 10};
    if (image_open(&(const char *){path}, 1, &opt, &img, &err) == 0 &&
        img->facts.phys_end < (uint64_t)1 << 40) {
        struct kdump_write_options w = {.path = out, .codec = CODEC_LZO, .machine = "x86_64"};
        struct write_result res;
        err_clear(&err);
        struct write_source src = {.img = img, .next = next, .next_ctx = img, .threads = 1};
        int rc = kdump_write(&src, &w, &res, &err);
        fuzz_check(rc, &err);
        if (rc == 0) {
            if (image_open(&(const char *){out}, 1, &opt, &again, &err)) abort();
            if (again->facts.pages != res.pages || again->facts.incomplete) abort();
            compare(img, again);
        }
    }
    image_close(again);
    image_close(img);
    unlink(out);
    close(fd);
    return 0;
}
