// SPDX-License-Identifier: BSD-2-Clause
// Files for tests that need what a compiler writes, in a directory of their own that compiled_end
// removes. The compiler is $CC, else cc.
#ifndef KVM_SPEC_COMPILED_H
#define KVM_SPEC_COMPILED_H

#include <stdbool.h>
#include <stddef.h>

bool compiled_begin(void);
bool compiled_end(void);
void compiled_path(char *out, size_t size, const char *name);
void compiled_write(const char *name, const void *p, size_t len); // an "not ok" on failure
// Runs a compiler there, quietly. False: it does not exist or refuses.
bool compiled_by(const char *compiler, const char *flags);
bool compiled_by_cc(const char *flags);

#endif
