// SPDX-License-Identifier: BSD-2-Clause
// A new dump of what a handle sees: its image with what was written over it, perhaps without some kinds of pages,
// perhaps with bytes erased.
#ifndef KVM_SESSION_SAVE_H
#define KVM_SESSION_SAVE_H

#include "image/write.h"
#include "session/session.h"

enum session_format { SAVE_KDUMP, SAVE_ELF, SAVE_RAW };

enum {
    SAVE_WITHOUT_ZERO = 1 << 8
}; // beside the bits of enum os_page_kind: pages that are all zeros

// LEN bytes of kernel virtual memory at ADDR become FILL in the new dump.
struct session_erase {
    uint64_t addr, len;
    uint8_t fill;
};

struct session_save {
    const char *path;
    enum session_format format;
    enum codec_id codec; // of kdump; CODEC_NONE: the default
    bool uncompressed;
    uint32_t without; // kinds of pages that are left out
    bool strict;      // fail rather than keep a page whose kind can't be told
    bool fill;        // raw: pages that the dump lacks become zeros
    const struct session_erase *erase;
    size_t erase_count;
    const char *record; // lines that the new dump keeps about what was erased; NULL: none
    unsigned threads;   // 0: as many as there are CPUs
    const struct progress *progress;
};

struct session_saved {
    struct write_result written;
    uint64_t without; // pages that were there and were left out
    uint64_t untold;  // pages that were kept since what they hold can't be told
    uint64_t
        erased; // bytes; those on pages that the dump does not have were not there to be erased
};

int session_save(kvm_t *kd, const struct session_save *save, struct session_saved *out,
                 struct kvm_err *err);

#endif
