// SPDX-License-Identifier: BSD-2-Clause
// What the files of the kallsyms source share: where the tables are, what an offset means, and how
// names are packed.
#ifndef KVM_SYMBOL_KALLSYMS_H
#define KVM_SYMBOL_KALLSYMS_H

#include "symbol/index.h"
#include "symbol/symbol.h"

enum {
    KALLSYMS_TOKENS = 256,
    KALLSYMS_TOKEN_TABLE_MOST = 8192, // bytes; real ones have 800 to 1000
};

// What offset I means (kallsyms_sym_address() in kernel/kallsyms.c).
enum kallsyms_form {
    // CONFIG_KALLSYMS_ABSOLUTE_PERCPU, x86-64 until 6.14 (01157ddc58dc took it out in 6.15): not
    // negative: the address itself (a per-CPU symbol's), else relative_base - 1 - offset.
    KALLSYMS_PERCPU,
    // Without it: relative_base + offset, unsigned.
    KALLSYMS_PLAIN,
    // "kallsyms: Get rid of kallsyms relative base" (January 2026, in 7.2): where offset I itself
    // stands + offset, signed.
    KALLSYMS_PLACE,
};

struct kallsyms_tables {
    uint64_t names, token_table, token_index, offsets; // virtual addresses
    uint64_t relative_base;                            // its value
    enum kallsyms_form form;
    uint32_t count; // symbols
};

// Whether the table of COUNT offsets ascends under T's form, as that of a kernel does. OFFSETS are
// as in the target.
bool kallsyms_ascending(const struct kallsyms_tables *t, const uint8_t *offsets, bool big);

static inline uint64_t kallsyms_address(const struct kallsyms_tables *t, uint32_t i,
                                        uint32_t offset) {
    uint64_t extended = (uint64_t)(int64_t)(int32_t)offset;
    if (t->form == KALLSYMS_PERCPU) return offset >> 31 ? t->relative_base - 1 - extended : offset;
    if (t->form == KALLSYMS_PLAIN) return t->relative_base + offset;
    return t->offsets + 4 * (uint64_t)i + extended;
}

// Token I is the LENGTH[I] characters at BYTES + AT[I].
struct kallsyms_tokens {
    uint16_t at[KALLSYMS_TOKENS];
    uint8_t length[KALLSYMS_TOKENS];
    char bytes[KALLSYMS_TOKEN_TABLE_MOST + 16]; // + 16: copied from in pieces of 16
};
int kallsyms_tokens_read(const struct reader *virt, uint64_t table, uint64_t index,
                         struct kallsyms_tokens *out, struct kvm_err *err);

// The packed name at *P: its tokens, or NULL when it runs past END. *P moves behind it. Since 6.1
// (73bbb94466fd) a length of 128 or more takes two bytes, the low seven bits first; before, there
// were none.
static inline const uint8_t *kallsyms_packed(const uint8_t **p, const uint8_t *end, size_t *len) {
    const uint8_t *at = *p;
    if (at >= end) return NULL;
    size_t n = *at++;
    if (n & 0x80) {
        if (at >= end) return NULL;
        n = (n & 0x7f) | (size_t)*at++ << 7;
    }
    if (n > (size_t)(end - at)) return NULL;
    *p = at + n;
    *len = n;
    return at;
}

// Finds the tables of a kernel whose VMCOREINFO does not tell where they are.
int kallsyms_find(const struct reader *virt, const struct kallsyms_hints *hints,
                  struct kallsyms_tables *out, struct kvm_err *err);

// --- names (kallsyms_names.c)

// The names, read and unpacked as they are needed. The first few questions are answered by
// comparing packed names, of which no more is read than lies in front of the answer; then all are
// unpacked, once.
struct kallsyms_names {
    struct reader virt;
    uint64_t start; // virtual address of the first
    uint32_t count;
    struct kallsyms_tokens tokens;
    struct kvm_err *why; // set when names could not be read: those behind are unknown
    // packed
    uint8_t *packed;
    size_t have, cap; // bytes
    size_t walked;    // bytes of the names that are known
    uint32_t known;   // names whose place is known
    uint32_t *block;  // where each 64th of them begins
    bool stopped;     // no more can be read
    // unpacked: the letter, the name, a NUL
    char *few; // those of the first questions
    size_t few_used;
    unsigned scans;
    char *text;
    uint32_t *at; // where all known ones are in text; NULL before they are unpacked
    struct symbol_index index;
};

int kallsyms_names_init(struct kallsyms_names *n, const struct reader *virt,
                        const struct kallsyms_tables *t, struct kvm_err *why, struct kvm_err *err);
void kallsyms_names_deinit(struct kallsyms_names *n);
// The number of the first symbol of that name.
bool kallsyms_names_find(struct kallsyms_names *n, const char *name, uint32_t *out);
// Letter and name of symbol I, good until deinit. NULL: unknown, *why tells the reason.
const char *kallsyms_names_get(struct kallsyms_names *n, uint32_t i);
// The same, good until the next call.
enum { KALLSYMS_BUFFER = SYMBOL_NAME_MAX + 32 };
const char *kallsyms_names_peek(struct kallsyms_names *n, uint32_t i, char buf[KALLSYMS_BUFFER]);
// Unpacks all that can be read. False when out of memory.
bool kallsyms_names_expand(struct kallsyms_names *n);

#endif
