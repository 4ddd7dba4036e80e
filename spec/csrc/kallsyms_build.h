// SPDX-License-Identifier: BSD-2-Clause
// Builds kallsyms in a target's memory, in the order and with the alignment of each release, as
// scripts/kallsyms.c does: tokens, names, markers, offsets.
#ifndef KVM_SPEC_KALLSYMS_BUILD_H
#define KVM_SPEC_KALLSYMS_BUILD_H

#include "symbol/kallsyms.h"
#include "target_memory.h"

#include <stdio.h>

enum ksym_layout { KSYM_5_10, KSYM_6_2, KSYM_6_4, KSYM_7_2, KSYM_LAYOUTS };

struct ksym {
    uint64_t addr;
    char kind;
    char name[SYMBOL_NAME_MAX];
};

struct ksym_image {
    struct target_memory memory;
    struct kallsyms_hints hints; // all of them
    const struct ksym *symbols;
    uint32_t count;
    uint64_t marker, seqs;
    enum kallsyms_form form;
    enum ksym_layout layout;
    bool big;
    uint64_t at; // where the next table goes
};

#define KSYM_BASE   UINT64_C(0xffffffff81000000)
#define KSYM_TABLES (KSYM_BASE + 0x10010)

static const char *ksym_token(int i) {
    static char one[2];
    switch (i) {
    case 0x01: return "__pfx_";
    case 0x80: return "sym_";
    case 0x81: return "tsym_";
    case 0xfe: return "a_token_of_more_than_sixteen";
    case 0xff: return "ing";
    default: break;
    }
    one[0] = (char)i;
    bool used = (i >= '0' && i <= '9') || (i >= 'A' && i <= 'Z') || (i >= 'a' && i <= 'z') ||
                i == '_' || i == '.';
    return used ? one : "";
}

// TEXT as tokens; the number of bytes.
static size_t ksym_pack(const char *text, uint8_t *out) {
    size_t n = 0;
    while (*text) {
        int best = -1;
        size_t length = 0;
        for (int i = 0; i < 256; i++) {
            const char *token = ksym_token(i);
            size_t len = strlen(token);
            if (len > length && strncmp(text, token, len) == 0) {
                best = i;
                length = len;
            }
        }
        if (best < 0) abort();
        out[n++] = (uint8_t)best;
        text += length;
    }
    return n;
}

static void ksym_align(struct ksym_image *k) {
    uint64_t to = k->layout == KSYM_7_2 ? 4 : 8;
    k->at = (k->at + to - 1) & ~(to - 1);
}
static void ksym_u32(struct ksym_image *k, uint32_t v) {
    bytes_put_u32(target_at(&k->memory, k->at), v, k->big);
    k->at += 4;
}

static void ksym_put_offsets(struct ksym_image *k) {
    ksym_align(k);
    k->hints.offsets = k->at;
    for (uint32_t i = 0; i < k->count; i++) {
        uint64_t addr = k->symbols[i].addr;
        if (k->form == KALLSYMS_PLACE)
            ksym_u32(k, (uint32_t)(addr - k->at));
        else if (k->form == KALLSYMS_PLAIN)
            ksym_u32(k, (uint32_t)(addr - KSYM_BASE));
        else
            ksym_u32(k, addr < KSYM_BASE ? (uint32_t)addr : (uint32_t)(KSYM_BASE - 1 - addr));
    }
    if (k->form == KALLSYMS_PLACE) return;
    ksym_align(k);
    k->hints.relative_base = k->at;
    bytes_put_u64(target_at(&k->memory, k->at), KSYM_BASE, k->big);
    k->at += 8;
}

static void ksym_put_seqs(struct ksym_image *k) {
    ksym_align(k);
    k->seqs = k->at;
    for (uint32_t i = 0; i < k->count; i++) {
        uint8_t *p = target_at(&k->memory, k->at);
        p[0] = (uint8_t)(i >> 16);
        p[1] = (uint8_t)(i * 7919 >> 8);
        p[2] = (uint8_t)(i * 7919);
        k->at += 3;
    }
}

static void ksym_put_names(struct ksym_image *k) {
    static uint32_t markers[4096];
    ksym_align(k);
    k->hints.num_syms = k->at;
    ksym_u32(k, k->count);
    ksym_align(k);
    k->hints.names = k->at;
    for (uint32_t i = 0; i < k->count; i++) {
        char text[SYMBOL_NAME_MAX + 1];
        uint8_t packed[SYMBOL_NAME_MAX + 1], *p = target_at(&k->memory, k->at);
        snprintf(text, sizeof(text), "%c%s", k->symbols[i].kind, k->symbols[i].name);
        size_t n = ksym_pack(text, packed), used = 0;
        if (i % 256 == 0) markers[i / 256] = (uint32_t)(k->at - k->hints.names);
        p[used++] = (uint8_t)(n > 0x7f ? n | 0x80 : n);
        if (n > 0x7f) p[used++] = (uint8_t)(n >> 7);
        memcpy(p + used, packed, n);
        k->at += used + n;
    }
    ksym_align(k);
    k->marker = k->at;
    for (uint32_t i = 0; i < (k->count + 255) / 256; i++)
        ksym_u32(k, markers[i]);
}

static void ksym_put_tokens(struct ksym_image *k) {
    uint16_t index[256], at = 0;
    ksym_align(k);
    k->hints.token_table = k->at;
    for (int i = 0; i < 256; i++) {
        const char *token = ksym_token(i);
        index[i] = at;
        memcpy(target_at(&k->memory, k->at + at), token, strlen(token) + 1);
        at = (uint16_t)(at + strlen(token) + 1);
    }
    k->at += at;
    ksym_align(k);
    k->hints.token_index = k->at;
    for (int i = 0; i < 256; i++, k->at += 2)
        bytes_put_u16(target_at(&k->memory, k->at), index[i], k->big);
}

static void ksym_build(struct ksym_image *k, enum ksym_layout layout, enum kallsyms_form form,
                       bool big, const struct ksym *symbols, uint32_t count) {
    *k = (struct ksym_image){
        .symbols = symbols, .count = count, .form = form, .layout = layout, .big = big};
    target_init(&k->memory, KSYM_BASE, 1 << 20);
    k->at = KSYM_TABLES;
    if (layout <= KSYM_6_2) ksym_put_offsets(k);
    ksym_put_names(k);
    if (layout == KSYM_6_2) ksym_put_seqs(k);
    ksym_put_tokens(k);
    if (layout > KSYM_6_2) ksym_put_offsets(k);
    if (layout > KSYM_6_2) ksym_put_seqs(k);
    k->hints.scan_start = KSYM_BASE;
    k->hints.scan_end = KSYM_BASE + k->memory.size;
    k->hints.text_start = KSYM_BASE;
}

#endif
