// SPDX-License-Identifier: BSD-2-Clause
// Two files as the parts of one dump: the first 4 bytes say how long the first is. Opened in both orders, which must answer
// alike; pages at the borders of their regions are read, and compared with what find says of them.
#include "base/bytes.h"
#include "fuzz.h"
#include "image/image.h"

enum { REGIONS = 64 };

// The sum of a page's bytes, or a negative error.
static int64_t read_page(struct image *img, uint64_t pa) {
    uint8_t page[4096];
    struct kvm_err err = {0};
    int rc = image_read(img, pa, page, sizeof(page), &err);
    fuzz_check(rc, &err);
    if (rc) return rc;
    struct image_run run;
    if (image_find(img, pa, &run, NULL) || *run.stamp != run.stamp_value) abort();
    if (memcmp(run.host, page, run.len < sizeof(page) ? (size_t)run.len : sizeof(page)) != 0)
        abort();
    int64_t sum = 0;
    for (size_t i = 0; i < sizeof(page); i++)
        sum += page[i];
    return sum;
}

static void compare(struct image *a, struct image *b) {
    struct image_region r = {0};
    for (int i = 0; i < REGIONS && image_next_region(a, r.end, &r); i++) {
        if (r.end <= r.start) abort();
        if (read_page(a, r.start) != read_page(b, r.start)) abort();
        if (read_page(a, r.end - 4096) != read_page(b, r.end - 4096)) abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[2][32];
    if (size < 4) return 0;
    size_t first = bytes_u32(data, false) % (size - 3);
    int fd = fuzz_file(data + 4, first, path[0]);
    int second = fuzz_file(data + 4 + first, size - 4 - first, path[1]);
    struct image *img[2] = {0};
    struct kvm_err err = {0};
    int rc[2];
    for (int i = 0; i < 2; i++) {
        rc[i] = image_open((const char *[]){path[i], path[1 - i]}, 2, NULL, &img[i], &err);
        fuzz_check(rc[i], &err);
        err_clear(&err);
    }
    if ((rc[0] == 0) != (rc[1] == 0)) abort();
    if (rc[0] == 0) compare(img[0], img[1]);
    image_close(img[0]);
    image_close(img[1]);
    close(fd);
    close(second);
    return 0;
}
