// SPDX-License-Identifier: BSD-2-Clause
// Rounds of work (base/parallel.h): the things of a round are taken one by one from a common counter, so that a slow
// one holds nobody up. Signals go to the caller's thread.
#include "base/parallel.h"

#include "base/mem.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

enum { THREADS_MOST = 64 };

struct worker {
    struct parallel *parallel;
    unsigned number;
    pthread_t thread;
};

struct parallel {
    unsigned started; // besides the caller's
    struct worker workers[THREADS_MOST];
    pthread_mutex_t lock;
    pthread_cond_t begin, end;
    uint64_t round;
    unsigned working;
    bool stop;
    atomic_size_t next;
    size_t n;
    void (*work)(void *ctx, size_t i, unsigned thread);
    void *ctx;
};

unsigned parallel_cpus(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set)) return 1; // more CPUs than the set has
    int n = CPU_COUNT(&set);
    return n < 1 ? 1 : n > THREADS_MOST ? THREADS_MOST : (unsigned)n;
}

static void work_off(struct parallel *p, unsigned thread) {
    for (size_t i; (i = atomic_fetch_add(&p->next, 1)) < p->n;)
        p->work(p->ctx, i, thread);
}

static void *run(void *arg) {
    const struct worker *w = arg;
    struct parallel *p = w->parallel;
    uint64_t done = 0;
    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (p->round == done && !p->stop)
            pthread_cond_wait(&p->begin, &p->lock);
        if (p->stop) break;
        done = p->round;
        pthread_mutex_unlock(&p->lock);
        work_off(p, w->number);
        pthread_mutex_lock(&p->lock);
        if (--p->working == 0) pthread_cond_signal(&p->end);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

static void start(struct parallel *p, unsigned threads) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (; p->started + 1 < threads; p->started++) {
        struct worker *w = &p->workers[p->started];
        *w = (struct worker){.parallel = p, .number = p->started + 1};
        if (pthread_create(&w->thread, NULL, run, w)) break;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

int parallel_create(unsigned threads, struct parallel **out, struct kvm_err *err) {
    struct parallel *p = mem_zalloc(sizeof(*p));
    if (!p) return err_nomem(err, "threads");
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->begin, NULL);
    pthread_cond_init(&p->end, NULL);
    if (threads == 0) threads = parallel_cpus();
    start(p, threads < THREADS_MOST ? threads : THREADS_MOST);
    *out = p;
    return 0;
}

void parallel_destroy(struct parallel *p) {
    if (!p) return;
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_broadcast(&p->begin);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->started; i++)
        pthread_join(p->workers[i].thread, NULL);
    pthread_cond_destroy(&p->end);
    pthread_cond_destroy(&p->begin);
    pthread_mutex_destroy(&p->lock);
    mem_free(p);
}

unsigned parallel_threads(const struct parallel *p) {
    return p->started + 1;
}

void parallel_run(struct parallel *p, size_t n, void (*work)(void *ctx, size_t i, unsigned thread),
                  void *ctx) {
    p->n = n;
    p->work = work;
    p->ctx = ctx;
    atomic_store(&p->next, 0);
    pthread_mutex_lock(&p->lock);
    p->working = p->started;
    p->round++;
    pthread_cond_broadcast(&p->begin);
    pthread_mutex_unlock(&p->lock);
    work_off(p, 0);
    pthread_mutex_lock(&p->lock);
    while (p->working)
        pthread_cond_wait(&p->end, &p->lock);
    pthread_mutex_unlock(&p->lock);
}
