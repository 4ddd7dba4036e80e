// SPDX-License-Identifier: BSD-2-Clause
// Text that may come from a dump or be the name of a file, for messages: nothing in it steers a terminal.
#ifndef KVM_BASE_PRINTABLE_H
#define KVM_BASE_PRINTABLE_H

#include <stddef.h>

// Copies S into OUT (SIZE >= 1 bytes with the NUL; what does not fit is cut). Control characters (also
// those of C1), bytes that are not UTF-8 and the characters that turn the direction of text become \xNN
// for each of their bytes. As `kvm.format.escape` does.
void printable_copy(char *out, size_t size, const char *s);

#endif
