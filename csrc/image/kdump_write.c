// SPDX-License-Identifier: BSD-2-Clause
// The writer of kdump-compressed files (image/kdump_write.h), version 6, 64-bit header, little or
// big endian as its source. Three passes: over the list of pages, to know how many descriptors
// there are at the most; over the pages, writing data, descriptors and bit map 2 as they come; over
// the source's memory, for bit map 1. Memory use does not grow with the dump but for the table of
// stored pages (kdump_share.c). Checked by opening what it writes with crash 8.0.2, drgn 0.0.22 and
// makedumpfile 1.7.2. The timestamp's microseconds are left out.
#include "image/kdump_write.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "fmt/elf.h"
#include "image/kdump_format.h"
#include "image/kdump_share.h"
#include "image/outfile.h"
#include "image/write_notes.h"

#include <stdio.h>
#include <string.h>

enum {
    CHUNK_BYTES = 4096, // of a bit map held in memory; a divisor of every block size
};

// 2^34 frames are 64 TB of 4096-byte pages, more than x86-64 machines have had so far.
#define FRAMES_MAX ((uint64_t)1 << 34)

struct writer {
    const struct write_source *source;
    struct image *src; // source->img
    const struct kdump_write_options *opt;
    struct write_result *res;
    struct outfile out;
    struct outstream descs, data;
    struct kdump_share share;
    enum codec_id codec_id;
    bool big;
    uint32_t block_size, block_shift;
    uint64_t frames;
    uint64_t sub_blocks, map_blocks; // map_blocks: of one bit map
    struct write_notes notes;
    uint64_t eraseinfo_off;
    uint64_t desc_max, desc_count;
    uint8_t chunk[CHUNK_BYTES]; // of the bit map being written
    uint64_t chunk_index;
    bool chunk_dirty;
    struct vmcoreinfo eraseinfo; // lines of text as well
};

// --- pages to be written, in blocks

static bool next_block(const struct writer *w, uint64_t from, uint64_t *out) {
    // The list ascends: what comes behind the last frame is no memory of the source.
    return write_next_block(w->source, w->block_size, from, out) && *out < w->frames;
}

// --- bit maps, a chunk at a time; chunks of zeros stay holes in the file

static int chunk_flush(struct writer *w, uint64_t map_off, struct kvm_err *err) {
    int rc = 0;
    if (w->chunk_dirty)
        rc = outfile_put(&w->out, map_off + w->chunk_index * CHUNK_BYTES, w->chunk, CHUNK_BYTES,
                         err);
    memset(w->chunk, 0, CHUNK_BYTES);
    w->chunk_dirty = false;
    return rc;
}

static int set_bit(struct writer *w, uint64_t map_off, uint64_t pfn, struct kvm_err *err) {
    uint64_t index = pfn / 8 / CHUNK_BYTES;
    if (index != w->chunk_index) {
        int rc = chunk_flush(w, map_off, err);
        if (rc) return rc;
        w->chunk_index = index;
    }
    w->chunk[pfn / 8 % CHUNK_BYTES] |= (uint8_t)(1u << (pfn % 8));
    w->chunk_dirty = true;
    return 0;
}

static uint64_t map_offset(const struct writer *w, int map) {
    return (1 + w->sub_blocks + (map == 2 ? w->map_blocks : 0)) * w->block_size;
}

static int write_memory_map(struct writer *w, struct kvm_err *err) {
    struct image_region r;
    uint64_t done = 0; // blocks: regions may touch within one
    w->chunk_index = 0;
    for (uint64_t pa = 0; image_next_memory(w->src, pa, &r); pa = r.end) {
        uint64_t last = (r.end - 1) >> w->block_shift;
        uint64_t pfn = r.start >> w->block_shift;
        if (pfn < done) pfn = done;
        for (; pfn <= last; pfn++) {
            int rc = set_bit(w, map_offset(w, 1), pfn, err);
            if (rc) return rc;
        }
        done = last + 1;
    }
    return chunk_flush(w, map_offset(w, 1), err);
}

