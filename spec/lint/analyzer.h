// SPDX-License-Identifier: BSD-2-Clause
// For clang-tidy and cppcheck alone, included before each file: says that the functions of base/err.h
// return the code they are given, which is not 0. They do not look into err.c from elsewhere, and would
// report whatever happened if a failure returned 0.
#ifndef KVM_SPEC_ANALYZER_H
#define KVM_SPEC_ANALYZER_H

#include "base/err.h"

#define err_set(err, code, ...)     ((void)err_set(err, code, __VA_ARGS__), (code))
#define err_at(err, code, ...)      ((void)err_at(err, code, __VA_ARGS__), (code))
#define err_system(err, ...)        ((void)err_system(err, __VA_ARGS__), KVM_IO)
#define err_nomem(err, what)        ((void)err_nomem(err, what), KVM_NOMEM)
#define err_prepend(err, code, ...) ((void)err_prepend(err, code, __VA_ARGS__), (code))

#endif
