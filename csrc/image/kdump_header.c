// SPDX-License-Identifier: BSD-2-Clause
// Header and sub-header of kdump-compressed files, versions 0 to 6, either byte order, of 64-bit and
// of 32-bit machines (image/kdump_format.h). "DISKDUMP" files share header, bit maps and descriptors
// but not the sub-header. 32-bit layouts: makedumpfile 1.7.2 built for i386 (longs of 4 bytes,
// off_t of 8 aligned to 4; QEMU 7.2's struct KdumpSubHeader32 is the same on each machine) and for
// ARM (off_t aligned to 8).
#include "image/kdump_format.h"

#include "base/bytes.h"
#include "base/mem.h"

enum { MAPNR_MAX_SHIFT = 52 }; // no machine has more physical address bits

// Where the fields behind utsname stand: a struct timeval of 8 or 16 bytes comes before them.
struct head_layout {
    uint16_t time, status, block_size, sub_hdr_size, bitmap_blocks, max_mapnr;
};
static const struct head_layout head_64 = {KDUMP_TIMESTAMP,     KDUMP_STATUS,
                                           KDUMP_BLOCK_SIZE,    KDUMP_SUB_HDR_SIZE,
                                           KDUMP_BITMAP_BLOCKS, KDUMP_MAX_MAPNR};
static const struct head_layout head_32 = {404, 412, 416, 420, 424, 428};

// Where the fields of struct kdump_sub_header stand, and how wide its longs are.
struct sub_layout {
    uint8_t size, wide; // wide: longs of 8 bytes
    uint8_t split, start_pfn, end_pfn, vmcoreinfo, note, eraseinfo, start_pfn_64;
};
static const struct sub_layout sub_64 = {KDUMP_SUB_SIZE,       1,
                                         KDUMP_SUB_SPLIT,      KDUMP_SUB_SPLIT + 4,
                                         KDUMP_SUB_SPLIT + 12, KDUMP_SUB_VMCOREINFO,
                                         KDUMP_SUB_NOTE,       KDUMP_SUB_ERASEINFO,
                                         KDUMP_SUB_START_PFN};
static const struct sub_layout sub_32 = {80, 0, 8, 12, 16, 20, 32, 44, 56};
static const struct sub_layout sub_32_aligned = {96, 0, 8, 12, 16, 24, 40, 56, 72};

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

// In the 64-bit layout the words of the 32-bit one are the microseconds' upper half and padding:
// never both are plausible.
static int find_layout(const uint8_t *p, struct kdump_header *h, const struct head_layout **out,
                       struct kvm_err *err) {
    const struct head_layout *l = plausible(p + head_64.block_size, h->big)   ? &head_64
                                  : plausible(p + head_32.block_size, h->big) ? &head_32
                                                                              : NULL;
    if (!l)
        return err_set(err, KVM_FORMAT, "block size of %u bytes, sub-header of %u blocks",
                       bytes_u32(p + KDUMP_BLOCK_SIZE, h->big),
                       bytes_u32(p + KDUMP_SUB_HDR_SIZE, h->big));
    h->block_size = bytes_u32(p + l->block_size, h->big);
    h->block_shift = (uint32_t)__builtin_ctz(h->block_size);
    *out = l;
    return 0;
}

static int parse_header(const struct file *f, struct kdump_header *h, const struct head_layout **l,
                        struct kvm_err *err) {
    uint8_t p[KDUMP_HEADER_SIZE];
    if (file_head(f, p, sizeof(p)) < sizeof(p))
        return cut_short("header", f->size, KDUMP_BLOCK_MIN, err);
    h->diskdump = memcmp(p, "DISKDUMP", 8) == 0;
    int rc = read_version(p, h, err);
    if (rc == 0) rc = find_layout(p, h, l, err);
    if (rc) return rc;
    memcpy(h->utsname, p + KDUMP_UTSNAME, sizeof(h->utsname));
    h->seconds =
        *l == &head_64 ? bytes_u64(p + (*l)->time, h->big) : bytes_u32(p + (*l)->time, h->big);
    h->status = bytes_u32(p + (*l)->status, h->big);
    h->max_mapnr = bytes_u32(p + (*l)->max_mapnr, h->big);
    if (f->size < h->block_size) return cut_short("header", f->size, h->block_size, err);
    // 31 + 20 bits at the most, so these do not overflow.
    h->bitmap_off = (1 + (uint64_t)bytes_u32(p + (*l)->sub_hdr_size, h->big)) * h->block_size;
    h->bitmap_len = (uint64_t)bytes_u32(p + (*l)->bitmap_blocks, h->big) * h->block_size;
    h->desc_off = h->bitmap_off + h->bitmap_len;
    return 0;
}

