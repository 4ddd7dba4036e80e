// SPDX-License-Identifier: BSD-2-Clause
// base/parallel: each thing of a round is done once, by threads that are numbered.
#include "base/parallel.h"

#include "base/mem.h"
#include "tap.h"

#include <stdatomic.h>

enum { THINGS = 5000, THREADS = 4 };

struct round {
    atomic_int done[THINGS];
    atomic_int wrong;
    unsigned threads;
};

static void work(void *ctx, size_t i, unsigned thread) {
    struct round *r = ctx;
    if (thread >= r->threads) atomic_fetch_add(&r->wrong, 1);
    atomic_fetch_add(&r->done[i], 1);
}

static struct round all;

static void test_threads(unsigned threads) {
    struct parallel *p = NULL;
    struct kvm_err err = {0};
    is_int(parallel_create(threads, &p, &err), 0, "threads are started");
    ok(parallel_threads(p) == threads, "%u of them", threads);
    all.threads = threads;
    for (int round = 1; round <= 50; round++)
        parallel_run(p, THINGS, work, &all);
    parallel_run(p, 0, work, &all);
    int bad = 0;
    for (int i = 0; i < THINGS; i++) {
        bad += all.done[i] != 50;
        all.done[i] = 0;
    }
    is_int(bad, 0, "everything was done once in each of 50 rounds");
    is_int(all.wrong, 0, "by threads of that number");
    parallel_destroy(p);
}

int main(void) {
    struct parallel *p = NULL;
    ok(parallel_cpus() >= 1 && parallel_cpus() <= 64, "the number of CPUs");
    test_threads(1);
    test_threads(THREADS);
    is_int(parallel_create(0, &p, NULL), 0, "as many as there are CPUs");
    ok(parallel_threads(p) == parallel_cpus(), "is their number");
    parallel_destroy(p);
    parallel_destroy(NULL);
    mem_fail_from(1);
    is_int(parallel_create(2, &p, NULL), KVM_NOMEM, "out of memory");
    mem_fail_from(0);
    return done();
}