// --- one page

static int put_desc(struct writer *w, const struct kdump_stored *s, struct kvm_err *err) {
    uint8_t d[KDUMP_DESC_SIZE] = {0};
    bytes_put_u64(d + KDUMP_DESC_OFFSET, s->off, w->big);
    bytes_put_u32(d + KDUMP_DESC_LEN, s->len, w->big);
    bytes_put_u32(d + KDUMP_DESC_FLAGS, s->flags, w->big);
    return outstream_put(&w->out, &w->descs, d, sizeof(d), err);
}

// Fills *s with what is already stored with the same bytes, or stores them.
static int store(struct writer *w, const uint8_t *bytes, struct kdump_stored *s,
                 struct kvm_err *err) {
    bool found;
    int rc = kdump_share_find(&w->share, &w->out, &w->data, bytes, s, &found, err);
    if (rc) return rc;
    if (found) {
        w->res->shared++;
        return 0;
    }
    s->off = outstream_at(&w->data);
    rc = outstream_put(&w->out, &w->data, bytes, s->len, err);
    if (rc == 0) rc = kdump_share_add(&w->share, s, err);
    return rc;
}

static int put_block(void *ctx, const struct write_block *b, struct kvm_err *err) {
    struct writer *w = ctx;
    struct kdump_stored s = {.len = b->len, .flags = kdump_codec_flags(b->codec)};
    if (b->no >= w->frames) return 0;
    if (++w->desc_count > w->desc_max)
        return err_set(err, KVM_INVAL, "the list of pages grew while it was written");
    int rc = store(w, b->bytes, &s, err);
    if (rc == 0) rc = put_desc(w, &s, err);
    if (rc == 0) rc = set_bit(w, map_offset(w, 2), b->no, err);
    return rc;
}

static int write_pages(struct writer *w, struct kvm_err *err) {
    w->chunk_index = 0;
    int rc = write_blocks(w->source, w->block_size, w->codec_id, put_block, w, w->res, err);
    if (rc == 0) rc = chunk_flush(w, map_offset(w, 2), err);
    if (rc == 0) rc = outstream_flush(&w->out, &w->descs, err);
    if (rc == 0) rc = outstream_flush(&w->out, &w->data, err);
    return rc;
}

// --- headers

static const char *machine_name(uint16_t machine) {
    switch (machine) {
    case ELF_EM_X86_64: return "x86_64";
    case ELF_EM_AARCH64: return "aarch64";
    case ELF_EM_S390: return "s390x";
    case ELF_EM_RISCV: return "riscv64";
    case ELF_EM_LOONGARCH: return "loongarch64";
    default: return NULL;
    }
}

static void put_name(uint8_t *header, int field, const char *s) {
    uint8_t *to = header + KDUMP_UTSNAME + field * IMAGE_UTSNAME_FIELD;
    memset(to, 0, IMAGE_UTSNAME_FIELD);
    snprintf((char *)to, IMAGE_UTSNAME_FIELD, "%.*s", IMAGE_UTSNAME_FIELD - 1, s);
}

static int put_utsname(const struct writer *w, uint8_t *header, struct kvm_err *err) {
    const struct kdump_write_options *opt = w->opt;
    const struct image_facts *facts = &w->src->facts;
    if (facts->utsname) {
        for (int i = 0; i < 6; i++)
            put_name(header, i, facts->utsname + i * IMAGE_UTSNAME_FIELD);
    } else {
        char release[IMAGE_UTSNAME_FIELD] = "unknown";
        vmcoreinfo_string(&facts->notes.vmcoreinfo, "OSRELEASE", release, sizeof(release));
        const char *machine = machine_name(facts->machine);
        if (!machine && !opt->machine)
            return err_set(err, KVM_UNSUPPORTED, "the machine of the dump is not known");
        put_name(header, 0, "Linux");
        put_name(header, 2, release);
        put_name(header, 3, "unknown");
        put_name(header, 4, machine ? machine : opt->machine);
    }
    if (opt->nodename) put_name(header, 1, opt->nodename);
    if (opt->release) put_name(header, 2, opt->release);
    if (opt->version) put_name(header, 3, opt->version);
    if (opt->machine) put_name(header, 4, opt->machine);
    return 0;
}

