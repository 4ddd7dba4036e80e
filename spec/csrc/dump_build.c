// SPDX-License-Identifier: BSD-2-Clause
// Builders of dumps (dump_build.h). They write the layouts down on their own, without the constants
// of the code under test.
#include "dump_build.h"

#include "base/bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void out_put(struct bytes_out *b, const void *p, size_t len) {
    if (b->len + len > b->cap) {
        b->cap = (b->len + len) * 2 + 64;
        b->p = realloc(b->p, b->cap);
        if (!b->p) abort();
    }
    if (len) memcpy(b->p + b->len, p, len);
    b->len += len;
}

void out_zero(struct bytes_out *b, size_t len) {
    static const uint8_t zeros[4096];
    for (; len > sizeof(zeros); len -= sizeof(zeros))
        out_put(b, zeros, sizeof(zeros));
    out_put(b, zeros, len);
}

void out_pad(struct bytes_out *b, size_t to) {
    if (to > b->len) out_zero(b, to - b->len);
}

void out_u16(struct bytes_out *b, uint16_t v) {
    uint8_t p[2];
    bytes_put_u16(p, v, b->big);
    out_put(b, p, sizeof(p));
}

void out_u32(struct bytes_out *b, uint32_t v) {
    uint8_t p[4];
    bytes_put_u32(p, v, b->big);
    out_put(b, p, sizeof(p));
}

void out_u64(struct bytes_out *b, uint64_t v) {
    uint8_t p[8];
    bytes_put_u64(p, v, b->big);
    out_put(b, p, sizeof(p));
}

void out_note(struct bytes_out *b, const char *name, uint32_t type, const void *desc, size_t len) {
    out_u32(b, (uint32_t)strlen(name) + 1);
    out_u32(b, (uint32_t)len);
    out_u32(b, type);
    out_put(b, name, strlen(name) + 1);
    out_pad(b, (b->len + 3) / 4 * 4);
    out_put(b, desc, len);
    out_pad(b, (b->len + 3) / 4 * 4);
}

struct dump_file dump_file(const void *p, size_t len) {
    struct dump_file f = {.fd = memfd_create("dump", MFD_CLOEXEC)};
    if (f.fd < 0 || write(f.fd, p, len) != (ssize_t)len) abort();
    snprintf(f.path, sizeof(f.path), "/proc/self/fd/%d", f.fd);
    return f;
}

void dump_forget(struct dump_file *f) {
    close(f->fd);
}

void build_pattern(uint8_t *page, size_t len, uint32_t seed) {
    uint32_t x = seed * 2654435761u + 1;
    for (size_t i = 0; i < len; i++) {
        if (i % 64 == 0) x = x * 1664525u + 1013904223u;
        page[i] = i % 2 ? (uint8_t)(x >> 24) : (uint8_t)(i / 16 + seed);
    }
}

static void elf_word(struct bytes_out *b, const struct build_elf *e, uint64_t v) {
    if (e->elf_class == 2)
        out_u64(b, v);
    else
        out_u32(b, (uint32_t)v);
}

static void elf_phdr(struct bytes_out *b, const struct build_elf *e, uint32_t type, uint64_t off,
                     const struct build_load *l) {
    bool wide = e->elf_class == 2;
    out_u32(b, type);
    if (wide) out_u32(b, 7);
    elf_word(b, e, off);
    elf_word(b, e, l->vaddr);
    elf_word(b, e, l->paddr);
    elf_word(b, e, l->filesz);
    elf_word(b, e, l->memsz);
    if (!wide) out_u32(b, 7);
    elf_word(b, e, 0); // p_align
}

