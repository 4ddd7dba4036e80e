// SPDX-License-Identifier: BSD-2-Clause
// ELF notes as dumps carry them: in PT_NOTE segments of an ELF core, and as a blob of a kdump
// header.
#ifndef KVM_FMT_NOTES_H
#define KVM_FMT_NOTES_H

#include "fmt/vmcoreinfo.h"

// What the notes of a dump say. All pointers are into the bytes that were parsed.
struct note_cpu {
    const uint8_t *desc; // struct elf_prstatus of the target, or QEMU's CPU state
    size_t len;
};
struct dump_notes {
    struct vmcoreinfo vmcoreinfo; // text NULL: there is none
    struct vmcoreinfo eraseinfo;  // lines of text of the last note "ERASEINFO"; NULL: there is none
    struct note_cpu
        *prstatus; // NT_PRSTATUS, in file order (one a CPU; a CPU that did not answer has none)
    size_t prstatus_count;
    struct note_cpu *qemu; // notes named "QEMU" (dump-guest-memory), in file order
    size_t qemu_count;
    struct note_cpu
        *blobs; // what notes_parse was given, in that order, each up to its last good note
    size_t blob_count;
    size_t prstatus_cap, qemu_cap, blob_cap;
    bool big;
};

// At most so many notes are looked at: Linux has one a CPU (NR_CPUS is 8192 at the most), QEMU two.
enum { NOTES_MAX = 65536, NOTES_BYTES_MAX = 256 << 20 }; // of 4 kB each

// Adds the notes in BYTES (at most NOTES_BYTES_MAX) to N (zeroed before the first call). FORMAT when a note runs
// past the end; what came before it is kept.
int notes_parse(struct dump_notes *n, const uint8_t *bytes, size_t len, bool big,
                struct kvm_err *err);
void notes_deinit(struct dump_notes *n);

#endif