static int write_header(struct writer *w, struct kvm_err *err) {
    uint8_t h[KDUMP_HEADER_SIZE] = {0};
    const struct dump_notes *n = &w->src->facts.notes;
    static const uint8_t signature[] = {'K', 'D', 'U', 'M', 'P', ' ', ' ', ' '};
    memcpy(h, signature, sizeof(signature));
    bytes_put_u32(h + KDUMP_VERSION, KDUMP_VERSION_MAX, w->big);
    int rc = put_utsname(w, h, err);
    if (rc) return rc;
    int64_t crash_time;
    if (vmcoreinfo_number(&n->vmcoreinfo, "CRASHTIME", &crash_time))
        bytes_put_u64(h + KDUMP_TIMESTAMP, (uint64_t)crash_time, w->big);
    uint32_t incomplete = w->src->facts.incomplete ? KDUMP_STATUS_INCOMPLETE : 0;
    bytes_put_u32(h + KDUMP_STATUS, kdump_codec_flags(w->codec_id) | incomplete, w->big);
    bytes_put_u32(h + KDUMP_BLOCK_SIZE, w->block_size, w->big);
    bytes_put_u32(h + KDUMP_SUB_HDR_SIZE, (uint32_t)w->sub_blocks, w->big);
    bytes_put_u32(h + KDUMP_BITMAP_BLOCKS, (uint32_t)(2 * w->map_blocks), w->big);
    bytes_put_u32(h + KDUMP_MAX_MAPNR, w->frames > UINT32_MAX ? UINT32_MAX : (uint32_t)w->frames,
                  w->big);
    // crash warns of a file without CPUs.
    bytes_put_u32(h + KDUMP_NR_CPUS, n->prstatus_count ? (uint32_t)n->prstatus_count : 1, w->big);
    return outfile_put(&w->out, 0, h, sizeof(h), err);
}

static int write_sub_header(struct writer *w, struct kvm_err *err) {
    uint8_t s[KDUMP_SUB_SIZE] = {0};
    int64_t phys_base = 0;
    vmcoreinfo_number(&w->src->facts.notes.vmcoreinfo, "NUMBER(phys_base)", &phys_base);
    bytes_put_u64(s + KDUMP_SUB_PHYS_BASE, (uint64_t)phys_base, w->big);
    bytes_put_u32(s + KDUMP_SUB_DUMP_LEVEL, w->opt->dump_level, w->big);
    uint64_t notes_off = w->block_size + KDUMP_SUB_SIZE;
    if (w->notes.vmcoreinfo_len) {
        bytes_put_u64(s + KDUMP_SUB_VMCOREINFO, notes_off + w->notes.vmcoreinfo_off, w->big);
        bytes_put_u64(s + KDUMP_SUB_VMCOREINFO + 8, w->notes.vmcoreinfo_len, w->big);
    }
    if (w->notes.len) {
        bytes_put_u64(s + KDUMP_SUB_NOTE, notes_off, w->big);
        bytes_put_u64(s + KDUMP_SUB_NOTE + 8, w->notes.len, w->big);
    }
    if (w->eraseinfo.len) {
        bytes_put_u64(s + KDUMP_SUB_ERASEINFO, w->eraseinfo_off, w->big);
        bytes_put_u64(s + KDUMP_SUB_ERASEINFO + 8, w->eraseinfo.len, w->big);
    }
    bytes_put_u64(s + KDUMP_SUB_MAX_MAPNR, w->frames, w->big);
    return outfile_put(&w->out, w->block_size, s, sizeof(s), err);
}

// --- the whole

