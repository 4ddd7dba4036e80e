// SPDX-License-Identifier: BSD-2-Clause
// Checked allocation (base/mem.h). The failure counter is a test hook and costs one compare.
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static unsigned long fail_from;

void mem_fail_from(unsigned long n) {
    fail_from = n;
}

static bool failing(void) {
    if (fail_from == 0) return false;
    if (fail_from == 1) return true;
    fail_from--;
    return false;
}

// Large blocks (tables read from a dump) are first written in one sweep: with huge pages that takes one page fault
// for 2 MB instead of 512, a fifth of the time of a cold `luakvm ps`. Where the host has none, madvise does nothing.
static void *alloc_large(size_t size) {
    enum { HUGE_PAGE = 2 << 20 };
    size_t rounded;
    if (__builtin_add_overflow(size, (size_t)HUGE_PAGE - 1, &rounded)) return NULL;
    void *p = aligned_alloc(HUGE_PAGE, rounded & ~(size_t)(HUGE_PAGE - 1));
    if (p) madvise(p, size, MADV_HUGEPAGE);
    return p;
}

void *mem_alloc(size_t size) {
    enum { LARGE = 1 << 20 };
    if (failing()) return NULL;
    return size < LARGE ? malloc(size ? size : 1) : alloc_large(size);
}

void *mem_zalloc(size_t size) {
    return mem_array(1, size);
}

void *mem_array(size_t n, size_t size) {
    size_t total;
    if (__builtin_mul_overflow(n, size, &total) || failing()) return NULL;
    return calloc(1, total ? total : 1);
}

void *mem_dup(const void *p, size_t size) {
    void *q = mem_alloc(size);
    if (q && size) memcpy(q, p, size);
    return q;
}

char *mem_strdup(const char *s) {
    return mem_dup(s, strlen(s) + 1);
}

void mem_free(void *p) {
    free(p);
}

bool mem_grow(void *p, size_t *cap, size_t need, size_t size) {
    if (need <= *cap) return true;
    size_t n = *cap ? *cap : 16;
    while (n < need) {
        if (__builtin_mul_overflow(n, (size_t)2, &n)) return false;
    }
    size_t total;
    if (__builtin_mul_overflow(n, size, &total) || failing()) return false;
    void *old;
    memcpy(&old, p, sizeof(old));
    void *q = realloc(old, total);
    if (!q) return false;
    memcpy(p, &q, sizeof(q));
    *cap = n;
    return true;
}