struct bytes_out elf_build(const struct build_elf *e) {
    bool wide = e->elf_class == 2;
    struct bytes_out b = {.big = e->big};
    size_t ehdr = wide ? 64 : 52;
    size_t phdr = wide ? 56 : 32;
    size_t shdr = wide ? 64 : 40;
    size_t count = e->load_count + 1;
    size_t shoff = e->xnum ? ehdr : 0;
    size_t phoff = ehdr + (e->xnum ? shdr : 0);
    uint8_t ident[16] = {0x7f, 'E', 'L', 'F', e->elf_class, e->big ? 2 : 1, 1};
    out_put(&b, ident, sizeof(ident));
    out_u16(&b, e->type ? e->type : 4);
    out_u16(&b, e->machine ? e->machine : 62);
    out_u32(&b, 1);
    elf_word(&b, e, 0);
    elf_word(&b, e, phoff);
    elf_word(&b, e, shoff);
    out_u32(&b, e->flags);
    out_u16(&b, e->ehsize ? e->ehsize : (uint16_t)ehdr);
    out_u16(&b, (uint16_t)phdr);
    out_u16(&b, e->xnum ? 0xffff : (uint16_t)count);
    out_u16(&b, (uint16_t)shdr);
    out_u16(&b, e->xnum ? 1 : 0);
    out_u16(&b, 0);
    if (e->xnum) { // all zero but sh_info
        out_zero(&b, wide ? 44 : 28);
        out_u32(&b, (uint32_t)count);
        out_pad(&b, phoff);
    }
    uint64_t off = phoff + count * phdr;
    elf_phdr(&b, e, 4, off, &(struct build_load){.filesz = e->notes_len, .memsz = e->notes_len});
    off += e->notes_len;
    for (size_t i = 0; i < e->load_count; i++) {
        elf_phdr(&b, e, 1, off, &e->loads[i]);
        off += e->loads[i].filesz;
    }
    out_put(&b, e->notes, e->notes_len);
    for (size_t i = 0; i < e->load_count; i++)
        out_put(&b, e->loads[i].bytes, (size_t)e->loads[i].filesz);
    return b;
}

static void put_string(struct bytes_out *b, const char *s) {
    size_t at = b->len;
    out_put(b, s, strlen(s));
    out_pad(b, at + 65);
}

static void kdump_long(struct bytes_out *b, const struct build_kdump *k, uint64_t v) {
    if (k->bits)
        out_u32(b, (uint32_t)v);
    else
        out_u64(b, v);
}

// An off_t and a long. ARM aligns the former.
static void kdump_range(struct bytes_out *b, const struct build_kdump *k, uint64_t off,
                        uint64_t len) {
    if (k->bits == 33) out_pad(b, (b->len + 7) / 8 * 8);
    out_u64(b, len ? off : 0);
    kdump_long(b, k, len);
}

static void kdump_sub_header(struct bytes_out *b, const struct build_kdump *k, uint64_t at) {
    uint64_t info_len = k->vmcoreinfo ? strlen(k->vmcoreinfo) : 0;
    uint64_t erase_len = k->eraseinfo ? strlen(k->eraseinfo) : 0;
    kdump_long(b, k, 0xbadbadbad); // phys_base, which nobody believes
    out_u32(b, 31);
    out_u32(b, k->split);
    kdump_long(b, k, k->start_pfn);
    kdump_long(b, k, k->end_pfn);
    kdump_range(b, k, at + 104, info_len);
    kdump_range(b, k, at + 104 + info_len, k->notes_len);
    kdump_range(b, k, at + 104 + info_len + k->notes_len, erase_len);
    if (k->bits == 33) out_pad(b, (b->len + 7) / 8 * 8);
    out_u64(b, k->start_pfn);
    out_u64(b, k->end_pfn);
    out_u64(b, k->frames);
    out_pad(b, (size_t)at + 104);
    if (info_len) out_put(b, k->vmcoreinfo, info_len);
    out_put(b, k->notes, k->notes_len);
    if (erase_len) out_put(b, k->eraseinfo, erase_len);
}

