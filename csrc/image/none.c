// SPDX-License-Identifier: BSD-2-Clause
// The null device as a core, as FreeBSD's kvm_open takes it (lib/libkvm/kvm.c, 14.0): a handle
// without memory, for the symbols and types of a namelist. Every address faults.
#include "image/formats.h"

#include <stdio.h>

static int probe(const struct file *f, struct kvm_err *err) {
    (void)err;
    return f->null ? IMAGE_MATCH : IMAGE_NOMATCH;
}

static int open_none(struct image *img, struct kvm_err *err) {
    (void)err;
    img->facts.no_memory = true;
    snprintf(img->facts.format, sizeof(img->facts.format), "no memory");
    return 0;
}

static void close_none(struct image *img) {
    (void)img;
}

static int nothing(const struct image *img, uint64_t addr, struct kvm_err *err) {
    return err_at(err, KVM_FAULT, addr, "no memory: the core is %s", img->file->path);
}

static int find(struct image *img, uint64_t pa, struct image_run *run, struct kvm_err *err) {
    (void)run;
    return nothing(img, pa, err);
}

static int copy(struct image *img, struct image_worker *w, uint64_t pa, uint8_t *buf, size_t len,
                size_t *n, struct kvm_err *err) {
    (void)w, (void)buf, (void)len, (void)n;
    return nothing(img, pa, err);
}

static int translate(struct image *img, uint64_t va, uint64_t *pa, struct kvm_err *err) {
    (void)pa;
    return nothing(img, va, err);
}

static bool next(struct image *img, uint64_t pa, struct image_region *region) {
    (void)img, (void)pa, (void)region;
    return false;
}

const struct image_ops image_none = {
    .name = "none",
    .probe = probe,
    .open = open_none,
    .close = close_none,
    .find = find,
    .copy = copy,
    .next_region = next,
    .next_memory = next,
    .translate = translate,
};
