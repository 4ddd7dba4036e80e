// SPDX-License-Identifier: BSD-2-Clause
// Finds kallsyms in memory by its shape, where VMCOREINFO does not tell (always before Linux 6.0).
// scripts/kallsyms.c writes the tables one behind the other, each aligned to 8 bytes:
//   5.10     offsets, relative_base, num_syms, names, markers, token_table, token_index
//   6.2      the same with seqs (the symbols in the order of their names, 3 bytes each) behind the
//            markers (60443c88f3a8; 6.1.192 has it too)
//   6.4      num_syms, names, markers, token_table, token_index, offsets, relative_base, seqs
//            ("scripts/kallsyms: change the output order", March 2023)
//   7.2      the same without relative_base, aligned to 4 bytes
// markers[i] is where name 256 * i begins. The token table is the anchor: digits stand for
// themselves, so the strings "0" to "9" follow each other at tokens 0x30 to 0x39. Every table is
// checked against the others before it is believed.
#include "symbol/kallsyms.h"

#include "base/mem.h"

enum {
    PAGE = 4096,           // the smallest part of the target that can be missing
    PIECE = 64 << 10,      // bytes scanned at once
    OVERLAP = 32,          // of two pieces
    SCAN_MOST = 256 << 20, // bytes
    DIGIT_ZERO = 0x30,
    PER_MARKER = 256,
    SEQ = 3,                // bytes
    BACK_LEAST = 128 << 10, // bytes in front of the token table that are looked at
    BACK_MOST = 16 << 20,   // the names of 190,000 symbols take 2.8 MB
    NAME_MOST = SYMBOL_NAME_MAX + 2
};

static uint64_t align(uint64_t v, uint64_t to) {
    return (v + to - 1) & ~(to - 1);
}

struct search {
    const struct reader *virt;
    const struct kallsyms_hints *hints;
    struct kallsyms_tables t;
    struct kallsyms_tokens tokens;
    uint8_t piece[PIECE + OVERLAP];
    uint64_t num_syms; // where it stands
};

// --- the token table

// Where the token table begins, when the digits' tokens stand at DIGITS; its index behind it
// agrees.
static bool table_around(struct search *s, uint64_t digits) {
    uint8_t rest[KALLSYMS_TOKEN_TABLE_MOST];
    size_t size = sizeof(rest), at = 0;
    while (size > OVERLAP && reader_read(s->virt, digits, rest, size, NULL) != 0)
        size /= 2;
    for (int i = DIGIT_ZERO; i < KALLSYMS_TOKENS; i++) {
        const uint8_t *nul = at < size ? memchr(rest + at, 0, size - at) : NULL;
        if (!nul) return false;
        at = (size_t)(nul - rest) + 1;
    }
    for (unsigned to = 4; to <= 8; to += 4) {
        uint16_t zero;
        s->t.token_index = align(digits + at, to);
        if (reader_u16(s->virt, s->t.token_index + 2 * DIGIT_ZERO, &zero, NULL) != 0) continue;
        s->t.token_table = digits - zero;
        if (kallsyms_tokens_read(s->virt, s->t.token_table, s->t.token_index, &s->tokens, NULL) ==
            0)
            return true;
    }
    return false;
}

// The digits within LEN bytes of s->piece, which stand at BASE.
static bool scan_piece(struct search *s, size_t len, uint64_t base) {
    static const char digits[20] = "0\0001\0002\0003\0004\0005\0006\0007\0008\0009";
    const uint8_t *at = s->piece, *end = s->piece + len;
    while ((at = memmem(at, (size_t)(end - at), digits, sizeof(digits)))) {
        if (table_around(s, base + (uint64_t)(at - s->piece))) return true;
        at++;
    }
    return false;
}

// From END down to START. A page that can't be read is passed over.
static bool scan_range(struct search *s, uint64_t start, uint64_t end) {
    size_t tail = 0; // bytes of the piece above that are kept behind this one
    for (uint64_t at = end; at > start;) {
        size_t len = at % PIECE ? (size_t)(at % PIECE) : PIECE;
        if (len > at - start) len = (size_t)(at - start);
        uint8_t keep[OVERLAP];
        memcpy(keep, s->piece, tail);
        int rc = reader_read(s->virt, at - len, s->piece, len, NULL);
        if (rc) {
            len = at % PAGE ? (size_t)(at % PAGE) : PAGE;
            if (len > at - start) len = (size_t)(at - start);
            rc = reader_read(s->virt, at - len, s->piece, len, NULL);
        }
        at -= len;
        if (rc == 0) {
            memcpy(s->piece + len, keep, tail);
            if (scan_piece(s, len + tail, at)) return true;
            tail = len + tail < OVERLAP ? len + tail : OVERLAP;
        } else {
            tail = 0;
        }
    }
    return false;
}

