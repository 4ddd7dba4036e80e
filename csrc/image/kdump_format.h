// SPDX-License-Identifier: BSD-2-Clause
// The layout of kdump-compressed files, for the reader and the writer. The offsets are those of the
// 64-bit header, which is the one that is written; kdump_header.c has those of 32-bit machines too.
//
// Blocks of block_size bytes: the header; sub_hdr_size blocks of sub-header with the notes behind
// it; bitmap_blocks of bit maps, the first half saying which page frames are memory, the second
// which of them are in the file; a descriptor for each of the latter, in their order; page data.
// Checked against makedumpfile 1.7.2 (diskdump_mod.h, makedumpfile.c), crash 8.0.2 (diskdump.c) and
// QEMU 7.2 (dump.c).
#ifndef KVM_IMAGE_KDUMP_FORMAT_H
#define KVM_IMAGE_KDUMP_FORMAT_H

#include "base/codec.h"
#include "base/file.h"

enum {
    // struct disk_dump_header
    KDUMP_VERSION = 8,
    KDUMP_UTSNAME = 12, // six strings of 65 bytes: system, node, release, version, machine, domain
    KDUMP_UTSNAME_SIZE = 6 * 65,
    KDUMP_TIMESTAMP = 408, // struct timeval
    KDUMP_STATUS = 424,
    KDUMP_BLOCK_SIZE = 428,
    KDUMP_SUB_HDR_SIZE = 432,
    KDUMP_BITMAP_BLOCKS = 436,
    KDUMP_MAX_MAPNR = 440, // cut to 32 bits; version 6 has it whole in the sub-header
    KDUMP_NR_CPUS = 460,
    KDUMP_HEADER_SIZE = 464,
    KDUMP_VERSION_MAX = 6,
    KDUMP_STATUS_INCOMPLETE = 8,

    // struct kdump_sub_header, at block 1; the version that brought a field is in the comment
    KDUMP_SUB_PHYS_BASE = 0,
    KDUMP_SUB_DUMP_LEVEL = 8,  // 1
    KDUMP_SUB_SPLIT = 12,      // 2: and the first and last + 1 page frame, as longs
    KDUMP_SUB_VMCOREINFO = 32, // 3: offset, size
    KDUMP_SUB_NOTE = 48,       // 4: offset, size
    KDUMP_SUB_ERASEINFO = 64,  // 5: offset, size
    KDUMP_SUB_START_PFN = 80,  // 6
    KDUMP_SUB_END_PFN = 88,    // 6
    KDUMP_SUB_MAX_MAPNR = 96,  // 6
    KDUMP_SUB_SIZE = 104,

    // page_desc_t
    KDUMP_DESC_OFFSET = 0,
    KDUMP_DESC_LEN = 8,
    KDUMP_DESC_FLAGS = 12,
    KDUMP_DESC_SIZE = 24,

    // flags of a page descriptor: its codec, or none of them
    KDUMP_FLAG_ZLIB = 0x1,
    KDUMP_FLAG_LZO = 0x2,
    KDUMP_FLAG_SNAPPY = 0x4,
    KDUMP_FLAG_ZSTD = 0x20,

    KDUMP_BLOCK_MIN = 4096,
    KDUMP_BLOCK_MAX = 1 << 20,
};

struct kdump_header {
    bool big;
    bool diskdump; // the signature of the older tool
    uint32_t version;
    uint32_t status;
    uint32_t block_size;
    uint32_t block_shift;
    char utsname[KDUMP_UTSNAME_SIZE];
    uint64_t max_mapnr; // page frames, of block_size bytes
    uint64_t bitmap_off, bitmap_len;
    uint64_t desc_off;
    uint64_t seconds;            // when it was written
    bool split;                  // a part of a set
    uint64_t start_pfn, end_pfn; // whose pages the file holds; 0 and max_mapnr unless it is a part
    uint64_t vmcoreinfo_off, vmcoreinfo_len;
    uint64_t note_off, note_len;
    uint64_t eraseinfo_off, eraseinfo_len;
};

bool kdump_magic(const struct file *f);
// Reads and checks both headers against the file: when this succeeds, the bit maps are in it whole.
// UNSUPPORTED: unknown versions.
int kdump_header_parse(const struct file *f, struct kdump_header *out, struct kvm_err *err);

// The codec of a descriptor's flags; CODEC_COUNT for flags that are not known.
enum codec_id kdump_flags_codec(uint32_t flags);
uint32_t kdump_codec_flags(enum codec_id id);

#endif
