// SPDX-License-Identifier: BSD-2-Clause
// kdump-compressed files (makedumpfile, QEMU's dump-guest-memory after `makedumpfile -R`, crash's
// older "DISKDUMP"), read in place: headers in kdump_header.c, bit maps in kdump_index.c, the parts
// of a split dump in kdump_set.c, pages here. The layout and what it was checked against are in kdump_format.h. A page that is stored as
// it is points into the file; others are decompressed into a slot of a bounded cache, found by
// their place in the file, so that pages which share their data share the slot. phys_base of the
// sub-header is not used (QEMU 7.2 writes a wrong one).
#include "image/formats.h"

#include "base/bytes.h"
#include "base/cache.h"
#include "base/mem.h"
#include "fmt/elf.h"
#include "fmt/prstatus.h"
#include "image/kdump_set.h"

#include <stdio.h>
#include <string.h>

enum {
    CACHE_BYTES = 64 << 20,
    CACHE_SLOTS_MIN = 16,
    CODEC_LOOKS = 64,     // descriptors looked at to name the codec
    TAIL_LOOKS = 1 << 16, // descriptors looked at to see whether the file was cut short
};

struct kdump_image {
    struct kdump_set set;
    struct kdump_header header; // of the first part; what holds for all
    struct kdump_index index;
    struct cache *cache;
};

struct page_desc {
    uint64_t off;
    uint32_t len;
    uint32_t flags;
};

static int probe(const struct file *f, struct kvm_err *err) {
    (void)err;
    return kdump_magic(f) ? IMAGE_MATCH : IMAGE_NOMATCH;
}

// The I-th descriptor of a part. NOTFOUND, EXCLUDED when it lies behind the end of the file.
static int read_desc(const struct kdump_part *part, uint64_t i, struct page_desc *out,
                     struct kvm_err *err) {
    const struct kdump_header *h = &part->header;
    uint8_t room[KDUMP_DESC_SIZE];
    const uint8_t *p;
    // i < 2^40 frames, so the product does not overflow, nor does the sum.
    uint64_t at = h->desc_off + i * KDUMP_DESC_SIZE;
    int rc = file_view(part->file, at, KDUMP_DESC_SIZE, room, &p, err);
    if (rc) return rc;
    out->off = bytes_u64(p + KDUMP_DESC_OFFSET, h->big);
    out->len = bytes_u32(p + KDUMP_DESC_LEN, h->big);
    out->flags = bytes_u32(p + KDUMP_DESC_FLAGS, h->big);
    return 0;
}

static bool is_cut(const struct file *f, const struct page_desc *d) {
    return file_available(f, d->off, d->len) < d->len;
}

// Whether page data ends behind the file's end. It is written in the order of the descriptors, but
// pages with the same content (zeros, mostly) point back, so the last descriptor that differs from
// the very last one says it.
static bool is_cut_short(const struct kdump_part *p) {
    struct page_desc last, d;
    if (p->count == 0) return false;
    if (read_desc(p, p->count - 1, &last, NULL)) return true;
    if (is_cut(p->file, &last)) return true;
    for (uint64_t i = 2; i <= p->count && i <= TAIL_LOOKS; i++) {
        if (read_desc(p, p->count - i, &d, NULL)) return true;
        if (d.off != last.off) return is_cut(p->file, &d);
    }
    return false;
}

static const struct {
    const char *name; // uname -m, or the beginning of it
    uint16_t machine;
    uint8_t elf_class;
} machines[] = {
    {"x86_64", ELF_EM_X86_64, 2},
    {"aarch64", ELF_EM_AARCH64, 2},
    {"s390x", ELF_EM_S390, 2},
    {"S390X", ELF_EM_S390, 2},
    {"ppc64", ELF_EM_PPC64, 2},
    {"riscv64", ELF_EM_RISCV, 2},
    {"loongarch64", ELF_EM_LOONGARCH, 2},
    {"i686", ELF_EM_386, 1},
    {"i586", ELF_EM_386, 1},
    {"i386", ELF_EM_386, 1},
    {"arm", ELF_EM_ARM, 1},
};

