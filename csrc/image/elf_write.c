// SPDX-License-Identifier: BSD-2-Clause
// The writer of ELF cores (image/elf_write.h). In the file: header, program headers, notes, pages. How many segments
// there will be is known only when all pages were read, since some may turn out to be missing: room is left for the
// ones that the list of pages promises and for SPARE more. More than 65,534 are counted in section header 0, which
// stands behind the program headers (PN_XNUM; Linux elf(5)). Checked against fs/proc/vmcore.c of Linux 6.1: the
// kernel's text first, at its own addresses, then all memory, at those of the direct map.
#include "image/elf_write.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "fmt/elf.h"
#include "image/spans.h"
#include "image/write_notes.h"

#include <string.h>

enum {
    EHDR = 64,
    PHDR = 56,
    SHDR = 64,
    PAGE = 4096,
    SPARE = 1024,
    PN_XNUM = 0xffff,
    SEGMENTS_MOST = 1 << 22, // what our own reader takes
    RWX = 7,
};

struct segment {
    uint64_t off, va, pa, filesz, memsz;
};

struct writer {
    const struct write_source *src;
    const struct elf_write_options *opt;
    struct outfile out;
    struct outstream data;
    struct write_notes notes;
    struct spans got; // what is in the file
    uint64_t room;    // for segments
    uint64_t notes_off;
    struct segment *segments;
    size_t count, cap;
    bool big;
};

// --- how many there may be

static void count_region(struct writer *w, const struct image_region *r, uint64_t *runs) {
    uint64_t end = (r->end + PAGE - 1) / PAGE, next = UINT64_MAX, pfn;
    for (uint64_t from = r->start / PAGE;
         from < end && write_next_block(w->src, PAGE, from, &pfn) && pfn < end; from = pfn + 1) {
        if (pfn != next) ++*runs;
        next = pfn + 1;
    }
}

static int plan(struct writer *w, struct kvm_err *err) {
    struct image_region r;
    uint64_t runs = 0, regions = 0;
    for (uint64_t pa = 0; image_next_memory(w->src->img, pa, &r); pa = r.end, regions++) {
        count_region(w, &r, &runs);
        if (r.end == UINT64_MAX) break;
    }
    // Each run is followed by a hole at the most; the text may be cut into as many again.
    w->room = 1 + regions + (w->opt->text ? 2 : 1) * runs + SPARE;
    if (w->room > SEGMENTS_MOST)
        return err_set(err, KVM_UNSUPPORTED,
                       "%llu pieces of memory are too many for an ELF file; kdump can hold them",
                       (unsigned long long)w->room);
    int rc = write_notes_build(&w->notes, w->src, true, err);
    w->notes_off = EHDR + w->room * PHDR + SHDR;
    uint64_t data = (w->notes_off + w->notes.len + PAGE - 1) / PAGE * PAGE;
    outstream_start(&w->data, data);
    return rc;
}

// --- pages

static int put_block(void *ctx, const struct write_block *b, struct kvm_err *err) {
    struct writer *w = ctx;
    uint64_t pa = b->no * PAGE, off = outstream_at(&w->data);
    struct spans *s = &w->got;
    struct span *last = s->count ? &s->v[s->count - 1] : NULL;
    if (last && last->end == pa && last->off + (last->end - last->start) == off)
        last->end = pa + PAGE;
    else if (!spans_add(s, pa, pa + PAGE, off, 0))
        return err_nomem(err, "segments");
    return outstream_put(&w->out, &w->data, b->bytes, b->len, err);
}

// --- segments

static uint64_t virtual_address(const struct elf_write_map *m, uint64_t pa) {
    return m && pa >= m->pa && pa - m->pa < m->len ? m->va + (pa - m->pa) : 0;
}

static int add(struct writer *w, const struct elf_write_map *map, uint64_t pa, uint64_t memsz,
               uint64_t off, uint64_t filesz, struct kvm_err *err) {
    if (w->count + 1 >= w->room) // one is the notes'
        return err_set(err, KVM_UNSUPPORTED,
                       "too many pages are damaged for an ELF file; kdump can do without them");
    if (!mem_grow(&w->segments, &w->cap, w->count + 1, sizeof(*w->segments)))
        return err_nomem(err, "segments");
    w->segments[w->count++] = (struct segment){off, virtual_address(map, pa), pa, filesz, memsz};
    return 0;
}

// Memory [start, end): segments of bytes and the hole behind them.
static int add_memory(struct writer *w, const struct elf_write_map *map, uint64_t start,
                      uint64_t end, struct kvm_err *err) {
    for (uint64_t pa = start; pa < end;) {
        const struct span *s = spans_find(&w->got, pa);
        if (s && s->start >= end) s = NULL;
        if (!s || s->start > pa) { // a hole in front
            uint64_t stop = s ? s->start : end;
            int rc = add(w, map, pa, stop - pa, 0, 0, err);
            if (rc) return rc;
            pa = stop;
            continue;
        }
        uint64_t have = s->end < end ? s->end : end, off = s->off + (pa - s->start);
        const struct span *next = have < end ? spans_find(&w->got, have) : NULL;
        uint64_t stop = next && next->start < end ? next->start : end;
        int rc = add(w, map, pa, stop - pa, off, have - pa, err);
        if (rc) return rc;
        pa = stop;
    }
    return 0;
}

