// SPDX-License-Identifier: BSD-2-Clause
// Any file opened as a dump: its regions walked, pages at their ends and at odd places read, compared
// with what the run of the same page says.
#include "fuzz.h"
#include "image/image.h"

enum { REGIONS = 64 };

static void read_page(struct image *img, uint64_t pa) {
    uint8_t page[4096];
    struct kvm_err err = {0};
    int rc = image_read(img, pa, page, sizeof(page), &err);
    fuzz_check(rc, &err);
    struct image_run run;
    err_clear(&err);
    int found = image_find(img, pa, &run, &err);
    fuzz_check(found, &err);
    if (rc) return;
    if (found || run.len == 0 || *run.stamp != run.stamp_value) abort();
    size_t n = run.len < sizeof(page) ? (size_t)run.len : sizeof(page);
    if (memcmp(run.host, page, n) != 0) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[32];
    int fd = fuzz_file(data, size, path);
    struct image_options opt = {.cache_bytes = 64 << 10};
    struct image *img = NULL;
    struct kvm_err err = {0};
    int rc = image_open(&(const char *){path}, 1, &opt, &img, &err);
    fuzz_check(rc, &err);
    if (rc == 0) {
        struct image_region r = {0};
        for (int i = 0; i < REGIONS && image_next_region(img, r.end, &r); i++) {
            if (r.end <= r.start) abort();
            read_page(img, r.start);
            read_page(img, r.end - 1);
            read_page(img, r.start + (r.end - r.start) / 2 + 7);
            if (r.end == UINT64_MAX) break;
        }
        read_page(img, 0);
        read_page(img, UINT64_MAX - 8);
        image_close(img);
    }
    close(fd);
    return 0;
}
