// SPDX-License-Identifier: BSD-2-Clause
// Opening an image: the table of formats, asked one after the other, and the calls that all formats
// share (image/image.h).
#include "image/formats.h"

#include "base/mem.h"

#include <string.h>

const uint32_t image_fixed_stamp = 0;

static const struct image_ops *const formats[] = {
    &image_none,
    &image_kdump,
    &image_elf,
};

static int find_format(const struct file *f, const struct image_ops **out, struct kvm_err *err) {
    if (f->size == 0 && !f->null) return err_set(err, KVM_FORMAT, "empty file");
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        int rc = formats[i]->probe(f, err);
        if (rc < 0) return err_prepend(err, rc, "%s", formats[i]->name);
        if (rc == IMAGE_MATCH) {
            *out = formats[i];
            return 0;
        }
    }
    return image_unsupported(f, err);
}

static int open_format(struct image *img, struct kvm_err *err) {
    int rc = find_format(img->file, &img->ops, err);
    if (rc) return rc;
    rc = img->ops->open(img, err);
    return rc ? err_prepend(err, rc, "%s", img->ops->name) : 0;
}

int image_open(const char *path, const struct image_options *opt, struct image **out,
               struct kvm_err *err) {
    struct image *img = mem_zalloc(sizeof(*img));
    if (!img) return err_nomem(err, "an image");
    img->cache_bytes = opt ? opt->cache_bytes : 0;
    int rc = file_open(path, opt && opt->writable, &img->file, err);
    if (rc == 0) {
        rc = open_format(img, err);
        if (rc) rc = err_prepend(err, rc, "%s", path);
    }
    if (rc) {
        image_close(img);
        return rc;
    }
    *out = img;
    return 0;
}

void image_close(struct image *img) {
    if (!img) return;
    if (img->ops) img->ops->close(img);
    notes_deinit(&img->facts.notes);
    image_trace_destroy(img->trace);
    file_close(img->file);
    mem_free(img);
}

int image_find(struct image *img, uint64_t pa, struct image_run *run, struct kvm_err *err) {
    img->pages_read++;
    int rc = img->ops->find(img, pa, run, err);
    if (rc == 0 && img->trace && !img->trace_off) rc = image_trace_mark(img->trace, pa, 1, err);
    return rc;
}

// The next piece of [pa, pa + len): a whole block straight into TO where the format can, else from a run.
static int copy_piece(struct image *img, uint64_t pa, uint8_t *to, size_t len, size_t *n,
                      struct kvm_err *err) {
    if (img->ops->read_block) {
        int rc = img->ops->read_block(img, pa, to, len, n, err);
        if (rc != KVM_NOTFOUND) {
            img->pages_read++;
            return rc;
        }
    }
    struct image_run run;
    int rc = image_find(img, pa, &run, err);
    if (rc) return rc;
    *n = run.len < len ? (size_t)run.len : len;
    memcpy(to, run.host, *n);
    return 0;
}

int image_copy(struct image *img, uint64_t pa, void *buf, size_t len, size_t *done,
               struct kvm_err *err) {
    *done = 0;
    while (*done < len) {
        uint64_t at;
        size_t n;
        if (__builtin_add_overflow(pa, *done, &at))
            return err_at(err, KVM_FAULT, UINT64_MAX, "no memory behind the last address");
        int rc = copy_piece(img, at, (uint8_t *)buf + *done, len - *done, &n, err);
        if (rc == 0 && img->trace && !img->trace_off) rc = image_trace_mark(img->trace, at, n, err);
        if (rc) return rc;
        *done += n;
    }
    return 0;
}

int image_read(struct image *img, uint64_t pa, void *buf, size_t len, struct kvm_err *err) {
    size_t done;
    return image_copy(img, pa, buf, len, &done, err);
}
