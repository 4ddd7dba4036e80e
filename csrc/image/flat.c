// SPDX-License-Identifier: BSD-2-Clause
// Images whose pages stand in their files as they are (image/flat.h).
#include "image/flat.h"

#include "base/mem.h"

int flat_settle(struct image *img, struct kvm_err *err) {
    struct flat *f = img->priv;
    spans_settle(&f->data, false);
    spans_settle(&f->memory, true);
    if (f->memory.count == 0) return err_set(err, KVM_FORMAT, "no memory in it");
    img->facts.phys_end = f->memory.v[f->memory.count - 1].end;
    uint64_t bytes = 0;
    for (size_t i = 0; i < f->data.count; i++)
        bytes += f->data.v[i].end - f->data.v[i].start;
    img->facts.pages = bytes / 4096;
    return 0;
}

void flat_deinit(struct flat *f) {
    spans_deinit(&f->data);
    spans_deinit(&f->memory);
}

// The span that holds pa, or the reason why there is none.
static int span_at(const struct image *img, uint64_t pa, const struct span **out,
                   struct kvm_err *err) {
    const struct flat *f = img->priv;
    *out = spans_find(&f->data, pa);
    if (*out && (*out)->start <= pa) return 0;
    const struct span *s = spans_find(&f->memory, pa);
    return image_not_there(img, pa, s && s->start <= pa, err);
}

static const struct file *file_of(const struct image *img, const struct span *s) {
    return img->parts[s->part].file;
}

// What a layer says of a page that it does not have, or that is damaged.
static int blame(int rc, uint64_t pa, struct kvm_err *err) {
    if (err) {
        err->has_addr = true;
        err->addr = pa;
    }
    return err_prepend(err, rc, "physical address 0x%llx", (unsigned long long)pa);
}

int flat_find(struct image *img, uint64_t pa, struct image_run *run, struct kvm_err *err) {
    const struct span *s;
    int rc = span_at(img, pa, &s, err);
    if (rc) return rc;
    struct file_piece piece;
    rc = file_piece(file_of(img, s), s->off + (pa - s->start), &piece, err);
    if (rc) return blame(rc, pa, err);
    uint64_t left = s->end - pa;
    *run = (struct image_run){piece.at, piece.len < left ? piece.len : left, piece.stamp,
                              piece.stamp_value};
    return 0;
}

int flat_copy(struct image *img, struct image_worker *w, uint64_t pa, uint8_t *buf, size_t len,
              size_t *n, struct kvm_err *err) {
    const struct span *s;
    w->pages_read++;
    int rc = span_at(img, pa, &s, err);
    if (rc) return rc;
    uint64_t left = s->end - pa;
    *n = len < left ? len : (size_t)left;
    rc = file_read(file_of(img, s), s->off + (pa - s->start), buf, *n, err);
    return rc ? blame(rc, pa, err) : 0;
}

bool flat_file_offset(struct image *img, uint64_t pa, uint64_t len, uint64_t *offset) {
    const struct flat *f = img->priv;
    const struct span *s = spans_find(&f->data, pa);
    if (!s || s->start > pa || len > s->end - pa || s->part != 0 || img->file->ops) return false;
    *offset = s->off + (pa - s->start);
    return true;
}

static bool next_of(const struct spans *list, uint64_t pa, struct image_region *region) {
    const struct span *s = spans_find(list, pa);
    if (!s) return false;
    region->start = s->start;
    region->end = s->end;
    return true;
}

bool flat_next_region(struct image *img, uint64_t pa, struct image_region *region) {
    const struct flat *f = img->priv;
    return next_of(&f->data, pa, region);
}

bool flat_next_memory(struct image *img, uint64_t pa, struct image_region *region) {
    const struct flat *f = img->priv;
    return next_of(&f->memory, pa, region);
}

int flat_check(struct image *img, uint64_t pa, uint64_t len, struct kvm_err *err) {
    uint64_t stop;
    if (!mem_add(pa, len, &stop))
        return err_at(err, KVM_FAULT, pa, "write behind the last address");
    for (uint64_t at = pa; at < stop;) {
        const struct span *s;
        int rc = span_at(img, at, &s, err);
        if (rc) return rc;
        at = s->end;
    }
    return 0;
}

int flat_write(struct image *img, uint64_t pa, const void *buf, size_t len, struct kvm_err *err) {
    int rc = flat_check(img, pa, len, err);
    for (size_t done = 0; rc == 0 && done < len;) {
        const struct span *s;
        rc = span_at(img, pa + done, &s, err);
        if (rc) return rc;
        uint64_t at = pa + done, left = s->end - at;
        size_t n = len - done < left ? len - done : (size_t)left;
        rc = file_write(img->parts[s->part].file, s->off + (at - s->start),
                        (const uint8_t *)buf + done, n, err);
        done += n;
    }
    return rc;
}