static void kdump_header(struct bytes_out *b, const struct build_kdump *k, uint32_t block,
                         uint32_t sub_blocks, uint32_t map_blocks) {
    out_put(b, k->signature ? k->signature : "KDUMP   ", 8);
    out_u32(b, k->version ? k->version : 6);
    put_string(b, "Linux");
    put_string(b, "node");
    put_string(b, k->release ? k->release : "");
    put_string(b, "#1");
    put_string(b, k->machine ? k->machine : "x86_64");
    put_string(b, "");
    out_pad(b, k->bits ? 404 : 408);
    kdump_long(b, k, k->seconds);
    out_pad(b, k->bits ? 412 : 424);
    out_u32(b, k->status);
    out_u32(b, block);
    out_u32(b, sub_blocks);
    out_u32(b, map_blocks);
    // version 6 has the whole number in the sub-header; in 64-bit files this one is not looked at
    bool looked_at = (k->version && k->version < 6) || k->bits;
    out_u32(b, looked_at ? (uint32_t)k->frames : 7);
    out_pad(b, k->bits ? 448 : 460);
    out_u32(b, 1);
}

static void kdump_map(struct bytes_out *b, const struct build_kdump *k, size_t map_len,
                      bool dumped) {
    size_t at = b->len;
    out_zero(b, map_len);
    for (size_t i = 0; i < k->page_count; i++)
        if (!dumped || k->pages[i].bytes)
            b->p[at + k->pages[i].pfn / 8] |= (uint8_t)(1u << (k->pages[i].pfn % 8));
}

static size_t pack(struct codec *c, const struct build_page *p, uint32_t block, uint8_t *out,
                   uint32_t *flags) {
    static const uint32_t flag_of[CODEC_COUNT] = {0, 1, 2, 4, 0x20};
    size_t len = block;
    struct kvm_err err;
    if (p->codec != CODEC_NONE &&
        codec_compress(c, p->codec, p->bytes, block, out, &len, &err) == 0) {
        *flags = flag_of[p->codec];
        return len;
    }
    memcpy(out, p->bytes, block);
    *flags = 0;
    return block;
}

static bool is_in_file(const struct build_kdump *k, const struct build_page *p) {
    return p->bytes && (!k->split || (p->pfn >= k->start_pfn && p->pfn < k->end_pfn));
}

struct bytes_out kdump_build(const struct build_kdump *k, uint64_t *desc_off) {
    uint32_t block = k->block_size ? k->block_size : 4096;
    size_t sub_len = 104 + (k->vmcoreinfo ? strlen(k->vmcoreinfo) : 0) + k->notes_len +
                     (k->eraseinfo ? strlen(k->eraseinfo) : 0);
    uint32_t sub_blocks = (uint32_t)((sub_len + block - 1) / block);
    size_t map_len = (size_t)((k->frames + 7) / 8 + block - 1) / block * block;
    uint32_t map_blocks = (uint32_t)(map_len / block) * (k->one_map ? 1 : 2);
    struct bytes_out b = {.big = k->big};
    kdump_header(&b, k, block, sub_blocks, map_blocks);
    out_pad(&b, block);
    kdump_sub_header(&b, k, block);
    out_pad(&b, (size_t)(1 + sub_blocks) * block);
    if (!k->one_map) kdump_map(&b, k, map_len, false);
    kdump_map(&b, k, map_len, true);
    if (desc_off) *desc_off = b.len;
    struct bytes_out data = {.big = k->big};
    struct codec codec = {0};
    size_t dumped = 0;
    for (size_t i = 0; i < k->page_count; i++)
        dumped += is_in_file(k, &k->pages[i]);
    uint64_t data_off = b.len + 24 * dumped;
    uint8_t *packed = malloc(block);
    for (size_t i = 0; packed && i < k->page_count; i++) {
        if (!is_in_file(k, &k->pages[i])) continue;
        uint32_t flags;
        size_t len = pack(&codec, &k->pages[i], block, packed, &flags);
        out_u64(&b, data_off + data.len);
        out_u32(&b, (uint32_t)len);
        out_u32(&b, flags);
        out_u64(&b, 0);
        out_put(&data, packed, len);
    }
    out_put(&b, data.p, data.len);
    free(packed);
    free(data.p);
    codec_deinit(&codec);
    return b;
}