static int make_segments(struct writer *w, struct kvm_err *err) {
    const struct elf_write_map *text = w->opt->text;
    struct image_region r;
    int rc = text ? add_memory(w, text, text->pa, text->pa + text->len, err) : 0;
    for (uint64_t pa = 0; rc == 0 && image_next_memory(w->src->img, pa, &r); pa = r.end) {
        rc = add_memory(w, w->opt->direct, r.start, r.end, err);
        if (r.end == UINT64_MAX) break;
    }
    return rc;
}

// --- headers

static int put_phdr(struct writer *w, uint64_t i, uint32_t type, const struct segment *s,
                    struct kvm_err *err) {
    uint8_t p[PHDR] = {0};
    bytes_put_u32(p, type, w->big);
    bytes_put_u32(p + 4, type == ELF_PT_LOAD ? RWX : 0, w->big);
    bytes_put_u64(p + 8, s->off, w->big);
    bytes_put_u64(p + 16, s->va, w->big);
    bytes_put_u64(p + 24, s->pa, w->big);
    bytes_put_u64(p + 32, s->filesz, w->big);
    bytes_put_u64(p + 40, s->memsz, w->big);
    return outfile_put(&w->out, EHDR + i * PHDR, p, sizeof(p), err);
}

static int put_header(struct writer *w, struct kvm_err *err) {
    uint8_t h[EHDR] = {0x7f, 'E', 'L', 'F', 2, 1, 1}, s[SHDR] = {0};
    uint64_t phnum = w->count + 1, shoff = EHDR + w->room * PHDR;
    bool many = phnum >= PN_XNUM;
    if (w->big) h[5] = 2;
    bytes_put_u16(h + 16, ELF_ET_CORE, w->big);
    bytes_put_u16(h + 18, w->src->img->facts.machine, w->big);
    bytes_put_u32(h + 20, 1, w->big);
    bytes_put_u64(h + 32, EHDR, w->big);
    bytes_put_u32(h + 48, w->src->img->facts.incomplete ? ELF_CORE_INCOMPLETE : 0, w->big);
    bytes_put_u16(h + 52, EHDR, w->big);
    bytes_put_u16(h + 54, PHDR, w->big);
    bytes_put_u16(h + 56, many ? PN_XNUM : (uint16_t)phnum, w->big);
    if (many) {
        bytes_put_u64(h + 40, shoff, w->big);
        bytes_put_u16(h + 58, SHDR, w->big);
        bytes_put_u16(h + 60, 1, w->big);
        bytes_put_u32(s + 44, (uint32_t)phnum, w->big); // sh_info
    }
    int rc = outfile_put(&w->out, shoff, s, sizeof(s), err);
    return rc ? rc : outfile_put(&w->out, 0, h, sizeof(h), err);
}

static int put_headers(struct writer *w, struct kvm_err *err) {
    struct segment notes = {w->notes_off, 0, 0, w->notes.len, w->notes.len};
    int rc = put_phdr(w, 0, ELF_PT_NOTE, &notes, err);
    for (size_t i = 0; rc == 0 && i < w->count; i++)
        rc = put_phdr(w, i + 1, ELF_PT_LOAD, &w->segments[i], err);
    if (rc == 0) rc = outfile_put(&w->out, w->notes_off, w->notes.bytes, w->notes.len, err);
    return rc ? rc : put_header(w, err);
}

static int write_all(struct writer *w, struct write_result *res, struct kvm_err *err) {
    const struct image_facts *f = &w->src->img->facts;
    if (f->machine == 0 || f->elf_class != 2)
        return err_set(err, KVM_UNSUPPORTED, "ELF cores are written for known machines of 64 bits");
    w->big = f->big;
    int rc = plan(w, err);
    if (rc == 0) rc = outfile_open(&w->out, w->opt->path, err);
    if (rc == 0) rc = write_blocks(w->src, PAGE, CODEC_NONE, put_block, w, res, err);
    if (rc == 0) rc = outstream_flush(&w->out, &w->data, err);
    if (rc == 0) rc = make_segments(w, err);
    if (rc == 0) rc = put_headers(w, err);
    if (rc) return rc;
    res->bytes = outstream_at(&w->data);
    return outfile_commit(&w->out, res->bytes, err);
}

int elf_write(const struct write_source *src, const struct elf_write_options *opt,
              struct write_result *res, struct kvm_err *err) {
    struct writer *w = mem_zalloc(sizeof(*w));
    if (!w) return err_nomem(err, "a writer");
    w->src = src;
    w->opt = opt;
    w->out.fd = -1;
    *res = (struct write_result){0};
    int rc = write_all(w, res, err);
    outfile_close(&w->out);
    spans_deinit(&w->got);
    write_notes_deinit(&w->notes);
    mem_free(w->segments);
    mem_free(w);
    return rc;
}
