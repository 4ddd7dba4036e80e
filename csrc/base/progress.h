// SPDX-License-Identifier: BSD-2-Clause
// Long work tells how far it is, and asks whether to go on. The library itself prints nothing.
#ifndef KVM_BASE_PROGRESS_H
#define KVM_BASE_PROGRESS_H

#include "base/err.h"

struct progress {
    // WHAT: "unpacking", "searching". Of TOTAL units (0: not known) DONE are done. True: stop. Called by the thread
    // that began the work only.
    bool (*stop)(void *ctx, const char *what, uint64_t done, uint64_t total);
    void *ctx;
};

// INVAL "interrupted while ..." when the work shall stop. P may be NULL.
static inline int progress_tell(const struct progress *p, const char *what, uint64_t done,
                                uint64_t total, struct kvm_err *err) {
    if (p && p->stop && p->stop(p->ctx, what, done, total))
        return err_set(err, KVM_INVAL, "interrupted while %s", what);
    return 0;
}

#endif
