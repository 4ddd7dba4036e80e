// SPDX-License-Identifier: BSD-2-Clause
// Memory: every allocation of the library goes through here, so that sizes are checked for overflow
// and a test can make the n-th one fail. All return NULL on failure or overflow.
#ifndef KVM_BASE_MEM_H
#define KVM_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *mem_alloc(size_t size);           // not cleared
void *mem_zalloc(size_t size);          // cleared
void *mem_array(size_t n, size_t size); // n * size, checked, cleared
char *mem_strdup(const char *s);
void *mem_dup(const void *p, size_t size);
void mem_free(void *p);

// Makes room for NEED elements of SIZE bytes in the growing array *p of capacity *cap (doubling).
// False when out of memory or on overflow; the array is then as it was.
bool mem_grow(void *p, size_t *cap, size_t need, size_t size);

// Test hook: the n-th allocation from now on (1 = the next) and all after it fail; 0 turns this
// off.
void mem_fail_from(unsigned long n);

// Checked sums and products of sizes that come from a file: false on overflow.
static inline bool mem_add(uint64_t a, uint64_t b, uint64_t *out) {
    return !__builtin_add_overflow(a, b, out);
}
static inline bool mem_mul(uint64_t a, uint64_t b, uint64_t *out) {
    return !__builtin_mul_overflow(a, b, out);
}
// Whether [off, off + len) lies inside [0, size).
static inline bool mem_inside(uint64_t off, uint64_t len, uint64_t size) {
    return len <= size && off <= size - len;
}

#endif
