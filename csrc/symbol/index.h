// SPDX-License-Identifier: BSD-2-Clause
// What the symbol sources share: an index of names, and the rule by which one of several symbols at
// one address is chosen.
#ifndef KVM_SYMBOL_INDEX_H
#define KVM_SYMBOL_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SYMBOL_INDEX_MOST = (1 << 22) - 2 }; // symbols; a kernel has 0.1 to 0.3 million

// An open hash table. A slot has the symbol's number + 1 in its low 22 bits (0: free) and ten bits
// of its hash above, so that a look-up compares about one string. Of symbols with one name it has
// the one that was added first.
struct symbol_index {
    uint32_t *slots; // NULL: not built
    uint32_t mask;
};

// The name of symbol I.
typedef const char *symbol_index_name(const void *ctx, uint32_t i);

bool symbol_index_init(struct symbol_index *x, uint32_t count); // false when out of memory
void symbol_index_deinit(struct symbol_index *x);
// At most as many as init was told, numbers below SYMBOL_INDEX_MOST.
void symbol_index_add(struct symbol_index *x, uint32_t i, symbol_index_name *name, const void *ctx);
bool symbol_index_find(const struct symbol_index *x, const char *wanted, symbol_index_name *name,
                       const void *ctx, uint32_t *out);

// Names that stand for the bounds of a section or for the padding in front of a function: where
// another symbol has the same address, that is what a person wants to read.
bool symbol_is_mark(const char *name);

#endif
