// SPDX-License-Identifier: BSD-2-Clause
// The index of names and the choice between aliases (symbol/index.h). The rule for marks is that of
// scripts/kallsyms.c (may_be_linker_script_provide_symbol(), Linux 6.12), which puts such names
// last among equals, with the single marks that include/asm-generic/vmlinux.lds.h defines.
#include "symbol/index.h"

#include "base/mem.h"

#include <string.h>

enum { NUMBER_BITS = 22 };

static uint64_t hash_of(const char *s) {
    uint64_t h = 0;
    size_t len = strlen(s);
    for (; len >= 8; len -= 8, s += 8) {
        uint64_t v;
        memcpy(&v, s, 8);
        h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 32;
    }
    uint64_t v = 0;
    memcpy(&v, s, len);
    h = (h ^ v ^ (uint64_t)len << 56) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 29;
}

static uint32_t tag_of(uint64_t hash) {
    return (uint32_t)(hash >> 54) << NUMBER_BITS;
}

bool symbol_index_init(struct symbol_index *x, uint32_t count) {
    uint32_t size = 64;
    while (size / 4 * 3 < count)
        size *= 2;
    x->slots = mem_array(size, sizeof(*x->slots));
    x->mask = size - 1;
    return x->slots != NULL;
}

void symbol_index_deinit(struct symbol_index *x) {
    mem_free(x->slots);
    x->slots = NULL;
}

// The slot of WANTED, or the free one where it would be.
static uint32_t *slot_of(const struct symbol_index *x, const char *wanted, uint64_t hash,
                         symbol_index_name *name, const void *ctx) {
    const uint32_t number = (1u << NUMBER_BITS) - 1, tag = tag_of(hash);
    for (uint32_t at = (uint32_t)hash & x->mask;; at = (at + 1) & x->mask) {
        uint32_t *slot = &x->slots[at], v = *slot;
        if (v == 0) return slot;
        if ((v & ~number) == tag && strcmp(name(ctx, (v & number) - 1), wanted) == 0) return slot;
    }
}

void symbol_index_add(struct symbol_index *x, uint32_t i, symbol_index_name *name,
                      const void *ctx) {
    const char *s = name(ctx, i);
    uint64_t hash = hash_of(s);
    uint32_t *slot = slot_of(x, s, hash, name, ctx);
    if (*slot == 0) *slot = tag_of(hash) | (i + 1);
}

bool symbol_index_find(const struct symbol_index *x, const char *wanted, symbol_index_name *name,
                       const void *ctx, uint32_t *out) {
    if (!x->slots) return false;
    uint32_t v = *slot_of(x, wanted, hash_of(wanted), name, ctx);
    if (v == 0) return false;
    *out = (v & ((1u << NUMBER_BITS) - 1)) - 1;
    return true;
}

static bool starts(const char *s, const char *with) {
    return strncmp(s, with, strlen(with)) == 0;
}

static bool ends(const char *s, size_t len, const char *with) {
    size_t n = strlen(with);
    return len > n && strcmp(s + len - n, with) == 0;
}

bool symbol_is_mark(const char *name) {
    static const char *const single[] = {
        "_text",          "_stext",     "_etext",       "_sinittext",  "_einittext",  "_sdata",
        "_edata",         "_end",       "__init_begin", "__bss_start", "__bss_stop",  "_sinitdata",
        "__nosave_begin", "__brk_base", "__brk_limit",  "_sextratext", "_eextratext",
    };
    if (name[0] != '_') return false;
    for (size_t i = 0; i < sizeof(single) / sizeof(single[0]); i++) {
        if (strcmp(name, single[i]) == 0) return true;
    }
    if (name[1] != '_') return false;
    size_t len = strlen(name);
    return starts(name, "__start_") || starts(name, "__stop_") || starts(name, "__end_") ||
           starts(name, "__pfx_") || starts(name, "__cfi_") ||
           (len >= 8 && (ends(name, len, "_start") || ends(name, len, "_end")));
}
