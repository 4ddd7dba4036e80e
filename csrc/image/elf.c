// SPDX-License-Identifier: BSD-2-Clause
// ELF cores keyed by physical address: /proc/vmcore (Linux 5.10 to 7.2, fs/proc/vmcore.c),
// `makedumpfile -E` (1.7.2: p_filesz < p_memsz where pages were filtered out, e_flags 1 when it ran
// out of room, PT_NULL for segments that were not written), QEMU 7.2 dump-guest-memory (segments
// unsorted, aliased by the thousand with paging=true; p_offset -1 for what is no RAM). Virtual
// addresses are not used: QEMU's are none. Files that were cut short are read as far as they go.
// Xen's cores, which keep their pages in sections, are left out.
#include "image/flat.h"

#include "base/mem.h"
#include "fmt/elf.h"

#include <stdio.h>

enum {
    SEGMENTS_MAX = 1 << 22 // program headers; a QEMU dump with paging=true has thousands
};

struct elf_image {
    struct flat flat;
    struct elf_header header;
    bool filtered; // a segment holds less than its memory
    bool physical; // some segment has a physical address
    bool virt;     // some segment has a virtual address
};

static int probe(const struct file *f, struct kvm_err *err) {
    uint8_t magic[4];
    if (!elf_magic(magic, file_head(f, magic, sizeof(magic)))) return IMAGE_NOMATCH;
    struct elf_header h;
    int rc = elf_header_parse(f, &h, err);
    if (rc) return rc;
    return h.type == ELF_ET_CORE ? IMAGE_MATCH : IMAGE_NOMATCH;
}

static int add_load(struct image *img, const struct elf_phdr *p, struct kvm_err *err) {
    struct elf_image *e = img->priv;
    if (p->filesz == 0 && p->offset == UINT64_MAX) return 0; // device memory in QEMU's page map
    uint64_t memsz = p->memsz > p->filesz ? p->memsz : p->filesz;
    uint64_t end;
    if (!mem_add(p->paddr, memsz, &end))
        return err_set(err, KVM_FORMAT, "its addresses wrap around");
    uint64_t have = file_available(img->file, p->offset, p->filesz);
    if (have < p->filesz) img->facts.incomplete = true;
    if (p->filesz < p->memsz) e->filtered = true;
    if (p->paddr) e->physical = true;
    if (p->vaddr) e->virt = true;
    if (!spans_add(&e->flat.data, p->paddr, p->paddr + have, p->offset, 0) ||
        !spans_add(&e->flat.memory, p->paddr, end, 0, 0))
        return err_nomem(err, "the segments");
    return 0;
}

static int add_notes(struct image *img, const struct elf_phdr *p, struct kvm_err *err) {
    uint64_t have = file_available(img->file, p->offset, p->filesz);
    if (have == 0) {
        if (p->filesz) img->facts.incomplete = true;
        return 0;
    }
    const struct elf_image *e = img->priv;
    const uint8_t *bytes;
    if (have > NOTES_BYTES_MAX)
        return err_set(err, KVM_FORMAT, "notes of %llu bytes", (unsigned long long)have);
    int rc = image_keep(img, img->file, p->offset, have, &bytes, err);
    if (rc == KVM_EXCLUDED) return 0; // the layer has told that it is cut short
    if (rc == 0) rc = notes_parse(&img->facts.notes, bytes, (size_t)have, e->header.big, err);
    if (rc == KVM_FORMAT && have < p->filesz) {
        img->facts.incomplete = true; // the cut goes through a note; those before it are good
        return 0;
    }
    return rc;
}

static int read_segments(struct image *img, struct kvm_err *err) {
    struct elf_image *e = img->priv;
    if (e->header.phnum > SEGMENTS_MAX)
        return err_set(err, KVM_FORMAT, "%u program headers", e->header.phnum);
    for (uint32_t i = 0; i < e->header.phnum; i++) {
        struct elf_phdr p;
        if (!elf_phdr_get(&e->header, img->file, i, &p))
            return err_set(err, KVM_FORMAT, "program headers are cut short at %u of %u", i,
                           e->header.phnum);
        int rc = 0;
        if (p.type == ELF_PT_LOAD) rc = add_load(img, &p, err);
        if (p.type == ELF_PT_NOTE) rc = add_notes(img, &p, err);
        if (rc) return err_prepend(err, rc, "segment %u", i);
    }
    if (e->flat.memory.count == 0)
        return err_set(err, KVM_FORMAT, "core without memory segments (Xen's cores are not read)");
    return flat_settle(img, err);
}

static int check_kind(const struct image *img, struct kvm_err *err) {
    const struct elf_image *e = img->priv;
    const struct dump_notes *n = &img->facts.notes;
    if (!e->physical && e->virt && !n->vmcoreinfo.text && n->qemu_count == 0)
        return err_set(err, KVM_FORMAT, "core of a process, not of a kernel");
    return 0;
}

static void fill_facts(struct image *img) {
    const struct elf_image *e = img->priv;
    struct image_facts *facts = &img->facts;
    facts->machine = e->header.machine;
    facts->elf_class = e->header.elf_class;
    facts->big = e->header.big;
    if (e->header.flags & ELF_CORE_INCOMPLETE) facts->incomplete = true;
    facts->eraseinfo = facts->notes.eraseinfo.text;
    facts->eraseinfo_len = facts->notes.eraseinfo.len;
    const char *kind = facts->notes.qemu_count ? "ELF, QEMU dump-guest-memory"
                       : e->filtered           ? "ELF vmcore, filtered"
                                               : "ELF vmcore";
    snprintf(facts->format, sizeof(facts->format), "%s", kind);
}

static int open_image(struct image *img, struct kvm_err *err) {
    struct elf_image *e = mem_zalloc(sizeof(*e));
    if (!e) return err_nomem(err, "an image");
    img->priv = e;
    int rc = elf_header_parse(img->file, &e->header, err);
    if (rc == 0) rc = read_segments(img, err);
    if (rc == 0) rc = check_kind(img, err);
    if (rc == 0) fill_facts(img);
    return rc;
}

static void close_image(struct image *img) {
    struct elf_image *e = img->priv;
    if (!e) return;
    flat_deinit(&e->flat);
    mem_free(e);
    img->priv = NULL;
}

// Into every segment that holds the address: /proc/vmcore has the kernel's text twice, and another
// reader may take the other copy.
static int write_pages(struct image *img, uint64_t pa, const void *buf, size_t len,
                       struct kvm_err *err) {
    const struct elf_image *e = img->priv;
    const struct file *f = img->file;
    uint64_t stop = pa + len;
    int rc = flat_check(img, pa, len, err);
    if (rc) return rc;
    for (uint32_t i = 0; i < e->header.phnum; i++) {
        struct elf_phdr p;
        if (!elf_phdr_get(&e->header, f, i, &p)) break;
        if (p.type != ELF_PT_LOAD) continue;
        uint64_t end = p.paddr + file_available(f, p.offset, p.filesz);
        uint64_t from = p.paddr > pa ? p.paddr : pa;
        uint64_t to = end < stop ? end : stop;
        if (from >= to) continue;
        rc = file_write(img->file, p.offset + (from - p.paddr), (const uint8_t *)buf + (from - pa),
                        (size_t)(to - from), err);
        if (rc) return rc;
    }
    return 0;
}

const struct image_ops image_elf = {
    .name = "ELF",
    .probe = probe,
    .open = open_image,
    .close = close_image,
    .find = flat_find,
    .copy = flat_copy,
    .next_region = flat_next_region,
    .next_memory = flat_next_memory,
    .write = write_pages,
    .file_offset = flat_file_offset,
};
