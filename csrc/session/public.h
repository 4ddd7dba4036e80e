// SPDX-License-Identifier: BSD-2-Clause
// How the calls of kvm(3) report: the text of the last failure stays in the handle until the next failure
// (a call that works does not touch it, as in BSD).
#ifndef KVM_SESSION_PUBLIC_H
#define KVM_SESSION_PUBLIC_H

#include "session/session.h"

// Stores ERR in the handle. A hard error (anything but FAULT and EXCLUDED) of a handle that came from
// kvm_open with an errstr is printed behind it too. Returns -1.
int public_fail(kvm_t *kd, const struct kvm_err *err);

#endif
