// SPDX-License-Identifier: BSD-2-Clause
// What the files of type/ share.
#ifndef KVM_TYPE_TYPE_PRIV_H
#define KVM_TYPE_TYPE_PRIV_H

#include "type/type.h"

// The longest chain of typedefs, qualifiers, array dimensions or pointers that is followed; kernels
// have about ten.
#define TYPE_MAX_CHAIN 256

// Numbers of sources in a graph.
enum type_numbers {
    TYPE_KERNEL = 0,  // the kernel's own types
    TYPE_DECLARED,    // by hand
    TYPE_DEBUG,       // the kernel's debug file
    TYPE_MODULES = 3, // a module's types, and behind them its debug file
};

// The source of the kernel's own types; the reason why there is none is kept and told again.
int type_db_source(struct type_db *db, struct type_source **out, struct kvm_err *err);
// The source of a number below type_db_numbers, loaded. NOTFOUND: there is none.
int type_db_numbered(struct type_db *db, uint32_t number, struct type_source **out,
                     struct kvm_err *err);
// One past the highest number of a source; asks for the names of all modules. When that fails, *out counts those that
// are known.
int type_db_numbers(struct type_db *db, uint32_t *out, struct kvm_err *err);
// The number of a module's types. NOTFOUND: no module of that name.
int type_db_module(struct type_db *db, const char *name, uint32_t *out, struct kvm_err *err);
// "vmlinux" or the module that the source of that number belongs to.
const char *type_db_owner(struct type_db *db, uint32_t number);
// Where KIND NAME is defined, in the order of type_lookup; *out stays as it is with NOTFOUND.
int type_definition(struct type_db *db, enum type_kind kind, const char *name, type_id *out,
                    struct kvm_err *err);

// ops->find of a source, with the reason where it failed for another one than NOTFOUND.
int type_source_find(struct type_source *s, enum type_kind kind, const char *name, type_id *out,
                     struct kvm_err *err);

// The size of pointers that BTF tells.
int type_btf_word_size(struct type_source *s, uint8_t *out, struct kvm_err *err);

// An empty source of types declared by hand; what is added to it.
struct type_source *type_declared_create(uint32_t number);
int type_declared_add(struct type_source *s, const struct type_info *info,
                      const struct type_member *members, const struct type_enumerator *enumerators,
                      uint32_t *out, struct kvm_err *err);
bool type_is_alias(enum type_kind kind); // typedefs, qualifiers, type tags

#endif
