// SPDX-License-Identifier: BSD-2-Clause
// The notes of an image that is written: the source's, as they are; VMCOREINFO as a note of its own where the source
// has it beside its notes only (in a kdump header, from a search, from a file).
#ifndef KVM_IMAGE_WRITE_NOTES_H
#define KVM_IMAGE_WRITE_NOTES_H

#include "image/write.h"

struct write_notes {
    uint8_t *bytes;
    size_t len;
    size_t vmcoreinfo_off, vmcoreinfo_len; // of its text in the bytes; 0, 0: there is none
};

// What is to be recorded as erased; text NULL: nothing.
struct vmcoreinfo write_eraseinfo(const struct write_source *src);
// WITH_ERASEINFO: as a note "ERASEINFO" too (makedumpfile 1.7.2 does so in ELF files).
int write_notes_build(struct write_notes *n, const struct write_source *src, bool with_eraseinfo,
                      struct kvm_err *err);
void write_notes_deinit(struct write_notes *n);

#endif
