// SPDX-License-Identifier: BSD-2-Clause
// The names of kallsyms: sequences of tokens, each a byte that stands for one character or more
// (the table of tokens is made by scripts/kallsyms.c; checked against 5.10, 6.1, 6.12 and 7.2). The
// first character is the symbol's letter. Names can only be counted from the first one on, so what
// a dump lacks in the middle hides all that follows it; what is in front stays readable.
#include "symbol/kallsyms.h"

#include "base/mem.h"

enum {
    PIECE = 64 << 10,       // bytes read at once
    PAGE = 4096,            // the smallest part of the target that can be missing
    BLOCK = 64,             // names
    STEP = 1024,            // names walked before they are compared
    SCANS_MOST = 10,        // unpacking all takes about as long
    FEW_BYTES = 1 << 15,    // unpacked before all are
    PACKED_MOST = 32 << 20, // bytes of all packed names; real ones take 1 to 3 MB
    TEXT_MOST = 128 << 20,  // of all unpacked ones: 3 to 5 MB
};

// --- tokens

int kallsyms_tokens_read(const struct reader *virt, uint64_t table, uint64_t index,
                         struct kallsyms_tokens *out, struct kvm_err *err) {
    uint8_t raw[KALLSYMS_TOKENS * 2];
    int rc = reader_read(virt, index, raw, sizeof(raw), err);
    if (rc) return err_prepend(err, rc, "token index");
    size_t last = bytes_u16(raw + sizeof(raw) - 2, virt->big);
    if (last >= KALLSYMS_TOKEN_TABLE_MOST - SYMBOL_NAME_MAX)
        return err_at(err, KVM_FORMAT, index, "a token table of %zu bytes", last);
    memset(out->bytes, 0, sizeof(out->bytes));
    rc = reader_read(virt, table, out->bytes, last, err);
    if (rc == 0) rc = reader_string(virt, table + last, out->bytes + last, SYMBOL_NAME_MAX, err);
    if (rc) return err_prepend(err, rc, "token table");
    size_t at = 0;
    for (int i = 0; i < KALLSYMS_TOKENS; i++) {
        const char *text = out->bytes + at;
        size_t len = strlen(text);
        bool fits = bytes_u16(raw + 2 * i, virt->big) == at && at <= last && len <= UINT8_MAX;
        for (size_t c = 0; fits && c < len; c++)
            fits = text[c] > ' ' && text[c] < 0x7f;
        if (!fits) return err_at(err, KVM_FORMAT, table + at, "token %d is damaged", i);
        out->at[i] = (uint16_t)at;
        out->length[i] = (uint8_t)len;
        at += len + 1;
    }
    return 0;
}

// --- packed names

// Keeps the first reason why names are unknown.
static bool stop(struct kallsyms_names *n, const struct kvm_err *err) {
    n->stopped = true;
    if (n->why->code == 0) {
        *n->why = *err;
        err_prepend(n->why, err->code, "name %u of %u", n->known, n->count);
    }
    return false;
}

static bool read_more(struct kallsyms_names *n) {
    struct kvm_err err = {0};
    uint64_t at = n->start + n->have;
    if (n->have > PACKED_MOST) {
        err_at(&err, KVM_FORMAT, at, "no end of its names");
        return stop(n, &err);
    }
    if (!mem_grow(&n->packed, &n->cap, n->have + PIECE, 1)) {
        err_nomem(&err, "symbol names");
        return stop(n, &err);
    }
    size_t len = PIECE - (size_t)(at % PIECE);
    int rc = reader_read(&n->virt, at, n->packed + n->have, len, NULL);
    if (rc) {
        len = PAGE - (size_t)(at % PAGE);
        rc = reader_read(&n->virt, at, n->packed + n->have, len, &err);
    }
    if (rc) return stop(n, &err);
    n->have += len;
    return true;
}

