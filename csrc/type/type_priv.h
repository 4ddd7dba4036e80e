// SPDX-License-Identifier: BSD-2-Clause
// What the files of type/ share.
#ifndef KVM_TYPE_TYPE_PRIV_H
#define KVM_TYPE_TYPE_PRIV_H

#include "type/type.h"

// The longest chain of typedefs, qualifiers, array dimensions or pointers that is followed; kernels
// have about ten.
#define TYPE_MAX_CHAIN 256

// The loaded source; the reason why there is none is kept and told again.
int type_db_source(struct type_db *db, struct type_source **out, struct kvm_err *err);
bool type_is_alias(enum type_kind kind); // typedefs, qualifiers, type tags

#endif
