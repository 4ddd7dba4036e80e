// SPDX-License-Identifier: BSD-2-Clause
// The formats behind image_open, and what they share.
#ifndef KVM_IMAGE_FORMATS_H
#define KVM_IMAGE_FORMATS_H

#include "image/image.h"

extern const struct image_ops image_none;
extern const struct image_ops image_elf;
extern const struct image_ops image_kdump;
extern const struct image_ops image_lime;
extern const struct image_ops image_avml;
extern const struct image_ops image_migration;
extern const struct image_ops image_raw;

// Whether a file is text, ELF or of a format that is only named: anything that is no raw memory.
bool image_known(const struct file *f);
// For a file that no format above took: UNSUPPORTED with the name of its format and what to do, or
// FORMAT with what it looks like.
int image_unsupported(const struct file *f, struct kvm_err *err);

// LEN bytes at OFF of a file of the image, good until the image is closed: in the mapping, or copied.
int image_keep(struct image *img, const struct file *f, uint64_t off, uint64_t len,
               const uint8_t **out, struct kvm_err *err);
// The worker's scratch memory, of at least SIZE bytes; NULL when out of memory.
uint8_t *image_scratch(struct image_worker *w, size_t size);

// What find and copy say of memory that is not there: EXCLUDED where it existed, else FAULT.
int image_not_there(const struct image *img, uint64_t pa, bool existed, struct kvm_err *err);

// parts.c: the files that NAMES mean (see image_open), opened.
int image_parts_open(struct image *img, const char *const *names, size_t count, bool writable,
                     struct kvm_err *err);
// layers.c: puts layers over the file until none fits any more. On failure *f is still to be closed.
int image_layers_open(struct file **f, const struct progress *progress, struct kvm_err *err);

// trace.c
void image_trace_destroy(struct image_trace *t); // NULL-safe
int image_trace_create(struct image_trace **out, struct kvm_err *err);
// Marks the pages that hold [pa, pa + len), len >= 1.
int image_trace_mark(struct image_trace *t, uint64_t pa, uint64_t len, struct kvm_err *err);

#endif