// Makes the places of the names below UPTO known.
static bool walk(struct kallsyms_names *n, uint32_t upto) {
    while (n->known < upto && !n->stopped) {
        if (!n->packed) {
            read_more(n);
            continue;
        }
        const uint8_t *p = n->packed + n->walked, *end = n->packed + n->have;
        size_t len = 1;
        while (n->known < upto) {
            size_t at = (size_t)(p - n->packed);
            if (!kallsyms_packed(&p, end, &len) || len == 0) break;
            if (n->known % BLOCK == 0) n->block[n->known / BLOCK] = (uint32_t)at;
            n->known++;
        }
        n->walked = (size_t)(p - n->packed);
        if (len == 0) {
            struct kvm_err err;
            err_at(&err, KVM_FORMAT, n->start + n->walked, "is empty");
            stop(n, &err);
        } else if (n->known < upto) {
            read_more(n);
        }
    }
    return n->known >= upto;
}

// Unpacks into OUT, which has room for KALLSYMS_BUFFER bytes. The length without NUL; 0 when the
// name has no letter and character, or more than fit.
static size_t unpack(const struct kallsyms_tokens *t, const uint8_t *p, size_t len, char *out) {
    size_t at = 0;
    for (size_t i = 0; i < len; i++) {
        size_t n = t->length[p[i]];
        if (at + n > SYMBOL_NAME_MAX) return 0;
        const char *text = t->bytes + t->at[p[i]];
        memcpy(out + at, text, 16); // a fixed size is quicker; what is too much is overwritten
        if (n > 16) memcpy(out + at + 16, text + 16, n - 16);
        at += n;
    }
    out[at] = '\0';
    return at >= 2 ? at : 0;
}

static size_t unpack_at(struct kallsyms_names *n, uint32_t i, char *out) {
    if (!walk(n, i + 1)) return 0;
    const uint8_t *p = n->packed + n->block[i / BLOCK], *name = NULL;
    size_t len = 0;
    for (uint32_t skip = i % BLOCK + 1; skip > 0; skip--)
        name = kallsyms_packed(&p, n->packed + n->walked, &len);
    return name ? unpack(&n->tokens, name, len, out) : 0;
}

// FIRST[t]: 0, or 1 + how much of NAME a leading token t covers behind its letter.
static void lead(const struct kallsyms_tokens *t, const char *name, size_t len,
                 uint16_t first[KALLSYMS_TOKENS]) {
    for (int i = 0; i < KALLSYMS_TOKENS; i++) {
        size_t n = t->length[i];
        bool fits = n > 0 && n - 1 <= len && memcmp(t->bytes + t->at[i] + 1, name, n - 1) == 0;
        first[i] = fits ? (uint16_t)n : 0;
    }
}

static bool matches(const struct kallsyms_tokens *t, const uint8_t *p, size_t packed, size_t at,
                    const char *name, size_t len) {
    for (size_t i = 1; i < packed; i++) {
        size_t n = t->length[p[i]];
        if (n > len - at || memcmp(t->bytes + t->at[p[i]], name + at, n) != 0) return false;
        at += n;
    }
    return at == len;
}

static bool scan(struct kallsyms_names *n, const char *name, size_t len, uint32_t *out) {
    uint16_t first[KALLSYMS_TOKENS];
    lead(&n->tokens, name, len, first);
    size_t at = 0;
    for (uint32_t i = 0; i < n->count;) {
        uint32_t upto = n->count - i < STEP ? n->count : i + STEP;
        if (!walk(n, upto)) upto = n->known;
        const uint8_t *p = n->packed + at, *end = n->packed + n->walked;
        if (i == upto) return false;
        for (; i < upto; i++) {
            size_t packed;
            const uint8_t *tokens = kallsyms_packed(&p, end, &packed);
            uint16_t covered = first[tokens[0]];
            if (covered && matches(&n->tokens, tokens, packed, covered - 1u, name, len)) {
                *out = i;
                return true;
            }
        }
        at = (size_t)(p - n->packed);
    }
    return false;
}

// --- unpacked names

static const char *name_of(const void *ctx, uint32_t i) {
    const struct kallsyms_names *n = ctx;
    return n->text + n->at[i] + 1;
}