// From utsname; QEMU leaves it empty, or "Unknown", and the size of its notes tells.
static void find_machine(struct image *img) {
    const struct kdump_image *k = img->priv;
    struct image_facts *facts = &img->facts;
    const char *uts = k->header.utsname;
    if (uts[2 * IMAGE_UTSNAME_FIELD]) facts->utsname = uts;
    const char *name = uts + 4 * IMAGE_UTSNAME_FIELD;
    for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
        if (strncmp(name, machines[i].name, strlen(machines[i].name)) != 0) continue;
        facts->machine = machines[i].machine;
        facts->elf_class = machines[i].elf_class;
        return;
    }
    if (facts->notes.prstatus_count == 0) return;
    facts->machine = prstatus_machine(facts->notes.prstatus[0].len, facts->big);
    for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++)
        if (machines[i].machine == facts->machine) facts->elf_class = machines[i].elf_class;
}

static enum codec_id find_codec(const struct kdump_part *p) {
    struct page_desc d;
    for (uint64_t i = 0; i < CODEC_LOOKS && i < p->count && read_desc(p, i, &d, NULL) == 0; i++) {
        enum codec_id id = kdump_flags_codec(d.flags);
        if (id != CODEC_NONE && id != CODEC_COUNT) return id;
    }
    return CODEC_NONE;
}

// "kdump-compressed v6, zlib, 2 parts; page frames 0x1000-0x2000 missing"
static void describe(struct image *img, enum codec_id codec) {
    const struct kdump_image *k = img->priv;
    char *format = img->facts.format;
    size_t size = sizeof(img->facts.format);
    int n =
        snprintf(format, size, "%s v%u, %s", k->header.diskdump ? "diskdump" : "kdump-compressed",
                 k->header.version, codec == CODEC_NONE ? "uncompressed" : codec_name(codec));
    if (k->header.split)
        n += snprintf(format + n, size - (size_t)n, ", %zu part%s", k->set.count,
                      k->set.count == 1 ? "" : "s");
    if (k->set.gaps)
        snprintf(format + n, size - (size_t)n, "; page frames 0x%llx-0x%llx%s missing",
                 (unsigned long long)k->set.gap_start, (unsigned long long)k->set.gap_end,
                 k->set.gaps > 1 ? " and others" : "");
}

static void fill_facts(struct image *img) {
    const struct kdump_image *k = img->priv;
    struct image_facts *facts = &img->facts;
    facts->big = k->header.big;
    facts->incomplete = k->set.gaps > 0;
    facts->page_size = k->header.block_size;
    facts->phys_end = k->header.max_mapnr << k->header.block_shift;
    enum codec_id codec = CODEC_NONE;
    for (size_t i = 0; i < k->set.count; i++) {
        const struct kdump_part *p = &k->set.v[i];
        facts->pages += p->count;
        if (p->header.status & KDUMP_STATUS_INCOMPLETE || is_cut_short(p)) facts->incomplete = true;
        if (codec == CODEC_NONE) codec = find_codec(p);
    }
    find_machine(img);
    describe(img, codec);
}

// All lie in the sub-header's blocks, in front of the bit maps, which are in the file.
static int keep(struct image *img, uint64_t off, uint64_t len, uint64_t most, const char *what,
                const uint8_t **out, struct kvm_err *err) {
    const struct kdump_image *k = img->priv;
    const struct file *f = k->set.v[0].file;
    if (len > most && file_available(f, off, len) == len)
        return err_set(err, KVM_FORMAT, "%s in %llu bytes", what, (unsigned long long)len);
    int rc = image_keep(img, f, off, len, out, err);
    if (rc == KVM_NOTFOUND || rc == KVM_EXCLUDED)
        return err_set(err, KVM_FORMAT, "%s behind the end of the file", what);
    return rc;
}

