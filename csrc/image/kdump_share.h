// SPDX-License-Identifier: BSD-2-Clause
// Which page data a kdump file that is being written already holds, so that equal pages (zeros,
// mostly) are stored once.
#ifndef KVM_IMAGE_KDUMP_SHARE_H
#define KVM_IMAGE_KDUMP_SHARE_H

#include "image/outfile.h"

struct kdump_stored {
    uint64_t off;
    uint32_t len;
    uint32_t flags;
    uint32_t hash;
};

// Zeroed by its owner. Grows to a bound (24 MB); pages behind that are stored without being
// remembered.
struct kdump_share {
    struct kdump_stored *v; // off 0: empty
    size_t size;            // a power of two, or 0
    size_t count;
};

// Looks for the BYTES (s->len of them, s->flags) in what was written to DATA; s->off is filled when
// they are found. s->hash is filled in any case.
int kdump_share_find(const struct kdump_share *t, struct outfile *o, struct outstream *data,
                     const uint8_t *bytes, struct kdump_stored *s, bool *found,
                     struct kvm_err *err);
int kdump_share_add(struct kdump_share *t, const struct kdump_stored *s, struct kvm_err *err);
void kdump_share_deinit(struct kdump_share *t);

#endif
