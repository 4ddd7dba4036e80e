// SPDX-License-Identifier: BSD-2-Clause
// Work on many like things by all CPUs: threads that wait between rounds. The caller's thread works with them.
#ifndef KVM_BASE_PARALLEL_H
#define KVM_BASE_PARALLEL_H

#include "base/err.h"

#include <stddef.h>

struct parallel;

// The number of CPUs that this process may use, at least 1 and at most 64.
unsigned parallel_cpus(void);
// For THREADS threads, the caller's among them (0: parallel_cpus). Where fewer can be started, fewer work.
int parallel_create(unsigned threads, struct parallel **out, struct kvm_err *err);
void parallel_destroy(struct parallel *p); // NULL-safe; not during a round
unsigned parallel_threads(const struct parallel *p);
// One round: WORK(ctx, i, thread) for each i in [0, n), in any order; thread < parallel_threads. Returns when all are
// done.
void parallel_run(struct parallel *p, size_t n, void (*work)(void *ctx, size_t i, unsigned thread),
                  void *ctx);

#endif
