// SPDX-License-Identifier: BSD-2-Clause
// Saving (session/save.h): what is left out is marked in a bit map first (kinds of pages by the os layer, pages of
// zeros by reading all), what is erased goes to an overlay of its own, then a writer of the image layer asks for the
// rest.
#include "session/save.h"

#include "base/mem.h"
#include "image/elf_write.h"
#include "image/formats.h"
#include "image/kdump_write.h"
#include "image/raw_write.h"
#include "session/overlay.h"
#include "session/phys.h"

#include <string.h>

enum { PAGE = OVERLAY_PAGE_SIZE, LEVEL_ANY = 31 };

// makedumpfile's -d: what a reader may take a missing page for.
static const struct {
    uint32_t kind, level;
} levels[] = {
    {SAVE_WITHOUT_ZERO, 1}, {OS_PAGE_CACHE, 2 | 4}, {OS_PAGE_USER, 8}, {OS_PAGE_FREE, 16}};

struct saving {
    kvm_t *kd;
    const struct session_save *save;
    struct session_saved *out;
    struct image_trace *without;    // bits of pages that are left out; NULL: none
    struct session_overlay *erased; // NULL: none
    struct write_source source;
    struct image_region region; // that the list of pages stands in
    uint64_t next_without;      // the first such page >= the last one asked for
    uint64_t asked;
    char *record;
};

// --- the list of pages

static bool left_out(struct saving *s, uint64_t pfn) {
    if (!s->without) return false;
    if (pfn < s->asked || pfn > s->next_without) {
        if (!image_trace_next(s->without, pfn, &s->next_without)) s->next_without = UINT64_MAX;
    }
    s->asked = pfn;
    return s->next_without == pfn;
}

static bool next_page(void *ctx, uint64_t from, uint64_t *pfn) {
    struct saving *s = ctx;
    struct image_region *r = &s->region;
    for (uint64_t at = from; at <= UINT64_MAX / PAGE; at++) {
        if (at * PAGE < r->start || at * PAGE >= r->end) {
            if (!image_next_region(s->kd->image, at * PAGE, r)) {
                *r = (struct image_region){0};
                return false;
            }
            if (at < r->start / PAGE) at = r->start / PAGE;
        }
        if (left_out(s, at)) continue;
        *pfn = at;
        return true;
    }
    return false;
}

static int copy(void *ctx, struct image_worker *w, uint64_t pa, void *buf, size_t len, size_t *done,
                struct kvm_err *err) {
    const struct saving *s = ctx;
    uint8_t *to = buf;
    for (*done = 0; *done < len;) {
        uint64_t at = pa + *done, off = at % PAGE;
        size_t n = PAGE - off < len - *done ? (size_t)(PAGE - off) : len - *done, got = n;
        const uint8_t *page = s->erased ? overlay_find(s->erased, at / PAGE) : NULL;
        if (!page && s->kd->overlay) page = overlay_find(s->kd->overlay, at / PAGE);
        if (!page) {
            int rc = image_copy_by(s->kd->image, w, at, to + *done, n, &got, err);
            *done += got;
            if (rc) return rc;
            continue;
        }
        memcpy(to + *done, page + off, n);
        *done += n;
    }
    return 0;
}

// --- what is left out

static int mark(struct saving *s, uint64_t start, uint64_t end, struct kvm_err *err) {
    return image_trace_mark(s->without, start, end - start, err);
}

struct marking {
    struct saving *s;
    struct kvm_err *err;
};

// How many pages of [start, end) the image has.
static uint64_t count_pages(const struct saving *s, uint64_t start, uint64_t end) {
    struct image_region r;
    uint64_t n = 0;
    for (uint64_t at = start; at < end && image_next_region(s->kd->image, at, &r); at = r.end) {
        if (r.start >= end) break;
        if (r.start > at) at = r.start;
        n += ((r.end < end ? r.end : end) - at + PAGE - 1) / PAGE;
    }
    return n;
}

static int mark_kind(void *ctx, uint64_t start, uint64_t end, enum os_page_kind kind) {
    const struct marking *m = ctx;
    if (kind == OS_PAGE_UNTOLD) m->s->out->untold += count_pages(m->s, start, end);
    return kind & m->s->save->without ? mark(m->s, start, end, m->err) : 0;
}