// Gives the names' places and their text; of a damaged name and what follows it, none.
static int unpack_all(struct kallsyms_names *n, uint32_t *at, char **text, struct kvm_err *err) {
    const uint8_t *p = n->packed, *end = n->packed + n->walked;
    size_t used = 0, cap = 0;
    // 27 bytes a name is what kernels have; untouched memory costs nothing.
    if (!mem_grow(text, &cap, (size_t)n->known * 32 + KALLSYMS_BUFFER, 1))
        return err_nomem(err, "symbol names");
    for (uint32_t i = 0; i < n->known; i++) {
        size_t len = 0;
        const uint8_t *tokens = kallsyms_packed(&p, end, &len);
        if (cap - used < KALLSYMS_BUFFER && !mem_grow(text, &cap, used + KALLSYMS_BUFFER, 1))
            return err_nomem(err, "symbol names");
        at[i] = (uint32_t)used;
        len = used > TEXT_MOST ? 0 : unpack(&n->tokens, tokens, len, *text + used);
        if (len == 0) {
            n->known = i;
            return err_set(err, KVM_FORMAT, "is damaged");
        }
        used += len + 1;
    }
    return 0;
}

bool kallsyms_names_expand(struct kallsyms_names *n) {
    if (n->at) return true;
    struct kvm_err err = {0};
    walk(n, n->count);
    char *text = NULL;
    uint32_t *at = mem_array((size_t)n->known + 1, sizeof(*at));
    int rc = at ? unpack_all(n, at, &text, &err) : err_nomem(&err, "symbol names");
    if (rc) stop(n, &err);
    if (!at || rc == KVM_NOMEM) {
        mem_free(at);
        mem_free(text);
        return false;
    }
    n->at = at;
    n->text = text;
    mem_free(n->packed);
    mem_free(n->block);
    n->packed = NULL;
    n->block = NULL;
    return true;
}

static bool make_index(struct kallsyms_names *n) {
    if (n->index.slots) return true;
    if (!kallsyms_names_expand(n) || !symbol_index_init(&n->index, n->known)) return false;
    for (uint32_t i = 0; i < n->known; i++)
        symbol_index_add(&n->index, i, name_of, n);
    return true;
}

bool kallsyms_names_find(struct kallsyms_names *n, const char *name, uint32_t *out) {
    size_t len = strnlen(name, SYMBOL_NAME_MAX);
    if (len == 0 || len == SYMBOL_NAME_MAX) return false;
    if (!n->at && n->scans < SCANS_MOST) {
        n->scans++;
        return scan(n, name, len, out);
    }
    if (make_index(n)) return symbol_index_find(&n->index, name, name_of, n, out);
    if (!n->at) return scan(n, name, len, out); // slower, but without more memory
    for (uint32_t i = 0; i < n->known; i++) {
        *out = i;
        if (strcmp(name_of(n, i), name) == 0) return true;
    }
    return false;
}

const char *kallsyms_names_peek(struct kallsyms_names *n, uint32_t i, char buf[KALLSYMS_BUFFER]) {
    if (n->at) return i < n->known ? n->text + n->at[i] : NULL;
    return i < n->count && unpack_at(n, i, buf) ? buf : NULL;
}

const char *kallsyms_names_get(struct kallsyms_names *n, uint32_t i) {
    if (!n->at && n->few_used + KALLSYMS_BUFFER > FEW_BYTES) kallsyms_names_expand(n);
    if (n->at) return i < n->known ? n->text + n->at[i] : NULL;
    if (i >= n->count || n->few_used + KALLSYMS_BUFFER > FEW_BYTES) return NULL;
    char *out = n->few + n->few_used;
    size_t len = unpack_at(n, i, out);
    if (len == 0) return NULL;
    n->few_used += len + 1;
    return out;
}

int kallsyms_names_init(struct kallsyms_names *n, const struct reader *virt,
                        const struct kallsyms_tables *t, struct kvm_err *why, struct kvm_err *err) {
    memset(n, 0, sizeof(*n));
    n->virt = *virt;
    n->start = t->names;
    n->count = t->count;
    n->why = why;
    n->few = mem_alloc(FEW_BYTES);
    n->block = mem_array((size_t)n->count / BLOCK + 1, sizeof(*n->block));
    if (!n->few || !n->block || !mem_grow(&n->packed, &n->cap, PIECE, 1))
        return err_nomem(err, "kallsyms");
    return kallsyms_tokens_read(virt, t->token_table, t->token_index, &n->tokens, err);
}

void kallsyms_names_deinit(struct kallsyms_names *n) {
    mem_free(n->packed);
    mem_free(n->block);
    mem_free(n->few);
    mem_free(n->text);
    mem_free(n->at);
    symbol_index_deinit(&n->index);
}
