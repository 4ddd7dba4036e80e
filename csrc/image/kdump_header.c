// SPDX-License-Identifier: BSD-2-Clause
// Header and sub-header of kdump-compressed files, versions 1 to 6, either byte order
// (image/kdump_format.h). "DISKDUMP" files share header, bit maps and descriptors but not the
// sub-header. The header that 32-bit kernels and 32-bit builds of makedumpfile write (struct timeval
// of 8 bytes, status at 412) is recognised and refused.
#include "image/kdump_format.h"

#include "base/bytes.h"
#include "base/mem.h"

enum {
    STATUS_32 = 412,      // the 32-bit layout's status; block_size and sub_hdr_size follow it
    MAPNR_MAX_SHIFT = 52, // no machine has more physical address bits
};

static const struct {
    uint32_t flag;
    enum codec_id codec;
} codecs[] = {
    {KDUMP_FLAG_ZLIB, CODEC_ZLIB},
    {KDUMP_FLAG_LZO, CODEC_LZO},
    {KDUMP_FLAG_SNAPPY, CODEC_SNAPPY},
    {KDUMP_FLAG_ZSTD, CODEC_ZSTD},
};

enum codec_id kdump_flags_codec(uint32_t flags) {
    if (flags == 0) return CODEC_NONE;
    for (size_t i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++)
        if (codecs[i].flag == flags) return codecs[i].codec;
    return CODEC_COUNT;
}

uint32_t kdump_codec_flags(enum codec_id id) {
    for (size_t i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++)
        if (codecs[i].codec == id) return codecs[i].flag;
    return 0;
}

bool kdump_magic(const struct file *f) {
    uint8_t p[8];
    return file_head(f, p, sizeof(p)) == sizeof(p) &&
           (memcmp(p, "KDUMP   ", 8) == 0 || memcmp(p, "DISKDUMP", 8) == 0);
}

static int cut_short(const char *what, uint64_t have, uint64_t want, struct kvm_err *err) {
    return err_set(err, KVM_FORMAT, "%s is cut short at %llu of %llu bytes", what,
                   (unsigned long long)have, (unsigned long long)want);
}

static bool good_block_size(uint32_t n) {
    return n >= KDUMP_BLOCK_MIN && n <= KDUMP_BLOCK_MAX && (n & (n - 1)) == 0;
}

static bool plausible(const uint8_t *block_size, bool big) {
    uint32_t sub = bytes_u32(block_size + 4, big);
    return good_block_size(bytes_u32(block_size, big)) && sub >= 1 && sub <= INT32_MAX;
}

static int read_version(const uint8_t *p, struct kdump_header *h, struct kvm_err *err) {
    uint32_t little = bytes_u32(p + KDUMP_VERSION, false);
    uint32_t big = bytes_u32(p + KDUMP_VERSION, true);
    h->big = big < little;
    h->version = h->big ? big : little;
    if (h->version > KDUMP_VERSION_MAX)
        return err_set(err, KVM_UNSUPPORTED, "unknown header version %u", h->version);
    return 0;
}

static int check_block_size(const uint8_t *p, struct kdump_header *h, struct kvm_err *err) {
    if (plausible(p + KDUMP_BLOCK_SIZE, h->big)) {
        h->block_size = bytes_u32(p + KDUMP_BLOCK_SIZE, h->big);
        h->block_shift = (uint32_t)__builtin_ctz(h->block_size);
        return 0;
    }
    // In the 64-bit layout these words are the microseconds' upper half and padding: never both.
    if (plausible(p + STATUS_32 + 4, h->big))
        return err_set(err, KVM_UNSUPPORTED, "header of a 32-bit machine");
    return err_set(err, KVM_FORMAT, "block size of %u bytes, sub-header of %u blocks",
                   bytes_u32(p + KDUMP_BLOCK_SIZE, h->big),
                   bytes_u32(p + KDUMP_SUB_HDR_SIZE, h->big));
}

static int parse_header(const struct file *f, struct kdump_header *h, struct kvm_err *err) {
    uint8_t p[KDUMP_HEADER_SIZE];
    if (file_head(f, p, sizeof(p)) < sizeof(p))
        return cut_short("header", f->size, KDUMP_BLOCK_MIN, err);
    h->diskdump = memcmp(p, "DISKDUMP", 8) == 0;
    int rc = read_version(p, h, err);
    if (rc == 0) rc = check_block_size(p, h, err);
    if (rc) return rc;
    memcpy(h->utsname, p + KDUMP_UTSNAME, sizeof(h->utsname));
    h->status = bytes_u32(p + KDUMP_STATUS, h->big);
    h->max_mapnr = bytes_u32(p + KDUMP_MAX_MAPNR, h->big);
    if (f->size < h->block_size) return cut_short("header", f->size, h->block_size, err);
    // 31 + 20 bits at the most, so these do not overflow.
    h->bitmap_off = (1 + (uint64_t)bytes_u32(p + KDUMP_SUB_HDR_SIZE, h->big)) * h->block_size;
    h->bitmap_len = (uint64_t)bytes_u32(p + KDUMP_BITMAP_BLOCKS, h->big) * h->block_size;
    h->desc_off = h->bitmap_off + h->bitmap_len;
    return 0;
}

static void parse_sub_header(const uint8_t *p, struct kdump_header *h) {
    if (h->version >= 2) h->split = bytes_u32(p + KDUMP_SUB_SPLIT, h->big) != 0;
    if (h->version >= 3) {
        h->vmcoreinfo_off = bytes_u64(p + KDUMP_SUB_VMCOREINFO, h->big);
        h->vmcoreinfo_len = bytes_u64(p + KDUMP_SUB_VMCOREINFO + 8, h->big);
    }
    if (h->version >= 4) {
        h->note_off = bytes_u64(p + KDUMP_SUB_NOTE, h->big);
        h->note_len = bytes_u64(p + KDUMP_SUB_NOTE + 8, h->big);
    }
    if (h->version >= 6) h->max_mapnr = bytes_u64(p + KDUMP_SUB_MAX_MAPNR, h->big);
}

static int check_bitmaps(const struct file *f, const struct kdump_header *h, struct kvm_err *err) {
    if (h->max_mapnr == 0) return err_set(err, KVM_FORMAT, "no page frames");
    if (h->max_mapnr > (uint64_t)1 << (MAPNR_MAX_SHIFT - h->block_shift) ||
        (h->max_mapnr + 7) / 8 > h->bitmap_len)
        return err_set(err, KVM_FORMAT, "%llu page frames, but bit maps of %llu bytes",
                       (unsigned long long)h->max_mapnr, (unsigned long long)h->bitmap_len);
    if (f->size < h->desc_off)
        return cut_short("bit map", f->size > h->bitmap_off ? f->size - h->bitmap_off : 0,
                         h->bitmap_len, err);
    return 0;
}

int kdump_header_parse(const struct file *f, struct kdump_header *out, struct kvm_err *err) {
    *out = (struct kdump_header){0};
    int rc = parse_header(f, out, err);
    if (rc) return rc;
    if (!out->diskdump) {
        uint8_t sub[KDUMP_SUB_SIZE];
        if (file_read(f, out->block_size, sub, sizeof(sub), NULL))
            return cut_short("sub-header", f->size - out->block_size, KDUMP_SUB_SIZE, err);
        parse_sub_header(sub, out);
    }
    if (out->split)
        return err_set(err, KVM_UNSUPPORTED,
                       "a part of a split dump; join the parts: makedumpfile --reassemble "
                       "PART1 PART2... OUT");
    return check_bitmaps(f, out, err);
}