static int mark_kinds(struct saving *s, struct kvm_err *err) {
    struct marking m = {s, err};
    uint32_t kinds = s->save->without & (OS_PAGE_CACHE | OS_PAGE_USER | OS_PAGE_FREE);
    if (!kinds) return 0;
    if (!s->kd->os.ops->each_page)
        return err_set(err, KVM_UNSUPPORTED, "what the pages of this kernel hold is not known");
    int rc = s->kd->os.ops->each_page(&s->kd->os, mark_kind, &m, err);
    if (rc) return err_prepend(err, rc, "what the pages hold");
    if (!s->save->strict || s->out->untold == 0) return 0;
    return err_set(err, KVM_EXCLUDED,
                   "can't tell what %llu pages hold: their struct pages can't be read",
                   (unsigned long long)s->out->untold);
}

static int mark_zero(void *ctx, const struct write_block *b, struct kvm_err *err) {
    struct saving *s = ctx;
    if (b->bytes[0] || memcmp(b->bytes, b->bytes + 1, b->len - 1) != 0) return 0;
    return mark(s, b->no * PAGE, (b->no + 1) * PAGE, err);
}

static int mark_zeros(struct saving *s, struct kvm_err *err) {
    struct write_result unused = {0};
    if (!(s->save->without & SAVE_WITHOUT_ZERO)) return 0;
    // Marks only what lies behind: the list of pages that is being asked for does not change.
    return write_blocks(&s->source, PAGE, CODEC_NONE, mark_zero, s, &unused, err);
}

static uint64_t count_without(struct saving *s) {
    struct image_region r;
    uint64_t n = 0, pfn;
    for (uint64_t pa = 0; image_next_region(s->kd->image, pa, &r); pa = r.end) {
        uint64_t at = r.start / PAGE;
        for (; image_trace_next(s->without, at, &pfn) && pfn < r.end / PAGE; at = pfn + 1)
            n++;
    }
    return n;
}

static int leave_out(struct saving *s, struct kvm_err *err) {
    if (!s->save->without) return 0;
    int rc = image_trace_create(&s->without, err);
    if (rc == 0) rc = mark_kinds(s, err);
    if (rc == 0) rc = mark_zeros(s, err);
    s->asked = UINT64_MAX; // what was looked up before all was marked
    if (rc == 0) s->out->without = count_without(s);
    return rc;
}

// --- what is erased

static int erase_piece(struct saving *s, uint64_t pa, size_t len, uint8_t fill,
                       struct kvm_err *err) {
    uint64_t pfn = pa / PAGE;
    uint8_t *page = overlay_find(s->erased, pfn), old[PAGE];
    if (!page) {
        size_t done;
        int rc = phys_copy(s->kd, pfn * PAGE, old, PAGE, &done, err);
        if (rc) return rc;
        page = overlay_add(s->erased, pfn);
        if (!page) return err_nomem(err, "what is erased");
        memcpy(page, old, PAGE);
    }
    memset(page + pa % PAGE, fill, len);
    s->out->erased += len;
    return 0;
}

static int erase(struct saving *s, const struct session_erase *e, struct kvm_err *err) {
    struct session_space kernel = {.kind = SPACE_KERNEL};
    uint64_t end;
    if (!mem_add(e->addr, e->len, &end))
        return err_at(err, KVM_INVAL, e->addr, "the range wraps around");
    for (uint64_t at = e->addr; at < end;) {
        uint64_t left = PAGE - at % PAGE;
        size_t n = end - at < left ? (size_t)(end - at) : (size_t)left;
        struct mmu_page page;
        int rc = session_translate(s->kd, kernel, at, &page, err);
        if (rc == 0) {
            rc = erase_piece(s, page.pa, n, e->fill, err);
            if (rc == KVM_EXCLUDED) rc = 0; // what is not in the dump need not be erased
        }
        if (rc) return err_prepend(err, rc, "erase 0x%llx", (unsigned long long)at);
        at += n;
    }
    return 0;
}

static int erase_all(struct saving *s, struct kvm_err *err) {
    if (!s->save->erase_count) return 0;
    s->erased = overlay_create();
    if (!s->erased) return err_nomem(err, "what is erased");
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < s->save->erase_count; i++)
        rc = erase(s, &s->save->erase[i], err);
    return rc;
}

// What earlier writers have recorded stays.
static int make_record(struct saving *s, struct kvm_err *err) {
    const struct image_facts *f = &s->kd->image->facts;
    const char *record = s->save->record;
    if (!record) return 0;
    size_t before = f->eraseinfo ? strnlen(f->eraseinfo, f->eraseinfo_len) : 0,
           len = strlen(record);
    s->record = mem_alloc(before + len + 1);
    if (!s->record) return err_nomem(err, "what is erased");
    if (before) memcpy(s->record, f->eraseinfo, before);
    memcpy(s->record + before, record, len + 1);
    s->source.eraseinfo = s->record;
    s->source.eraseinfo_len = before + len;
    return 0;
}

