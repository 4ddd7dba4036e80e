// SPDX-License-Identifier: BSD-2-Clause
// What a session takes from files beside the core: symbols and types of a namelist.
#ifndef KVM_SESSION_FILES_H
#define KVM_SESSION_FILES_H

#include "session/session.h"

// Checks that the namelist is of this very kernel (build ids, where both have one) and adds its symbols.
int session_namelist_add(kvm_t *kd, struct kvm_err *err);
// The loader of kd->os.types: the kernel's own types in memory, else the namelist's BTF, else its DWARF.
int session_types_load(void *ctx, struct type_source **out, struct kvm_err *err);
// Frees what kvm_getprocs, kvm_getargv and kvm_getenvv returned last.
void session_results_free(kvm_t *kd);

#endif
