// SPDX-License-Identifier: BSD-2-Clause
// Physical memory as a session sees it: the overlay of written pages, then the image.
#include "session/phys.h"

#include "session/overlay.h"

static const uint32_t never_changes;

int phys_find(kvm_t *kd, uint64_t pa, struct image_run *run, struct kvm_err *err) {
    const uint8_t *copy = kd->overlay ? overlay_find(kd->overlay, pa / OVERLAY_PAGE_SIZE) : NULL;
    if (copy) {
        uint64_t off = pa % OVERLAY_PAGE_SIZE;
        *run = (struct image_run){copy + off, OVERLAY_PAGE_SIZE - off, &never_changes, 0};
        return 0;
    }
    int rc = image_find(kd->image, pa, run, err);
    if (rc == 0 && (kd->overlay || kd->image->trace)) {
        // A run of the image may reach into a page that has a copy, or that is not yet traced: end it with
        // its own page.
        uint64_t left = OVERLAY_PAGE_SIZE - pa % OVERLAY_PAGE_SIZE;
        if (run->len > left) run->len = left;
    }
    return rc;
}

static int copy_cached(kvm_t *kd, uint64_t pa, void *buf, size_t len, size_t *done,
                       struct kvm_err *err) {
    *done = 0;
    while (*done < len) {
        struct image_run run;
        int rc = phys_find(kd, pa + *done, &run, err);
        if (rc) return rc;
        size_t n = len - *done < run.len ? len - *done : (size_t)run.len;
        memcpy((uint8_t *)buf + *done, run.host, n);
        *done += n;
    }
    return 0;
}

int phys_read(void *ctx, uint64_t pa, void *buf, size_t len, struct kvm_err *err) {
    size_t done;
    return copy_cached(ctx, pa, buf, len, &done, err);
}

int phys_copy(kvm_t *kd, uint64_t pa, void *buf, size_t len, size_t *done, struct kvm_err *err) {
    if (!kd->overlay) return image_copy(kd->image, pa, buf, len, done, err);
    return copy_cached(kd, pa, buf, len, done, err);
}

// A private copy of the page that holds pa, made from the image at the first write.
static int copy_of(kvm_t *kd, uint64_t pa, uint8_t **out, struct kvm_err *err) {
    uint64_t pfn = pa / OVERLAY_PAGE_SIZE;
    if (!kd->overlay) kd->overlay = overlay_create();
    if (!kd->overlay) return err_nomem(err, "the overlay");
    *out = overlay_find(kd->overlay, pfn);
    if (*out) return 0;
    uint8_t page[OVERLAY_PAGE_SIZE];
    int rc = image_read(kd->image, pfn * OVERLAY_PAGE_SIZE, page, sizeof(page), err);
    if (rc) return rc;
    *out = overlay_add(kd->overlay, pfn);
    if (!*out) return err_nomem(err, "a page of the overlay");
    memcpy(*out, page, sizeof(page));
    return 0;
}

int phys_write(kvm_t *kd, uint64_t pa, const void *buf, size_t len, size_t *done,
               struct kvm_err *err) {
    *done = 0;
    while (*done < len) {
        uint64_t at = pa + *done;
        size_t off = (size_t)(at % OVERLAY_PAGE_SIZE);
        size_t n = OVERLAY_PAGE_SIZE - off;
        if (n > len - *done) n = len - *done;
        const uint8_t *from = (const uint8_t *)buf + *done;
        uint8_t *page;
        int rc = kd->opt.overlay ? copy_of(kd, at, &page, err)
                                 : kd->image->ops->write(kd->image, at, from, n, err);
        if (rc) return rc;
        if (kd->opt.overlay) memcpy(page + off, from, n);
        *done += n;
    }
    return 0;
}
