// SPDX-License-Identifier: BSD-2-Clause
// VMCOREINFO: the text of KEY=VALUE lines that the kernel leaves for its dump's reader
// (Linux Documentation/admin-guide/kdump/vmcoreinfo.rst). Values are looked up where they stand.
#ifndef KVM_FMT_VMCOREINFO_H
#define KVM_FMT_VMCOREINFO_H

#include "base/err.h"

#include <stddef.h>

// Bytes. The kernel's own is one page (VMCOREINFO_BYTES), of at most 64 KB. What is longer is not looked through: it would be
// read anew for each key.
enum { VMCOREINFO_MOST = 1 << 20 };

struct vmcoreinfo {
    const char *text; // not terminated; may hold NULs behind its end
    size_t len;
};

// The value of KEY ("OSRELEASE", "SYMBOL(_stext)"), up to the end of its line. False when absent.
bool vmcoreinfo_find(const struct vmcoreinfo *v, const char *key, const char **value, size_t *len);
// Copies it as a string. False when absent or longer than size - 1.
bool vmcoreinfo_string(const struct vmcoreinfo *v, const char *key, char *buf, size_t size);
// A number written in hexadecimal (SYMBOL, KERNELOFFSET) or in decimal, perhaps negative (NUMBER,
// OFFSET, SIZE, LENGTH; with 0x in front it is hexadecimal too, as arm64 writes them). False when
// absent or not a number.
bool vmcoreinfo_hex(const struct vmcoreinfo *v, const char *key, uint64_t *out);
bool vmcoreinfo_number(const struct vmcoreinfo *v, const char *key, int64_t *out);
// SYMBOL(NAME).
bool vmcoreinfo_symbol(const struct vmcoreinfo *v, const char *name, uint64_t *out);

#endif