static int read_notes(struct image *img, struct kvm_err *err) {
    const struct kdump_image *k = img->priv;
    const struct kdump_header *h = &k->header;
    struct dump_notes *n = &img->facts.notes;
    n->big = h->big;
    const uint8_t *p = NULL;
    int rc;
    if (h->note_off && h->note_len) {
        rc = keep(img, h->note_off, h->note_len, NOTES_BYTES_MAX, "the notes lie", &p, err);
        if (rc) return rc;
        rc = notes_parse(n, p, (size_t)h->note_len, h->big, err);
        if (rc) return err_prepend(err, rc, "notes");
    }
    if (h->vmcoreinfo_off && h->vmcoreinfo_len) {
        rc = keep(img, h->vmcoreinfo_off, h->vmcoreinfo_len, VMCOREINFO_MOST, "VMCOREINFO lies", &p,
                  err);
        if (rc) return rc;
        n->vmcoreinfo.text = (const char *)p;
        n->vmcoreinfo.len = (size_t)h->vmcoreinfo_len;
    }
    if (h->eraseinfo_off && h->eraseinfo_len) {
        rc = keep(img, h->eraseinfo_off, h->eraseinfo_len, VMCOREINFO_MOST,
                  "the list of what was erased lies", &p, err);
        if (rc) return rc;
        img->facts.eraseinfo = (const char *)p;
        img->facts.eraseinfo_len = (size_t)h->eraseinfo_len;
    }
    return 0;
}

static int read_bitmaps(struct image *img, struct kvm_err *err) {
    struct kdump_image *k = img->priv;
    const uint8_t *bitmaps;
    int rc = keep(img, k->header.bitmap_off, k->header.bitmap_len, UINT64_MAX, "the bit maps lie",
                  &bitmaps, err);
    if (rc == 0) rc = kdump_index_init(&k->index, &k->header, k->set.v[0].file, bitmaps, err);
    if (rc == 0) kdump_set_settle(&k->set, &k->index);
    return rc;
}

static int open_image(struct image *img, struct kvm_err *err) {
    struct kdump_image *k = mem_zalloc(sizeof(*k));
    if (!k) return err_nomem(err, "an image");
    img->priv = k;
    int rc = kdump_set_open(&k->set, img, err);
    if (rc) return rc;
    k->header = k->set.v[0].header;
    rc = read_bitmaps(img, err);
    if (rc == 0) rc = read_notes(img, err);
    if (rc) return rc;
    fill_facts(img);
    size_t slots = (img->cache_bytes ? img->cache_bytes : CACHE_BYTES) / k->header.block_size;
    k->cache =
        cache_create(k->header.block_size, slots > CACHE_SLOTS_MIN ? slots : CACHE_SLOTS_MIN);
    return k->cache ? 0 : err_nomem(err, "the cache of pages");
}

static void close_image(struct image *img) {
    struct kdump_image *k = img->priv;
    if (!k) return;
    cache_destroy(k->cache);
    kdump_index_deinit(&k->index);
    kdump_set_deinit(&k->set);
    mem_free(k);
    img->priv = NULL;
}

static int damaged(uint64_t pa, uint64_t pfn, int code, const char *what, struct kvm_err *err) {
    return err_at(err, code, pa, "page 0x%llx: %s", (unsigned long long)pfn, what);
}

// What is told of bytes that the file should have, and does not.
static int missing(const struct image *img, uint64_t pa, uint64_t pfn, int rc, const char *what,
                   struct kvm_err *err) {
    if (rc == KVM_FORMAT || rc == KVM_NOMEM || rc == KVM_IO) // of a layer
        return err_prepend(err, rc, "page 0x%llx: %s", (unsigned long long)pfn, what);
    if (img->facts.incomplete) return image_not_there(img, pa, true, err);
    return err_at(err, KVM_FORMAT, pa, "page 0x%llx: %s behind the end of the file",
                  (unsigned long long)pfn, what);
}