// Whether a page lies within the names: from one of its first bytes on, length follows length to
// its end, all of them short. Text and code have zeros and larger bytes in their way.
static bool looks_like_names(const uint8_t *page) {
    enum { SHORT = 64 };
    for (size_t first = 0; first < SHORT; first++) {
        size_t at = first;
        while (at < PAGE && page[at] > 0 && page[at] < SHORT)
            at += 1u + page[at];
        if (at >= PAGE) return true;
    }
    return false;
}

// The names are the largest of the tables: a page in every STRIDE bytes tells where they are, so
// that not all that is above them has to be decompressed. The token table is not far behind.
static bool sample_range(struct search *s, uint64_t start, uint64_t end) {
    enum { STRIDE = 256 << 10, NEAR = STRIDE + PIECE, FAR = 4 * STRIDE };
    enum { WRONG_MOST = 4 }; // places that look like names, but are not
    int wrong = 0;
    for (uint64_t at = end & ~(uint64_t)(PAGE - 1); at - start > STRIDE;) {
        at -= STRIDE;
        if (reader_read(s->virt, at, s->piece, PAGE, NULL) != 0 || !looks_like_names(s->piece))
            continue;
        uint64_t near = end - at < NEAR ? end : at + NEAR, far = end - at < FAR ? end : at + FAR;
        if (scan_range(s, at, near) || scan_range(s, near - OVERLAP, far)) return true;
        if (++wrong == WRONG_MOST) return false;
    }
    return false;
}

static int find_tokens(struct search *s, struct kvm_err *err) {
    uint64_t end = s->hints->scan_end, start = s->hints->scan_start;
    if (end > start && end - start > SCAN_MOST) start = end - SCAN_MOST;
    if (end > start && (sample_range(s, start, end) || scan_range(s, start, end))) return 0;
    return err_set(err, KVM_NOTFOUND, "no kallsyms token table in 0x%llx-0x%llx",
                   (unsigned long long)start, (unsigned long long)end);
}

// --- markers and names, in the BACK bytes at P in front of the token table

// How many markers end GAP bytes in front of the table; *first: how far in front of it the first
// is.
static uint32_t find_markers(bool big, const uint8_t *p, size_t back, size_t gap, size_t *first) {
    size_t at = back - gap;
    uint32_t above = 0, n = 0;
    while (at >= 4) {
        uint32_t v = bytes_u32(p + at - 4, big), names = above - v; // bytes of 256 names
        if (n && (v >= above || names < 2 * PER_MARKER || names > PER_MARKER * NAME_MOST)) return 0;
        n++;
        at -= 4;
        above = v;
        if (v == 0) {
            *first = back - at;
            return n;
        }
    }
    return 0;
}

// Walks COUNT packed names; true when each 256th starts where its marker says and they end in front
// of END.
static bool names_agree(bool big, const uint8_t *names, const uint8_t *end, uint32_t count,
                        const uint8_t *markers) {
    const uint8_t *p = names;
    for (uint32_t i = 0; i < count; i++) {
        size_t len;
        if (i % PER_MARKER == 0 &&
            (size_t)(p - names) != bytes_u32(markers + (size_t)i / PER_MARKER * 4, big))
            return false;
        if (!kallsyms_packed(&p, end, &len) || len == 0) return false;
    }
    return end - p < 8; // what aligns the markers
}

// num_syms in front of NAMES, alone or with what aligns the names to 8 bytes; *gap: how far in
// front.
static bool count_before(bool big, const uint8_t *names, uint32_t markers, uint32_t *count,
                         size_t *gap) {
    for (*gap = 4; *gap <= 8; *gap += 4) {
        *count = bytes_u32(names - *gap, big);
        if (*count > (markers - 1) * PER_MARKER && *count <= markers * PER_MARKER &&
            (*gap == 4 || bytes_u32(names - 4, big) == 0))
            return true;
    }
    return false;
}

// Where the names begin is not known: the last marker tells how far in front of the last 256 of
// them that is, and these may be of any length.
static bool find_names(struct search *s, const uint8_t *p, size_t back, size_t first,
                       uint32_t markers) {
    bool big = s->virt->big;
    const uint8_t *marker = p + back - first;
    size_t last = bytes_u32(marker + 4 * ((size_t)markers - 1), big);
    for (size_t tail = 0; tail <= (size_t)PER_MARKER * NAME_MOST; tail += 4) {
        size_t size = (size_t)align(last + 1, 4) + tail, gap; // of the names, with what aligns
        uint32_t count;
        if (size + 8 > back - first) return false;
        const uint8_t *names = marker - size;
        if (!count_before(big, names, markers, &count, &gap) ||
            !names_agree(big, names, marker, count, marker))
            continue;
        s->t.count = count;
        s->t.names = s->t.token_table - first - size;
        s->num_syms = s->t.names - gap;
        return true;
    }
    return false;
}

