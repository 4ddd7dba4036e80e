// SPDX-License-Identifier: BSD-2-Clause
// Opening an image: the table of formats, asked one after the other, and the calls that all formats
// share (image/image.h).
#include "image/formats.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

// The two bit maps of 16 TB of memory: the largest part of a layered file that is held in memory.
#define KEEP_MOST ((uint64_t)1 << 30)

static const struct image_ops *const formats[] = {
    &image_none, &image_kdump, &image_elf, &image_lime, &image_avml, &image_migration,
    &image_raw, // nothing marks it: the last
};

static int probe_any(const struct file *f, const struct image_ops **out, struct kvm_err *err) {
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

// The format of one of the files, under its layers.
static int look_at(struct image *img, struct image_part *p, const struct image_ops **ops,
                   struct kvm_err *err) {
    int rc = image_layers_open(&p->file, img->progress, err);
    if (rc == 0 && p->has_addr)
        *ops = &image_raw; // so it was named
    else if (rc == 0)
        rc = probe_any(p->file, ops, err);
    return rc ? err_prepend(err, rc, "%s", p->file->path) : 0;
}

static int find_format(struct image *img, struct kvm_err *err) {
    for (size_t i = 0; i < img->part_count; i++) {
        const struct image_ops *ops = NULL;
        int rc = look_at(img, &img->parts[i], &ops, err);
        if (rc) return rc;
        if (i && ops != img->ops)
            return err_set(err, KVM_INVAL, "%s is %s, %s is %s: not parts of one image",
                           img->parts[0].file->path, img->ops->name, img->parts[i].file->path,
                           ops->name);
        img->ops = ops;
    }
    img->file = img->parts[0].file;
    if (img->part_count > 1 && !img->ops->sets)
        return err_set(err, KVM_INVAL, "%s, %s: images of format %s are one file",
                       img->parts[0].file->path, img->parts[1].file->path, img->ops->name);
    return 0;
}

// The layers behind the format: "kdump-compressed v6, zlib; flattened, gzip".
static void describe_layers(struct image *img) {
    char *format = img->facts.format;
    size_t size = sizeof(img->facts.format), len = strlen(format);
    const char *separator = "; ";
    for (const struct file *f = img->file; f && len < size; f = f->under) {
        if (!f->how) continue;
        len += (size_t)snprintf(format + len, size - len, "%s%s", separator, f->how);
        separator = ", ";
    }
}

static int open_format(struct image *img, struct kvm_err *err) {
    int rc = find_format(img, err);
    if (rc) return rc;
    rc = img->ops->open(img, err);
    if (rc) return err_prepend(err, rc, "%s: %s", img->file->path, img->ops->name);
    for (size_t i = 0; i < img->part_count; i++)
        if (img->parts[i].file->cut) img->facts.incomplete = true;
    describe_layers(img);
    return 0;
}

int image_open(const char *const *names, size_t count, const struct image_options *opt,
               struct image **out, struct kvm_err *err) {
    struct image *img = mem_zalloc(sizeof(*img));
    if (!img) return err_nomem(err, "an image");
    img->cache_bytes = opt ? opt->cache_bytes : 0;
    img->progress = opt ? opt->progress : NULL;
    int rc = image_parts_open(img, names, count, opt && opt->writable, err);
    if (rc == 0) rc = open_format(img, err);
    img->progress = NULL; // the caller's
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
    image_worker_deinit(&img->worker);
    for (size_t i = 0; i < img->kept_count; i++)
        mem_free(img->kept[i]);
    mem_free(img->kept);
    for (size_t i = 0; i < img->part_count; i++)
        file_close(img->parts[i].file);
    mem_free(img->parts);
    mem_free(img);
}

int image_keep(struct image *img, const struct file *f, uint64_t off, uint64_t len,
               const uint8_t **out, struct kvm_err *err) {
    if (f->map && mem_inside(off, len, f->size)) {
        *out = f->map + off;
        return 0;
    }
    if (!mem_grow(&img->kept, &img->kept_cap, img->kept_count + 1, sizeof(*img->kept)))
        return err_nomem(err, "a part of the file");
    if (!mem_inside(off, len, f->size)) return file_read(f, off, NULL, (size_t)len, err);
    if (len > KEEP_MOST)
        return err_set(err, KVM_UNSUPPORTED, "%llu bytes at once", (unsigned long long)len);
    uint8_t *p = mem_alloc((size_t)len);
    if (!p) return err_nomem(err, "a part of the file");
    img->kept[img->kept_count++] = p;
    *out = p;
    return file_read(f, off, p, (size_t)len, err);
}

void image_forget(const struct image *img) {
    for (size_t i = 0; i < img->part_count; i++)
        file_forget(img->parts[i].file);
}

void image_worker_deinit(struct image_worker *w) {
    codec_deinit(&w->codec);
    mem_free(w->scratch);
    mem_free(w->shared);
    *w = (struct image_worker){0};
}

uint8_t *image_scratch(struct image_worker *w, size_t size) {
    if (w->scratch_size >= size) return w->scratch;
    w->last = NULL;
    mem_free(w->scratch);
    w->scratch = mem_alloc(size);
    w->scratch_size = w->scratch ? size : 0;
    return w->scratch;
}

int image_not_there(const struct image *img, uint64_t pa, bool existed, struct kvm_err *err) {
    if (!existed)
        return err_at(err, KVM_FAULT, pa, "no memory at physical address 0x%llx",
                      (unsigned long long)pa);
    return err_at(err, KVM_EXCLUDED, pa, "physical address 0x%llx is not in the dump (%s)",
                  (unsigned long long)pa,
                  img->facts.incomplete ? "filtered out or cut off" : "filtered out");
}

int image_find(struct image *img, uint64_t pa, struct image_run *run, struct kvm_err *err) {
    img->worker.pages_read++;
    int rc = img->ops->find(img, pa, run, err);
    if (rc == 0 && img->trace && !img->trace_off) rc = image_trace_mark(img->trace, pa, 1, err);
    return rc;
}

static int copy(struct image *img, struct image_worker *w, struct image_trace *trace, uint64_t pa,
                void *buf, size_t len, size_t *done, struct kvm_err *err) {
    *done = 0;
    while (*done < len) {
        uint64_t at;
        size_t n;
        if (__builtin_add_overflow(pa, *done, &at))
            return err_at(err, KVM_FAULT, UINT64_MAX, "no memory behind the last address");
        int rc = img->ops->copy(img, w, at, (uint8_t *)buf + *done, len - *done, &n, err);
        if (rc == 0 && trace) rc = image_trace_mark(trace, at, n, err);
        if (rc) return rc;
        *done += n;
    }
    return 0;
}

int image_copy(struct image *img, uint64_t pa, void *buf, size_t len, size_t *done,
               struct kvm_err *err) {
    struct image_trace *trace = img->trace_off ? NULL : img->trace;
    return copy(img, &img->worker, trace, pa, buf, len, done, err);
}

int image_copy_by(struct image *img, struct image_worker *w, uint64_t pa, void *buf, size_t len,
                  size_t *done, struct kvm_err *err) {
    return copy(img, w, NULL, pa, buf, len, done, err);
}

int image_read(struct image *img, uint64_t pa, void *buf, size_t len, struct kvm_err *err) {
    size_t done;
    return image_copy(img, pa, buf, len, &done, err);
}