static int part_missing(uint64_t pa, uint64_t pfn, struct kvm_err *err) {
    return err_at(err, KVM_EXCLUDED, pa,
                  "physical address 0x%llx is in a part of the split dump that is missing (page "
                  "frame 0x%llx)",
                  (unsigned long long)pa, (unsigned long long)pfn);
}

// The part that has the block of pa, and its checked descriptor.
static int locate(const struct image *img, uint64_t pa, const struct kdump_part **part,
                  struct page_desc *d, struct kvm_err *err) {
    const struct kdump_image *k = img->priv;
    uint64_t pfn = pa >> k->header.block_shift;
    if (pfn >= k->index.frames) return image_not_there(img, pa, false, err);
    if (!kdump_index_bit(k->index.dumped, pfn))
        return image_not_there(img, pa, kdump_index_bit(k->index.memory, pfn), err);
    const struct kdump_part *p = *part = kdump_set_find(&k->set, pfn);
    if (!p) return part_missing(pa, pfn, err);
    int rc = read_desc(p, kdump_index_rank(&k->index, pfn) - p->first, d, err);
    if (rc) return missing(img, pa, pfn, rc, "descriptor", err);
    if (img->facts.incomplete && d->off == 0 && d->len == 0)
        return image_not_there(img, pa, true, err);
    if (kdump_flags_codec(d->flags) == CODEC_COUNT)
        return damaged(pa, pfn, KVM_UNSUPPORTED, "unknown flags in its descriptor", err);
    if (d->len == 0 || d->len > k->header.block_size ||
        (!d->flags && d->len != k->header.block_size))
        return damaged(pa, pfn, KVM_FORMAT, "impossible size in its descriptor", err);
    if (is_cut(p->file, d)) return missing(img, pa, pfn, KVM_NOTFOUND, "data", err);
    return 0;
}

// The whole block of a descriptor into OUT, of block_size bytes.
static int unpack(const struct image *img, struct image_worker *w, uint64_t pa,
                  const struct kdump_part *part, const struct page_desc *d, uint8_t *out,
                  struct kvm_err *err) {
    const struct kdump_image *k = img->priv;
    uint64_t pfn = pa >> k->header.block_shift;
    uint8_t *room = out; // of data that is not compressed
    const uint8_t *data;
    if (d->flags && part->file->ops) room = image_scratch(w, k->header.block_size);
    if (!room) return err_nomem(err, "a page");
    int rc = file_view(part->file, d->off, d->len, room, &data, err);
    if (rc) return missing(img, pa, pfn, rc, "data", err);
    if (!d->flags) {
        if (data != out) memcpy(out, data, d->len);
        return 0;
    }
    w->pages_decompressed++;
    rc = codec_decompress(&w->codec, kdump_flags_codec(d->flags), data, d->len, out,
                          k->header.block_size, err);
    if (rc == 0) return 0;
    if (err) {
        err->has_addr = true;
        err->addr = pa;
    }
    return err_prepend(err, rc, "page 0x%llx", (unsigned long long)pfn);
}

// Tells the data of a page from all other data of the image (locate has checked that it lies in the
// file): two descriptors of a damaged file may name the same bytes and other codecs.
static uint64_t key_of(const struct kdump_part *part, const struct page_desc *d) {
    return (part->key + d->off) * CODEC_COUNT + kdump_flags_codec(d->flags);
}

// The same in bulk. Page data stands in the order of the pages, but for pages that share theirs with
// one before them (zeros, mostly): the last one of these is kept, unpacked.
static int unpack_next(const struct image *img, struct image_worker *w, uint64_t pa,
                       const struct kdump_part *part, const struct page_desc *d, uint8_t *out,
                       struct kvm_err *err) {
    const struct kdump_image *k = img->priv;
    uint64_t key = key_of(part, d), at = part->key + d->off;
    if (!d->flags) return unpack(img, w, pa, part, d, out, err);
    if (w->shared && w->shared_key == key && w->shared_len == d->len) {
        memcpy(out, w->shared, k->header.block_size);
        return 0;
    }
    int rc = unpack(img, w, pa, part, d, out, err);
    if (rc) return rc;
    if (at < w->shared_end) {
        if (!w->shared) w->shared = mem_alloc(k->header.block_size);
        if (!w->shared) return err_nomem(err, "a page");
        memcpy(w->shared, out, k->header.block_size);
        w->shared_key = key;
        w->shared_len = d->len;
    } else {
        w->shared_end = at + d->len;
    }
    return 0;
}

