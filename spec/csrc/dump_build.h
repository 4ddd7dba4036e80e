// SPDX-License-Identifier: BSD-2-Clause
// Small dumps for the tests of formats, built from a list of pages: ELF cores of both classes and
// byte orders, kdump-compressed files of every version and codec.
#ifndef KVM_SPEC_DUMP_BUILD_H
#define KVM_SPEC_DUMP_BUILD_H

#include "base/codec.h"
#include "base/err.h"

#include <stddef.h>

// Growing bytes; malloc'ed, b->p is the caller's to free.
struct bytes_out {
    uint8_t *p;
    size_t len, cap;
    bool big;
};
void out_put(struct bytes_out *b, const void *p, size_t len);
void out_zero(struct bytes_out *b, size_t len);
void out_pad(struct bytes_out *b, size_t to); // zeros up to offset TO
void out_u16(struct bytes_out *b, uint16_t v);
void out_u32(struct bytes_out *b, uint32_t v);
void out_u64(struct bytes_out *b, uint64_t v);
// One ELF note.
void out_note(struct bytes_out *b, const char *name, uint32_t type, const void *desc, size_t len);

// A regular file without a disk that holds the bytes; its path is good until dump_forget.
struct dump_file {
    int fd;
    char path[32];
};
struct dump_file dump_file(const void *p, size_t len);
void dump_forget(struct dump_file *f);

struct build_load {
    uint64_t vaddr, paddr, memsz;
    const uint8_t *bytes; // filesz of them
    uint64_t filesz;
};
struct build_elf {
    uint8_t elf_class; // 1 or 2
    bool big;
    uint16_t type, machine; // 0: ET_CORE, EM_X86_64
    uint32_t flags;
    bool xnum;       // the number of program headers is in section header 0
    uint16_t ehsize; // 0: the right one
    const struct build_load *loads;
    size_t load_count;
    const uint8_t *notes;
    size_t notes_len;
};
struct bytes_out elf_build(const struct build_elf *b);

struct build_page {
    uint64_t pfn;
    const uint8_t *bytes; // block_size; NULL: memory that was filtered out
    enum codec_id codec;
};
struct build_kdump {
    const char *signature; // NULL: "KDUMP   "
    bool big;
    uint32_t version;    // 0: 6
    uint32_t block_size; // 0: 4096
    uint32_t status;
    const char *release, *machine; // NULL: "", "x86_64"
    uint64_t frames;
    bool one_map;
    uint8_t bits; // 0: a 64-bit machine's headers; 32: those of i386; 33: of 32-bit ARM
    uint64_t seconds;
    bool split; // holds the pages of [start_pfn, end_pfn) only
    uint64_t start_pfn, end_pfn;
    const char *eraseinfo;
    const struct build_page *pages; // in order of pfn
    size_t page_count;
    const uint8_t *notes;
    size_t notes_len;
    const char *vmcoreinfo; // in the sub-header only
};
// *desc_off: where the page descriptors begin.
struct bytes_out kdump_build(const struct build_kdump *b, uint64_t *desc_off);

// A page whose content depends on SEED, compressible to a half or so.
void build_pattern(uint8_t *page, size_t len, uint32_t seed);

#endif