static uint64_t long_at(const uint8_t *p, const struct sub_layout *l, bool big) {
    return l->wide ? bytes_u64(p, big) : bytes_u32(p, big);
}

// An off_t and the long behind it.
static void range_at(const uint8_t *p, const struct sub_layout *l, bool big, uint64_t *off,
                     uint64_t *len) {
    *off = bytes_u64(p, big);
    *len = long_at(p + 8, l, big);
}

static void parse_sub_header(const uint8_t *p, const struct sub_layout *l, struct kdump_header *h) {
    if (h->version >= 2) {
        h->split = bytes_u32(p + l->split, h->big) != 0;
        h->start_pfn = long_at(p + l->start_pfn, l, h->big);
        h->end_pfn = long_at(p + l->end_pfn, l, h->big);
    }
    if (h->version >= 3)
        range_at(p + l->vmcoreinfo, l, h->big, &h->vmcoreinfo_off, &h->vmcoreinfo_len);
    if (h->version >= 4) range_at(p + l->note, l, h->big, &h->note_off, &h->note_len);
    if (h->version >= 5)
        range_at(p + l->eraseinfo, l, h->big, &h->eraseinfo_off, &h->eraseinfo_len);
    if (h->version >= 6) {
        h->start_pfn = bytes_u64(p + l->start_pfn_64, h->big);
        h->end_pfn = bytes_u64(p + l->start_pfn_64 + 8, h->big);
        h->max_mapnr = bytes_u64(p + l->start_pfn_64 + 16, h->big);
    }
}

// Behind the header and in the file, or nothing.
static bool fits_range(uint64_t off, uint64_t len, const struct file *f,
                       const struct kdump_header *h) {
    if (off == 0 && len == 0) return true;
    return off >= h->block_size && mem_inside(off, len, f->size);
}

// Whether what the layout finds agrees with the file and with the header proper.
static bool fits(const struct file *f, const uint8_t *p, const struct sub_layout *l,
                 const struct kdump_header *h) {
    struct kdump_header x = *h;
    parse_sub_header(p, l, &x);
    return (uint32_t)x.max_mapnr == (uint32_t)h->max_mapnr &&
           fits_range(x.vmcoreinfo_off, x.vmcoreinfo_len, f, h) &&
           fits_range(x.note_off, x.note_len, f, h) &&
           fits_range(x.eraseinfo_off, x.eraseinfo_len, f, h);
}

static int read_sub_header(const struct file *f, const struct head_layout *head,
                           struct kdump_header *h, struct kvm_err *err) {
    uint8_t sub[KDUMP_SUB_SIZE] = {0};
    if (file_read(f, h->block_size, sub, sizeof(sub), NULL))
        return cut_short("sub-header", f->size - h->block_size, KDUMP_SUB_SIZE, err);
    const struct sub_layout *l = &sub_64;
    // ARM with a 64-bit time_t has the header of a 64-bit machine.
    if (head == &head_64 && !fits(f, sub, l, h) && fits(f, sub, &sub_32_aligned, h))
        l = &sub_32_aligned;
    if (head == &head_32) {
        l = &sub_32;
        if (!fits(f, sub, l, h) && fits(f, sub, &sub_32_aligned, h)) l = &sub_32_aligned;
    }
    parse_sub_header(sub, l, h);
    return 0;
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

static int check_range(struct kdump_header *h, struct kvm_err *err) {
    if (!h->split) {
        h->start_pfn = 0;
        h->end_pfn = h->max_mapnr;
    }
    if (h->start_pfn > h->end_pfn || h->end_pfn > h->max_mapnr)
        return err_set(err, KVM_FORMAT, "part of page frames 0x%llx to 0x%llx, of 0x%llx",
                       (unsigned long long)h->start_pfn, (unsigned long long)h->end_pfn,
                       (unsigned long long)h->max_mapnr);
    return 0;
}

int kdump_header_parse(const struct file *f, struct kdump_header *out, struct kvm_err *err) {
    *out = (struct kdump_header){0};
    const struct head_layout *layout;
    int rc = parse_header(f, out, &layout, err);
    if (rc == 0 && !out->diskdump) rc = read_sub_header(f, layout, out, err);
    if (rc == 0) rc = check_bitmaps(f, out, err);
    return rc ? rc : check_range(out, err);
}
