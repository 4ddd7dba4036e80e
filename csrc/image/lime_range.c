// SPDX-License-Identifier: BSD-2-Clause
// Headers of LiME and AVML (image/lime_range.h; LiME's lime.h, AVML 0.14's image.rs). The last 8 bytes are reserved;
// both write zeros.
#include "image/lime_range.h"

#include "base/bytes.h"

bool lime_magic(const struct file *f, uint32_t magic) {
    uint8_t head[4];
    return file_head(f, head, sizeof(head)) == sizeof(head) && bytes_u32(head, false) == magic;
}

int lime_range_read(const struct file *f, uint64_t off, uint32_t magic, uint32_t version,
                    struct lime_range *out, struct kvm_err *err) {
    uint8_t h[LIME_HEADER];
    int rc = file_read(f, off, h, sizeof(h), err);
    if (rc) return rc;
    uint64_t last = bytes_u64(h + 16, false);
    if (bytes_u32(h, false) != magic)
        return err_set(err, KVM_FORMAT, "no header of a range at byte %llu",
                       (unsigned long long)off);
    if (bytes_u32(h + 4, false) != version)
        return err_set(err, KVM_UNSUPPORTED, "version %u; %u is known", bytes_u32(h + 4, false),
                       version);
    out->start = bytes_u64(h + 8, false);
    if (last < out->start || last == UINT64_MAX)
        return err_set(err, KVM_FORMAT, "range 0x%llx-0x%llx at byte %llu",
                       (unsigned long long)out->start, (unsigned long long)last,
                       (unsigned long long)off);
    out->end = last + 1;
    return 0;
}