// Between the markers and the token table is nothing, or the seqs; each aligned to 8 bytes.
static bool gap_fits(size_t gap, size_t least, size_t most) {
    return gap < 8 || (gap >= SEQ * least && gap < SEQ * most + 16);
}

static bool find_markers_and_names(struct search *s, const uint8_t *p, size_t back) {
    for (size_t gap = 0; gap < back; gap += 4) {
        size_t first;
        uint32_t markers = find_markers(s->virt->big, p, back, gap, &first);
        if (markers < 2 || markers > SYMBOL_INDEX_MOST / PER_MARKER ||
            !gap_fits(gap, ((size_t)markers - 1) * PER_MARKER, (size_t)markers * PER_MARKER))
            continue;
        if (find_names(s, p, back, first, markers) && gap_fits(gap, s->t.count, s->t.count))
            return true;
    }
    return false;
}

// As much as is needed in front of the table, no more: the pages may be compressed.
static int find_names_back(struct search *s, struct kvm_err *err) {
    uint64_t table = s->t.token_table, start = s->hints->scan_start;
    size_t room = table <= start              ? 0
                  : table - start < BACK_MOST ? (size_t)(table - start)
                                              : BACK_MOST;
    uint8_t *p = mem_alloc(room);
    if (!p) return err_nomem(err, "kallsyms");
    size_t have = 0, back = BACK_LEAST / 2;
    bool found = false;
    int rc = 0;
    while (rc == 0 && !found && have < room) {
        back = 2 * back < room ? 2 * back : room;
        rc = reader_read(s->virt, table - back, p + room - back, back - have, err);
        have = back;
        found = rc == 0 && find_markers_and_names(s, p + room - back, back);
    }
    mem_free(p);
    if (rc) return err_prepend(err, rc, "in front of the token table");
    if (found) return 0;
    return err_at(err, KVM_FORMAT, table, "a token table, but no names in front of it");
}

// --- offsets

// Whether BASE, the lowest address of the table (but per-CPU offsets), can be the image's.
static bool base_fits(const struct search *s, uint64_t base) {
    const struct kallsyms_hints *h = s->hints;
    if (h->text_start) return base <= h->text_start && h->text_start - base < PAGE * 4096u;
    return base >= h->scan_start && base < h->scan_end;
}

// Whether the offsets are at s->t.offsets in a form that makes an ascending table of them; BASE is
// where relative_base stands, 0: there is none.
static bool offsets_fit(struct search *s, uint64_t base, uint8_t *buf) {
    struct kallsyms_tables *t = &s->t;
    if (base && (reader_word(s->virt, base, &t->relative_base, NULL) != 0 ||
                 !base_fits(s, t->relative_base)))
        return false;
    if (reader_read(s->virt, t->offsets, buf, (size_t)t->count * 4, NULL) != 0) return false;
    bool negative = bytes_u32(buf + ((size_t)t->count - 1) * 4, s->virt->big) >> 31;
    t->form = !base ? KALLSYMS_PLACE : negative ? KALLSYMS_PERCPU : KALLSYMS_PLAIN;
    if (!base && !base_fits(s, kallsyms_address(t, 0, bytes_u32(buf, s->virt->big)))) return false;
    return kallsyms_ascending(t, buf, s->virt->big);
}

static int find_offsets(struct search *s, struct kvm_err *err) {
    struct kallsyms_tables *t = &s->t;
    uint64_t size = (uint64_t)t->count * 4, word = s->virt->word_size;
    uint8_t *buf = mem_alloc((size_t)size);
    if (!buf) return err_nomem(err, "kallsyms");
    uint64_t base = (s->num_syms & ~(word - 1)) - word;
    t->offsets = base - align(size, word);
    bool found = offsets_fit(s, base, buf);
    if (!found) {
        t->offsets = t->token_index + 2 * KALLSYMS_TOKENS;
        found = offsets_fit(s, align(t->offsets + size, word), buf) || offsets_fit(s, 0, buf);
    }
    mem_free(buf);
    if (found) return 0;
    return err_at(err, KVM_FORMAT, t->names, "%u names, but no offsets beside them", t->count);
}

int kallsyms_find(const struct reader *virt, const struct kallsyms_hints *hints,
                  struct kallsyms_tables *out, struct kvm_err *err) {
    struct search *s = mem_zalloc(sizeof(*s));
    if (!s) return err_nomem(err, "kallsyms");
    s->virt = virt;
    s->hints = hints;
    int rc = find_tokens(s, err);
    if (rc == 0) rc = find_names_back(s, err);
    if (rc == 0) rc = find_offsets(s, err);
    if (rc == 0) *out = s->t;
    mem_free(s);
    return rc;
}