// Where the block of a descriptor stands as it is, in one piece.
static bool in_place(const struct kdump_part *part, const struct page_desc *d,
                     struct file_piece *out) {
    return !d->flags && file_piece(part->file, d->off, out, NULL) == 0 && out->len >= d->len;
}

static int find(struct image *img, uint64_t pa, struct image_run *run, struct kvm_err *err) {
    const struct kdump_image *k = img->priv;
    const struct kdump_part *part = NULL;
    struct page_desc d = {0};
    struct file_piece piece;
    struct cache_slot slot;
    uint32_t size = k->header.block_size, in_page = (uint32_t)pa & (size - 1);
    int rc = locate(img, pa, &part, &d, err);
    if (rc || !part) return rc;
    if (!in_place(part, &d, &piece)) {
        uint64_t key = key_of(part, &d);
        if (cache_find(k->cache, key, &slot)) {
            img->worker.pages_cached++;
        } else {
            cache_take(k->cache, key, &slot);
            rc = unpack(img, &img->worker, pa, part, &d, slot.bytes, err);
            if (rc) cache_drop(k->cache, key);
            if (rc) return rc;
        }
        piece = (struct file_piece){slot.bytes, size, slot.stamp, *slot.stamp};
    }
    *run = (struct image_run){piece.at + in_page, size - in_page, piece.stamp, piece.stamp_value};
    return 0;
}

static int copy(struct image *img, struct image_worker *w, uint64_t pa, uint8_t *buf, size_t len,
                size_t *n, struct kvm_err *err) {
    const struct kdump_image *k = img->priv;
    const struct kdump_part *part = NULL;
    struct page_desc d = {0};
    uint32_t size = k->header.block_size, in_page = (uint32_t)pa & (size - 1);
    w->pages_read++;
    int rc = locate(img, pa, &part, &d, err);
    if (rc || !part) return rc;
    *n = size - in_page < len ? size - in_page : len;
    if (*n == size) return unpack_next(img, w, pa, part, &d, buf, err);
    // A part of a block: whole it goes behind what unpack itself needs.
    uint8_t *block = image_scratch(w, 2 * (size_t)size);
    if (!block) return err_nomem(err, "a page");
    rc = unpack(img, w, pa, part, &d, block + size, err);
    if (rc == 0) memcpy(buf, block + size + in_page, *n);
    return rc;
}

static bool next_of(const struct image *img, const uint8_t *a, const uint8_t *b, uint64_t pa,
                    struct image_region *region) {
    const struct kdump_image *k = img->priv;
    uint64_t start, end;
    if (!kdump_index_run(&k->index, a, b, pa >> k->header.block_shift, &start, &end)) return false;
    region->start = start << k->header.block_shift;
    region->end = end << k->header.block_shift;
    return true;
}

static bool next_region(struct image *img, uint64_t pa, struct image_region *region) {
    const struct kdump_image *k = img->priv;
    return next_of(img, k->index.dumped, k->index.dumped, pa, region);
}

static bool next_memory(struct image *img, uint64_t pa, struct image_region *region) {
    const struct kdump_image *k = img->priv;
    return next_of(img, k->index.memory, k->index.dumped, pa, region);
}

const struct image_ops image_kdump = {
    .name = "kdump",
    .sets = true,
    .probe = probe,
    .open = open_image,
    .close = close_image,
    .find = find,
    .copy = copy,
    .next_region = next_region,
    .next_memory = next_memory,
};
