// SPDX-License-Identifier: BSD-2-Clause
// LiME: ranges of physical memory, a header of 32 bytes in front of each, little-endian. The format is version 1 in all
// releases of LiME (lime.h of 1.1 to 1.9); avml without --compress writes it too. What LiME's own compression makes of
// it is unpacked before (base/unpack.c), its formats "raw" and "padded" are raw memory.
#include "image/flat.h"

#include "base/mem.h"
#include "image/lime_range.h"

#include <stdio.h>

enum { RANGES_MOST = 1 << 20 };

static int probe(const struct file *f, struct kvm_err *err) {
    (void)err;
    return lime_magic(f, LIME_MAGIC) ? IMAGE_MATCH : IMAGE_NOMATCH;
}

static int add_range(struct image *img, const struct lime_range *r, uint64_t off,
                     struct kvm_err *err) {
    struct flat *flat = img->priv;
    uint64_t len = r->end - r->start, have = file_available(img->file, off, len);
    if (have < len) img->facts.incomplete = true;
    if (flat->memory.count == RANGES_MOST)
        return err_set(err, KVM_UNSUPPORTED, "more than %d ranges", RANGES_MOST);
    if (!spans_add(&flat->data, r->start, r->start + have, off, 0) ||
        !spans_add(&flat->memory, r->start, r->end, 0, 0))
        return err_nomem(err, "the ranges");
    return 0;
}

static int open_image(struct image *img, struct kvm_err *err) {
    img->priv = mem_zalloc(sizeof(struct flat));
    if (!img->priv) return err_nomem(err, "an image");
    for (uint64_t at = 0; at < img->file->size;) {
        struct lime_range r;
        int rc = lime_range_read(img->file, at, LIME_MAGIC, 1, &r, err);
        if (rc == KVM_NOTFOUND || rc == KVM_EXCLUDED) { // the cut goes through the header
            img->facts.incomplete = true;
            break;
        }
        if (rc == 0) rc = add_range(img, &r, at + LIME_HEADER, err);
        if (rc) return rc;
        if (!mem_add(at, LIME_HEADER + (r.end - r.start), &at)) break;
    }
    snprintf(img->facts.format, sizeof(img->facts.format), "LiME");
    return flat_settle(img, err);
}

static void close_image(struct image *img) {
    if (!img->priv) return;
    flat_deinit(img->priv);
    mem_free(img->priv);
    img->priv = NULL;
}

const struct image_ops image_lime = {
    .name = "LiME",
    .probe = probe,
    .open = open_image,
    .close = close_image,
    .find = flat_find,
    .copy = flat_copy,
    .next_region = flat_next_region,
    .next_memory = flat_next_memory,
    .file_offset = flat_file_offset,
};