// Behind the sub-header: the notes, then the list of what was erased.
static int layout_sub_header(struct writer *w, struct kvm_err *err) {
    int rc = write_notes_build(&w->notes, w->source, false, err);
    w->eraseinfo_off = w->block_size + KDUMP_SUB_SIZE + w->notes.len;
    uint64_t size = KDUMP_SUB_SIZE + w->notes.len + w->eraseinfo.len;
    w->sub_blocks = (size + w->block_size - 1) / w->block_size;
    return rc;
}

static int prepare(struct writer *w, struct kvm_err *err) {
    const struct kdump_write_options *opt = w->opt;
    w->big = w->src->facts.big;
    w->block_size = opt->block_size ? opt->block_size : KDUMP_BLOCK_MIN;
    if (w->block_size < KDUMP_BLOCK_MIN || w->block_size > KDUMP_BLOCK_MAX ||
        (w->block_size & (w->block_size - 1)))
        return err_set(err, KVM_INVAL, "blocks of %u bytes", w->block_size);
    w->block_shift = (uint32_t)__builtin_ctz(w->block_size);
    w->codec_id = opt->codec != CODEC_NONE         ? opt->codec
                  : opt->uncompressed              ? CODEC_NONE
                  : codec_can_compress(CODEC_ZSTD) ? CODEC_ZSTD
                                                   : CODEC_ZLIB;
    if (w->codec_id != CODEC_NONE && !codec_can_compress(w->codec_id))
        return err_set(err, KVM_UNSUPPORTED, "%s: this build has no such codec",
                       codec_name(w->codec_id));
    uint64_t end = w->src->facts.phys_end;
    w->frames = (end >> w->block_shift) + ((end & (w->block_size - 1)) != 0);
    if (w->frames == 0 || w->frames > FRAMES_MAX)
        return err_set(err, KVM_UNSUPPORTED, "memory up to 0x%llx", (unsigned long long)end);
    w->map_blocks = ((w->frames + 7) / 8 + w->block_size - 1) / w->block_size;
    int rc = layout_sub_header(w, err);
    if (rc) return rc;
    uint64_t pfn;
    for (uint64_t from = 0; next_block(w, from, &pfn); from = pfn + 1)
        w->desc_max++;
    uint64_t descs = (1 + w->sub_blocks + 2 * w->map_blocks) * w->block_size;
    outstream_start(&w->descs, descs);
    outstream_start(&w->data, descs + w->desc_max * KDUMP_DESC_SIZE);
    return 0;
}

static int write_all(struct writer *w, struct kvm_err *err) {
    int rc = prepare(w, err);
    if (rc == 0) rc = outfile_open(&w->out, w->opt->path, err);
    if (rc == 0) rc = write_header(w, err);
    if (rc == 0) rc = write_sub_header(w, err);
    if (rc == 0)
        rc =
            outfile_put(&w->out, w->block_size + KDUMP_SUB_SIZE, w->notes.bytes, w->notes.len, err);
    if (rc == 0)
        rc = outfile_put(&w->out, w->eraseinfo_off, w->eraseinfo.text, w->eraseinfo.len, err);
    if (rc == 0) rc = write_pages(w, err);
    if (rc == 0) rc = write_memory_map(w, err);
    if (rc) return rc;
    w->res->bytes = outstream_at(&w->data);
    return outfile_commit(&w->out, w->res->bytes, err);
}

int kdump_write(const struct write_source *src, const struct kdump_write_options *opt,
                struct write_result *res, struct kvm_err *err) {
    struct write_result unasked = {0};
    struct writer *w = mem_zalloc(sizeof(*w));
    if (!w) return err_nomem(err, "a writer");
    w->source = src;
    w->src = src->img;
    w->opt = opt;
    w->res = res ? res : &unasked;
    *w->res = (struct write_result){0};
    w->out.fd = -1;
    w->eraseinfo = write_eraseinfo(src);
    int rc = write_all(w, err);
    outfile_close(&w->out);
    kdump_share_deinit(&w->share);
    write_notes_deinit(&w->notes);
    mem_free(w);
    return rc;
}
