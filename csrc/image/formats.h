// SPDX-License-Identifier: BSD-2-Clause
// The formats behind image_open, and what they share.
#ifndef KVM_IMAGE_FORMATS_H
#define KVM_IMAGE_FORMATS_H

#include "image/image.h"

extern const struct image_ops image_none;
extern const struct image_ops image_elf;
extern const struct image_ops image_kdump;

// For a file that no format above took: UNSUPPORTED with the name of its format and what to do, or
// FORMAT with what it looks like.
int image_unsupported(const struct file *f, struct kvm_err *err);

// The stamp of bytes that never move.
extern const uint32_t image_fixed_stamp;

// trace.c
void image_trace_destroy(struct image_trace *t); // NULL-safe
int image_trace_create(struct image_trace **out, struct kvm_err *err);
// Marks the pages that hold [pa, pa + len), len >= 1.
int image_trace_mark(struct image_trace *t, uint64_t pa, uint64_t len, struct kvm_err *err);

#endif