// --- the writers

// Whether memory existed that the image does not have.
static bool lacks_pages(const kvm_t *kd) {
    struct image_region m, d;
    for (uint64_t pa = 0; image_next_memory(kd->image, pa, &m); pa = m.end) {
        for (uint64_t at = m.start; at < m.end; at = d.end)
            if (!image_next_region(kd->image, at, &d) || d.start > at) return true;
    }
    return false;
}

static int write_kdump(struct saving *s, struct kvm_err *err) {
    const struct os_facts *f = &s->kd->os.facts;
    struct kdump_write_options opt = {
        .path = s->save->path,
        .codec = s->save->codec,
        .uncompressed = s->save->uncompressed,
        .dump_level = lacks_pages(s->kd) ? LEVEL_ANY : 0,
        .block_size = f->page_size,
        .release = f->release[0] ? f->release : NULL,
        .machine = f->machine[0] ? f->machine : NULL,
    };
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
        if (s->save->without & levels[i].kind) opt.dump_level |= levels[i].level;
    return kdump_write(&s->source, &opt, &s->out->written, err);
}

static bool symbol_value(kvm_t *kd, const char *name, uint64_t *out) {
    return symtab_value(kd->os.symbols, name, out, NULL) == 0;
}

// The kernel's text, data and bss where they are mapped in one piece.
static bool text_map(kvm_t *kd, struct elf_write_map *m) {
    struct session_space kernel = {.kind = SPACE_KERNEL};
    struct mmu_page first, last;
    uint64_t start, end;
    if (!symbol_value(kd, "_text", &start) || !symbol_value(kd, "_end", &end) || end <= start)
        return false;
    if (session_translate(kd, kernel, start, &first, NULL) ||
        session_translate(kd, kernel, end - 1, &last, NULL) ||
        last.pa - first.pa != end - 1 - start)
        return false;
    *m = (struct elf_write_map){first.pa, end - start, start};
    return true;
}

static int write_elf(struct saving *s, struct kvm_err *err) {
    struct elf_write_map direct, text;
    struct elf_write_options opt = {.path = s->save->path};
    uint64_t start, end;
    const struct os *os = &s->kd->os;
    if (os->ops->direct_map && os->ops->direct_map(&s->kd->os, &start, &end) == 0) {
        direct = (struct elf_write_map){0, end - start, start};
        opt.direct = &direct;
    }
    if (text_map(s->kd, &text)) opt.text = &text;
    return elf_write(&s->source, &opt, &s->out->written, err);
}

static int write_raw(struct saving *s, struct kvm_err *err) {
    if (s->save->record)
        return err_set(err, KVM_UNSUPPORTED,
                       "raw memory has no place to record what was erased: take kdump or elf");
    if (!s->save->fill && (s->save->without || lacks_pages(s->kd)))
        return err_set(err, KVM_UNSUPPORTED,
                       "pages are missing, which raw memory can't tell from zeros: take kdump or "
                       "elf, or ask for "
                       "them to be filled with zeros");
    return raw_write(&s->source, s->save->path, &s->out->written, err);
}

static int (*const writers[])(struct saving *s, struct kvm_err *err) = {
    [SAVE_KDUMP] = write_kdump, [SAVE_ELF] = write_elf, [SAVE_RAW] = write_raw};

int session_save(kvm_t *kd, const struct session_save *save, struct session_saved *out,
                 struct kvm_err *err) {
    struct saving s = {.kd = kd, .save = save, .out = out, .asked = UINT64_MAX};
    *out = (struct session_saved){0};
    if (kd->image->facts.no_memory)
        return err_set(err, KVM_INVAL, "%s has no memory", kd->image->file->path);
    s.source = (struct write_source){.img = kd->image,
                                     .next = next_page,
                                     .next_ctx = &s,
                                     .copy = copy,
                                     .copy_ctx = &s,
                                     .progress = save->progress,
                                     .threads = save->threads};
    int rc = make_record(&s, err);
    if (rc == 0) rc = leave_out(&s, err);
    if (rc == 0) rc = erase_all(&s, err);
    if (rc == 0) rc = writers[save->format](&s, err);
    image_trace_destroy(s.without);
    overlay_destroy(s.erased);
    mem_free(s.record);
    return rc;
}
