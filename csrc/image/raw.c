// SPDX-License-Identifier: BSD-2-Clause
// Raw physical memory: the bytes of a file are memory from an address on, which is given (FILE@ADDRESS, perhaps several
// of them) or 0. QEMU's pmemsave, VMware's .vmem, LiME's formats "raw" and "padded" and dd of /dev/mem are such files.
// Nothing in them says so, hence this format is asked last, and whether there is a kernel in it is found out behind
// (session/vmcoreinfo.c). Checked against crash 8.0.2, which names pieces alike.
#include "image/flat.h"

#include "base/mem.h"

#include <stdio.h>

enum {
    PAGE = 4096,
    SIZE_LEAST = 1 << 20, // no kernel fits into less
    ADDRESS_BITS = 52     // of any machine
};

static int probe(const struct file *f, struct kvm_err *err) {
    (void)err;
    return f->size >= SIZE_LEAST && f->size % PAGE == 0 && !image_known(f) ? IMAGE_MATCH
                                                                           : IMAGE_NOMATCH;
}

static int add_part(struct image *img, uint32_t i, struct kvm_err *err) {
    struct flat *flat = img->priv;
    const struct image_part *p = &img->parts[i];
    uint64_t end;
    if (img->part_count > 1 && !p->has_addr)
        return err_set(err, KVM_INVAL, "%s: where in memory does it begin? Write %s@ADDRESS",
                       p->file->path, p->file->path);
    if (!mem_add(p->addr, p->file->size, &end) || end > (uint64_t)1 << ADDRESS_BITS)
        return err_set(err, KVM_INVAL, "%s: no machine has memory at 0x%llx", p->file->path,
                       (unsigned long long)p->addr);
    for (size_t k = 0; k < flat->memory.count; k++) { // not settled yet
        const struct span *s = &flat->memory.v[k];
        if (p->addr < s->end && s->start < end)
            return err_set(err, KVM_INVAL, "%s and %s are memory at the same addresses",
                           img->parts[s->part].file->path, p->file->path);
    }
    if (!spans_add(&flat->data, p->addr, end, 0, i) ||
        !spans_add(&flat->memory, p->addr, end, 0, i))
        return err_nomem(err, "the pieces");
    return 0;
}

static int open_image(struct image *img, struct kvm_err *err) {
    img->priv = mem_zalloc(sizeof(struct flat));
    if (!img->priv) return err_nomem(err, "an image");
    for (size_t i = 0; i < img->part_count; i++) {
        int rc = add_part(img, (uint32_t)i, err);
        if (rc) return rc;
    }
    img->facts.unmarked = true;
    snprintf(img->facts.format, sizeof(img->facts.format), "raw physical memory");
    return flat_settle(img, err);
}

static void close_image(struct image *img) {
    if (!img->priv) return;
    flat_deinit(img->priv);
    mem_free(img->priv);
    img->priv = NULL;
}

const struct image_ops image_raw = {
    .name = "raw",
    .sets = true,
    .probe = probe,
    .open = open_image,
    .close = close_image,
    .find = flat_find,
    .copy = flat_copy,
    .next_region = flat_next_region,
    .next_memory = flat_next_memory,
    .write = flat_write,
    .file_offset = flat_file_offset,
};
