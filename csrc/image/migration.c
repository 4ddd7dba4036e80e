// SPDX-License-Identifier: BSD-2-Clause
// QEMU migration streams as memory: `migrate exec:cat`, `virsh save` (fmt/libvirt_save.c), `savevm` to a file. The list of
// where each page stands (the last copy counts) takes 8 bytes a page, in pieces of 16 MB of memory that are made as they
// are met. Where RAM lies in the machine the stream does not say: it follows from the machine's type, by QEMU's rules
// for PCs (7.2, hw/i386/pc_piix.c pc_init1, pc_q35.c pc_q35_init: below 4 GB up to 3 GB, q35 2 GB, once it does not fit
// below 3.5, 2.75 GB), as long as max-ram-below-4g was not used. Other machines are refused. The state of the CPUs is not read.
#include "image/formats.h"

#include "base/mem.h"
#include "fmt/elf.h"
#include "image/migration_stream.h"

#include <stdio.h>
#include <string.h>

enum {
    PAGE = MIGRATION_PAGE,
    CHUNK = 4096, // pages in a piece of the list
    ABSENT = 0,
    ZERO = 1 // no page's bytes stand at byte 1
};

#define GIB         ((uint64_t)1 << 30)
#define RAM_MOST    (1000 * GIB) // with more, AMD's machines have another hole
#define ABOVE_START (4 * GIB)

static const struct machine {
    const char *prefix;
    uint64_t fits, low; // RAM below FITS lies in one piece; else LOW of it below 4 GB
} machines[] = {
    {"pc-q35-", 0xb0000000, 0x80000000},
    {"pc-", 0xe0000000, 0xc0000000},
};

struct migration {
    const struct machine *machine;
    char name[64];
    uint64_t size; // of RAM
    uint64_t low;  // bytes of it below 4 GB
    uint64_t **chunks;
    uint64_t seen; // pages
};

static const uint8_t zeros[PAGE];

static int probe(const struct file *f, struct kvm_err *err) {
    (void)err;
    return migration_magic(f) ? IMAGE_MATCH : IMAGE_NOMATCH;
}

// --- the list of pages

static int on_machine(void *ctx, const char *name, struct kvm_err *err) {
    struct migration *m = ctx;
    (void)err;
    snprintf(m->name, sizeof(m->name), "%.63s", name);
    for (size_t i = 0; !m->machine && i < sizeof(machines) / sizeof(machines[0]); i++)
        if (strncmp(name, machines[i].prefix, strlen(machines[i].prefix)) == 0)
            m->machine = &machines[i];
    return 0;
}

static int on_block(void *ctx, const char *name, uint64_t size, struct kvm_err *err) {
    struct migration *m = ctx;
    if (strcmp(name, "pc.ram") != 0) return 0; // video memory, ROMs
    if (!m->machine)
        return err_set(err, KVM_UNSUPPORTED, "where machine \"%s\" has its memory is not known",
                       m->name);
    if (m->chunks || size % PAGE || size > RAM_MOST)
        return err_set(err, KVM_UNSUPPORTED, "memory of %llu bytes", (unsigned long long)size);
    m->size = size;
    m->low = size >= m->machine->fits ? m->machine->low : size;
    m->chunks = mem_array((size_t)((size / PAGE + CHUNK - 1) / CHUNK), sizeof(*m->chunks));
    return m->chunks ? 0 : err_nomem(err, "the list of pages");
}

static int on_page(void *ctx, const char *block, uint64_t at, bool zero, uint64_t off,
                   struct kvm_err *err) {
    struct migration *m = ctx;
    if (strcmp(block, "pc.ram") != 0) return 0;
    if (at >= m->size)
        return err_set(err, KVM_FORMAT, "a page at 0x%llx of 0x%llx bytes", (unsigned long long)at,
                       (unsigned long long)m->size);
    uint64_t **chunk = &m->chunks[at / PAGE / CHUNK];
    if (!*chunk) *chunk = mem_array(CHUNK, sizeof(**chunk));
    if (!*chunk) return err_nomem(err, "the list of pages");
    uint64_t *entry = &(*chunk)[at / PAGE % CHUNK];
    if (*entry == ABSENT) m->seen++;
    *entry = zero ? ZERO : off;
    return 0;
}

static int open_image(struct image *img, struct kvm_err *err) {
    struct migration *m = mem_zalloc(sizeof(*m));
    if (!m) return err_nomem(err, "an image");
    img->priv = m;
    struct migration_visitor v = {m, on_machine, on_block, on_page};
    struct image_facts *f = &img->facts;
    bool cut = false;
    int rc = migration_read(img->file, &v, img->progress, &cut, err);
    if (rc) return rc;
    if (!m->chunks) return err_set(err, KVM_FORMAT, "no block \"pc.ram\" in it");
    if (cut) f->incomplete = true;
    f->machine = ELF_EM_X86_64;
    f->elf_class = 2;
    f->page_size = PAGE;
    f->pages = m->seen;
    f->phys_end = m->low < m->size ? ABOVE_START + (m->size - m->low) : m->size;
    snprintf(f->format, sizeof(f->format), "QEMU migration stream, %s", m->name);
    return 0;
}

