// SPDX-License-Identifier: BSD-2-Clause
// Reading a file as an image, as the fuzz targets of formats do: what find and copy give must be the same.
#ifndef KVM_SPEC_FUZZ_IMAGE_H
#define KVM_SPEC_FUZZ_IMAGE_H

#include "fuzz.h"
#include "image/image.h"

enum { FUZZ_REGIONS = 64 };

static inline void fuzz_image_page(struct image *img, uint64_t pa) {
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

// Opens it, and reads at the borders and in the middle of its regions.
static inline void fuzz_image_read(const char *path) {
    struct image_options opt = {.cache_bytes = 64 << 10};
    struct image *img = NULL;
    struct kvm_err err = {0};
    int rc = image_open(&path, 1, &opt, &img, &err);
    fuzz_check(rc, &err);
    if (rc) return;
    struct image_region r = {0};
    for (int i = 0; i < FUZZ_REGIONS && image_next_region(img, r.end, &r); i++) {
        if (r.end <= r.start) abort();
        fuzz_image_page(img, r.start);
        fuzz_image_page(img, r.end - 1);
        fuzz_image_page(img, r.start + (r.end - r.start) / 2 + 7);
        if (r.end == UINT64_MAX) break;
    }
    fuzz_image_page(img, 0);
    fuzz_image_page(img, UINT64_MAX - 8);
    image_close(img);
}

#endif
