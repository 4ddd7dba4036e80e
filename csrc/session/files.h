// SPDX-License-Identifier: BSD-2-Clause
// What a session takes from files beside the core: symbols and types.
#ifndef KVM_SESSION_FILES_H
#define KVM_SESSION_FILES_H

#include "session/session.h"

// Checks that the namelist is of this very kernel (build ids, where both have one) and adds its symbols.
int session_namelist_add(kvm_t *kd, struct kvm_err *err);
// Takes machine, byte order and what else there is from the namelist: for an image without memory, where one is
// required (INVAL).
int session_namelist_describe(kvm_t *kd, struct kvm_err *err);
// kd->os.types and kd->modules: types out of the core, else of the namelist. Closed with session_types_destroy, also when
// it fails.
int session_types_create(kvm_t *kd, struct kvm_err *err);
void session_types_destroy(kvm_t *kd);
// Types of a directory like /sys/kernel/btf: of the file "vmlinux", and of a module by its name.
int session_btf_dir_kernel(const char *dir, struct type_source **out, struct kvm_err *err);
int session_btf_dir_module(const char *dir, const char *name, struct type_source *kernel,
                           uint32_t number, struct type_source **out, struct kvm_err *err);
// Whether the file at PATH is of build id WANT (hexadecimal), which is WHOSE. INVAL: of another one, both are shown.
// NOTFOUND: the file has none.
int session_build_id_check(const char *path, const char *want, const char *whose,
                           struct kvm_err *err);
// The loader of the kernel's debug file: the namelist, else by build id.
int session_debug_load(void *ctx, struct type_source **out, struct kvm_err *err);
// The debug file of a build id from the servers of DEBUGINFOD_URLS: its path in their cache, to be freed.
// NOTFOUND: none has it. UNSUPPORTED: no library, or no servers are named.
int session_debuginfod(const char *build_id, char **path, struct kvm_err *err);
// Puts VMCOREINFO where the image's notes have it: the lines of a file that was named, the dump's own note, or what a
// search of its memory finds.
int session_vmcoreinfo_find(kvm_t *kd, struct kvm_err *err);
// Frees what kvm_getprocs, kvm_getargv and kvm_getenvv returned last.
void session_results_free(kvm_t *kd);

#endif