static void close_image(struct image *img) {
    struct migration *m = img->priv;
    if (!m) return;
    for (uint64_t i = 0; m->chunks && i < (m->size / PAGE + CHUNK - 1) / CHUNK; i++)
        mem_free(m->chunks[i]);
    mem_free(m->chunks);
    mem_free(m);
    img->priv = NULL;
}

// --- pages

// Where in RAM a physical address is. False: nowhere.
static bool ram_of(const struct migration *m, uint64_t pa, uint64_t *out) {
    if (pa < m->low) {
        *out = pa;
        return true;
    }
    if (pa < ABOVE_START || pa - ABOVE_START >= m->size - m->low) return false;
    *out = m->low + (pa - ABOVE_START);
    return true;
}

static uint64_t entry_of(const struct migration *m, uint64_t ram) {
    const uint64_t *chunk = m->chunks[ram / PAGE / CHUNK];
    return chunk ? chunk[ram / PAGE % CHUNK] : ABSENT;
}

static int page_at(const struct image *img, uint64_t pa, uint64_t *entry, struct kvm_err *err) {
    uint64_t ram;
    bool memory = ram_of(img->priv, pa, &ram);
    *entry = memory ? entry_of(img->priv, ram) : ABSENT;
    return *entry == ABSENT ? image_not_there(img, pa, memory, err) : 0;
}

static int find(struct image *img, uint64_t pa, struct image_run *run, struct kvm_err *err) {
    uint64_t entry, in = pa % PAGE;
    int rc = page_at(img, pa, &entry, err);
    if (rc) return rc;
    *run = (struct image_run){zeros + in, PAGE - in, &file_fixed_stamp, file_fixed_stamp};
    if (entry == ZERO) return 0;
    struct file_piece p;
    rc = file_piece(img->file, entry + in, &p, err);
    if (rc) return rc;
    *run = (struct image_run){p.at, p.len < PAGE - in ? p.len : PAGE - in, p.stamp, p.stamp_value};
    return 0;
}

static int copy(struct image *img, struct image_worker *w, uint64_t pa, uint8_t *buf, size_t len,
                size_t *n, struct kvm_err *err) {
    uint64_t entry, in = pa % PAGE;
    w->pages_read++;
    int rc = page_at(img, pa, &entry, err);
    if (rc) return rc;
    *n = PAGE - in < len ? (size_t)(PAGE - in) : len;
    if (entry != ZERO) return file_read(img->file, entry + in, buf, *n, err);
    memset(buf, 0, *n);
    return 0;
}

// The pieces of physical memory: below 4 GB, above.
static bool piece_of(const struct migration *m, uint64_t pa, struct image_region *r) {
    if (pa < m->low) {
        *r = (struct image_region){0, m->low};
        return true;
    }
    *r = (struct image_region){ABOVE_START, ABOVE_START + (m->size - m->low)};
    return m->low < m->size && pa < r->end;
}

static bool next_memory(struct image *img, uint64_t pa, struct image_region *region) {
    return piece_of(img->priv, pa, region);
}

// The first page >= pa within a piece that is (WANT) or is not in the stream; the piece's end when there is none.
static uint64_t seek(const struct migration *m, uint64_t pa, uint64_t end, bool want) {
    uint64_t ram = 0, pages;
    for (pa -= pa % PAGE; pa < end; pa += pages * PAGE) {
        ram_of(m, pa, &ram);
        if ((entry_of(m, ram) != ABSENT) == want) return pa;
        // A stream may name far more memory than it has pages of.
        pages = m->chunks[ram / PAGE / CHUNK] ? 1 : CHUNK - ram / PAGE % CHUNK;
    }
    return end;
}

static bool next_region(struct image *img, uint64_t pa, struct image_region *region) {
    const struct migration *m = img->priv;
    struct image_region piece;
    for (; piece_of(m, pa, &piece); pa = piece.end) {
        uint64_t from = pa > piece.start ? pa : piece.start;
        region->start = seek(m, from, piece.end, true);
        if (region->start >= piece.end) continue;
        region->end = seek(m, region->start, piece.end, false);
        return true;
    }
    return false;
}

const struct image_ops image_migration = {
    .name = "QEMU migration stream",
    .probe = probe,
    .open = open_image,
    .close = close_image,
    .find = find,
    .copy = copy,
    .next_region = next_region,
    .next_memory = next_memory,
};
