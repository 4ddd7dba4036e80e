// SPDX-License-Identifier: BSD-2-Clause
// kdump-compressed files (makedumpfile, QEMU's dump-guest-memory after `makedumpfile -R`, crash's
// older "DISKDUMP"), read in place: headers in kdump_header.c, bit maps in kdump_index.c, pages
// here. The layout and what it was checked against are in kdump_format.h. A page that is stored as
// it is points into the file; others are decompressed into a slot of a bounded cache, found by
// their place in the file, so that pages which share their data share the slot. phys_base of the
// sub-header is not used (QEMU 7.2 writes a wrong one). Left out: flattened files, split dumps,
// 32-bit headers, eraseinfo.
#include "image/formats.h"

#include "base/bytes.h"
#include "base/cache.h"
#include "base/mem.h"
#include "fmt/elf.h"
#include "fmt/prstatus.h"
#include "image/kdump_index.h"

#include <stdio.h>
#include <string.h>

enum {
    CACHE_BYTES = 8 << 20,
    CACHE_SLOTS_MIN = 16,
    CODEC_LOOKS = 64,     // descriptors looked at to name the codec
    TAIL_LOOKS = 1 << 16, // descriptors looked at to see whether the file was cut short
};

struct kdump_image {
    struct kdump_header header;
    struct kdump_index index;
    struct cache *cache;
    struct codec codec;
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

// The I-th descriptor. False when it lies behind the end of the file.
static bool read_desc(const struct image *img, uint64_t i, struct page_desc *out) {
    const struct kdump_image *k = img->priv;
    // i < 2^40 frames, so the product does not overflow, nor does the sum.
    const uint8_t *p =
        file_at(img->file, k->header.desc_off + i * KDUMP_DESC_SIZE, KDUMP_DESC_SIZE);
    if (!p) return false;
    out->off = bytes_u64(p + KDUMP_DESC_OFFSET, k->header.big);
    out->len = bytes_u32(p + KDUMP_DESC_LEN, k->header.big);
    out->flags = bytes_u32(p + KDUMP_DESC_FLAGS, k->header.big);
    return true;
}

// Whether page data ends behind the file's end. It is written in the order of the descriptors, but
// pages with the same content (zeros, mostly) point back, so the last descriptor that differs from
// the very last one says it.
static bool is_cut_short(const struct image *img) {
    const struct kdump_image *k = img->priv;
    struct page_desc last, d;
    if (k->index.total == 0) return false;
    if (!read_desc(img, k->index.total - 1, &last)) return true;
    if (!file_at(img->file, last.off, last.len)) return true;
    for (uint64_t i = 2; i <= k->index.total && i <= TAIL_LOOKS; i++) {
        if (!read_desc(img, k->index.total - i, &d)) return true;
        if (d.off != last.off) return !file_at(img->file, d.off, d.len);
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
    const char *uts = (const char *)k->header.utsname;
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

static enum codec_id find_codec(const struct image *img) {
    struct page_desc d;
    for (uint64_t i = 0; i < CODEC_LOOKS && read_desc(img, i, &d); i++) {
        enum codec_id id = kdump_flags_codec(d.flags);
        if (id != CODEC_NONE && id != CODEC_COUNT) return id;
    }
    return CODEC_NONE;
}

static void fill_facts(struct image *img) {
    const struct kdump_image *k = img->priv;
    struct image_facts *facts = &img->facts;
    facts->big = k->header.big;
    facts->incomplete = (k->header.status & KDUMP_STATUS_INCOMPLETE) || is_cut_short(img);
    facts->page_size = k->header.block_size;
    facts->phys_end = k->header.max_mapnr << k->header.block_shift;
    facts->pages = k->index.total;
    find_machine(img);
    enum codec_id codec = find_codec(img);
    snprintf(facts->format, sizeof(facts->format), "%s v%u, %s",
             k->header.diskdump ? "diskdump" : "kdump-compressed", k->header.version,
             codec == CODEC_NONE ? "uncompressed" : codec_name(codec));
}

// Both lie in the sub-header's blocks, in front of the bit maps, which are in the file.
static int read_notes(struct image *img, struct kvm_err *err) {
    const struct kdump_image *k = img->priv;
    const struct kdump_header *h = &k->header;
    struct dump_notes *n = &img->facts.notes;
    n->big = h->big;
    if (h->note_off && h->note_len) {
        const uint8_t *p = file_at(img->file, h->note_off, h->note_len);
        if (!p) return err_set(err, KVM_FORMAT, "the notes lie behind the end of the file");
        int rc = notes_parse(n, p, (size_t)h->note_len, h->big, err);
        if (rc) return err_prepend(err, rc, "notes");
    }
    if (h->vmcoreinfo_off && h->vmcoreinfo_len) {
        const uint8_t *p = file_at(img->file, h->vmcoreinfo_off, h->vmcoreinfo_len);
        if (!p) return err_set(err, KVM_FORMAT, "VMCOREINFO lies behind the end of the file");
        n->vmcoreinfo.text = (const char *)p;
        n->vmcoreinfo.len = (size_t)h->vmcoreinfo_len;
    }
    return 0;
}

static int open_image(struct image *img, struct kvm_err *err) {
    struct kdump_image *k = mem_zalloc(sizeof(*k));
    if (!k) return err_nomem(err, "an image");
    img->priv = k;
    int rc = kdump_header_parse(img->file, &k->header, err);
    if (rc == 0)
        rc = kdump_index_init(&k->index, &k->header, img->file->map + k->header.bitmap_off, err);
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
    codec_deinit(&k->codec);
    kdump_index_deinit(&k->index);
    mem_free(k);
    img->priv = NULL;
}

static int not_there(const struct image *img, uint64_t pa, bool memory, struct kvm_err *err) {
    if (!memory)
        return err_at(err, KVM_FAULT, pa, "no memory at physical address 0x%llx",
                      (unsigned long long)pa);
    return err_at(err, KVM_EXCLUDED, pa, "physical address 0x%llx is not in the dump (%s)",
                  (unsigned long long)pa,
                  img->facts.incomplete ? "filtered out or cut off" : "filtered out");
}

static int damaged(uint64_t pa, uint64_t pfn, int code, const char *what, struct kvm_err *err) {
    return err_at(err, code, pa, "page 0x%llx: %s", (unsigned long long)pfn, what);
}

// The descriptor of a dumped frame, checked, and its data.
static int find_data(struct image *img, uint64_t pa, uint64_t pfn, struct page_desc *d,
                     const uint8_t **data, struct kvm_err *err) {
    const struct kdump_image *k = img->priv;
    bool may_lack = img->facts.incomplete;
    if (!read_desc(img, kdump_index_rank(&k->index, pfn), d))
        return may_lack
                   ? not_there(img, pa, true, err)
                   : damaged(pa, pfn, KVM_FORMAT, "descriptor behind the end of the file", err);
    if (may_lack && d->off == 0 && d->len == 0) return not_there(img, pa, true, err);
    if (kdump_flags_codec(d->flags) == CODEC_COUNT)
        return damaged(pa, pfn, KVM_UNSUPPORTED, "unknown flags in its descriptor", err);
    bool raw = kdump_flags_codec(d->flags) == CODEC_NONE;
    if (d->len == 0 || d->len > k->header.block_size || (raw && d->len != k->header.block_size))
        return damaged(pa, pfn, KVM_FORMAT, "impossible size in its descriptor", err);
    *data = file_at(img->file, d->off, d->len);
    if (*data) return 0;
    return may_lack ? not_there(img, pa, true, err)
                    : damaged(pa, pfn, KVM_FORMAT, "data behind the end of the file", err);
}

static int unpack(struct image *img, uint64_t pa, const struct page_desc *d, const uint8_t *data,
                  uint8_t *out, struct kvm_err *err) {
    struct kdump_image *k = img->priv;
    img->pages_decompressed++;
    int rc = codec_decompress(&k->codec, kdump_flags_codec(d->flags), data, d->len, out,
                              k->header.block_size, err);
    if (rc == 0) return 0;
    if (err) {
        err->has_addr = true;
        err->addr = pa;
    }
    return err_prepend(err, rc, "page 0x%llx", (unsigned long long)(pa >> k->header.block_shift));
}

static int load(struct image *img, uint64_t pa, const struct page_desc *d, const uint8_t *data,
                struct cache_slot *slot, struct kvm_err *err) {
    struct kdump_image *k = img->priv;
    cache_take(k->cache, d->off, slot);
    int rc = unpack(img, pa, d, data, slot->bytes, err);
    if (rc) cache_drop(k->cache, d->off);
    return rc;
}

// The checked descriptor and data of the block that holds pa.
static int locate(struct image *img, uint64_t pa, struct page_desc *d, const uint8_t **data,
                  struct kvm_err *err) {
    const struct kdump_image *k = img->priv;
    uint64_t pfn = pa >> k->header.block_shift;
    if (pfn >= k->index.frames) return not_there(img, pa, false, err);
    if (!kdump_index_bit(k->index.dumped, pfn))
        return not_there(img, pa, kdump_index_bit(k->index.memory, pfn), err);
    return find_data(img, pa, pfn, d, data, err);
}

static int find(struct image *img, uint64_t pa, struct image_run *run, struct kvm_err *err) {
    struct kdump_image *k = img->priv;
    struct page_desc d;
    const uint8_t *data;
    int rc = locate(img, pa, &d, &data, err);
    if (rc) return rc;
    uint32_t in_page = (uint32_t)pa & (k->header.block_size - 1);
    run->len = k->header.block_size - in_page;
    run->stamp = &image_fixed_stamp;
    if (d.flags) {
        struct cache_slot slot;
        if (!cache_find(k->cache, d.off, &slot)) rc = load(img, pa, &d, data, &slot, err);
        if (rc) return rc;
        data = slot.bytes;
        run->stamp = slot.stamp;
    }
    run->host = data + in_page;
    run->stamp_value = *run->stamp;
    return 0;
}

static int read_block(struct image *img, uint64_t pa, uint8_t *buf, size_t len, size_t *n,
                      struct kvm_err *err) {
    struct kdump_image *k = img->priv;
    struct cache_slot slot;
    struct page_desc d;
    const uint8_t *data;
    uint32_t size = k->header.block_size;
    if (len < size || (pa & (size - 1))) return KVM_NOTFOUND;
    int rc = locate(img, pa, &d, &data, err);
    if (rc) return rc;
    *n = size;
    if (!d.flags || cache_find(k->cache, d.off, &slot)) {
        memcpy(buf, d.flags ? slot.bytes : data, size);
        return 0;
    }
    return unpack(img, pa, &d, data, buf, err);
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
    .probe = probe,
    .open = open_image,
    .close = close_image,
    .find = find,
    .read_block = read_block,
    .next_region = next_region,
    .next_memory = next_memory,
};
