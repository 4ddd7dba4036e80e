// SPDX-License-Identifier: BSD-2-Clause
// CTF's index: where each type starts, made by the first question, and the names of types, sorted by the
// first search. FreeBSD's sys/sys/ctf.h and libctf (ctf_open.c), 14.0.
#include "type/ctf.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

const char *ctf_string(const struct ctf *c, uint32_t name) {
    uint32_t off = name & 0x7fffffff;
    if (name >> 31) return off < c->elf_strings_len ? c->elf_strings + off : NULL;
    return off < c->strings_len ? (const char *)c->body + c->strings + off : NULL;
}

static bool has_size(uint8_t kind) {
    return kind <= CTF_FLOAT || kind == CTF_ARRAY || kind == CTF_STRUCT || kind == CTF_UNION ||
           kind == CTF_ENUM;
}

// Bytes behind the record.
static uint64_t data_size(const struct ctf_layout *l, const struct ctf_record *r) {
    uint64_t n = r->vlen;
    switch (r->kind) {
    case CTF_INTEGER:
    case CTF_FLOAT: return 4;
    case CTF_ARRAY: return 2u * l->id + 4;
    case CTF_FUNCTION: return (n * l->id + 3) / 4 * 4;
    case CTF_STRUCT:
    case CTF_UNION: return n * (r->size < l->large_struct ? l->member : CTF_LMEMBER);
    case CTF_ENUM: return n * 8;
    default: return 0;
    }
}

// The record at AT, of which LEFT bytes are there. False: it is cut off.
static bool decode(const struct ctf *c, const uint8_t *at, size_t left, struct ctf_record *out) {
    const struct ctf_layout *l = c->layout;
    size_t head = 4 + 2u * l->id;
    if (left < head) return false;
    uint32_t info = ctf_word(c, at + 4);
    *out = (struct ctf_record){
        .name = bytes_u32(at, c->big),
        .kind = (uint8_t)ctf_kind(c, info),
        .root = info & l->root,
        .vlen = info & l->vlen,
        .ref = ctf_word(c, at + 4 + l->id),
    };
    if (has_size(out->kind)) {
        out->size = out->ref;
        if (out->size == l->large_size) {
            if (left < head + 8) return false;
            out->size =
                (uint64_t)bytes_u32(at + head, c->big) << 32 | bytes_u32(at + head + 4, c->big);
            head += 8;
        }
    }
    out->data = at + head;
    return data_size(l, out) <= left - head;
}

void ctf_record(const struct ctf *c, uint32_t n, struct ctf_record *out) {
    decode(c, c->body + c->offsets[n], SIZE_MAX, out);
}

// The type at *AT gets the next number.
static int index_type(struct ctf *c, uint32_t *at) {
    uint32_t n = c->last + 1;
    struct ctf_record r;
    if (n >= c->layout->child)
        return err_set(&c->error, KVM_FORMAT, "CTF: more than %u types", c->last);
    if (!decode(c, c->body + *at, c->strings - *at, &r))
        return err_set(&c->error, KVM_FORMAT, "CTF: type %u is cut off", n);
    if (r.kind >= CTF_KINDS)
        return err_set(&c->error, KVM_FORMAT, "CTF: type %u is of unknown kind %u", n, r.kind);
    if (!ctf_string(c, r.name))
        return err_set(&c->error, KVM_FORMAT, "CTF: the name of type %u lies outside", n);
    c->offsets[n] = *at;
    c->last = n;
    *at = (uint32_t)(r.data + data_size(c->layout, &r) - c->body);
    return 0;
}

int ctf_index(struct ctf *c, struct kvm_err *err) {
    if (!c->indexed) {
        // At most this many types; what of it is not written is never backed by memory.
        size_t most = (c->strings - c->types) / (4 + 2u * c->layout->id) + 1;
        c->offsets = mem_alloc(most * sizeof(*c->offsets));
        if (!c->offsets) return err_nomem(err, "the index of CTF");
        c->indexed = true;
        uint32_t at = c->types;
        while (c->error.code == 0 && at < c->strings)
            index_type(c, &at);
    }
    if (c->error.code && err) *err = c->error;
    return c->error.code;
}

// --- names
int ctf_name_compare(const void *a, const void *b) {
    const struct ctf_name *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->id > y->id) - (x->id < y->id);
}

size_t ctf_name_first(const struct ctf_name *names, size_t count, const char *name) {
    size_t lo = 0, hi = count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (strcmp(names[mid].name, name) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static bool has_name(uint8_t kind) {
    return kind == CTF_INTEGER || kind == CTF_FLOAT || kind == CTF_TYPEDEF || kind == CTF_FORWARD ||
           (kind >= CTF_STRUCT && kind <= CTF_ENUM);
}

static int make_names(struct ctf *c) {
    for (uint32_t n = 1; n <= c->last; n++) {
        struct ctf_record r;
        ctf_record(c, n, &r);
        const char *name = ctf_string(c, r.name);
        if (!has_name(r.kind) || !name[0]) continue;
        if (!mem_grow(&c->names, &c->names_cap, c->names_len + 1, sizeof(*c->names))) {
            c->names_len = 0;
            return KVM_NOMEM;
        }
        c->names[c->names_len++] = (struct ctf_name){name, n};
    }
    if (c->names_len) qsort(c->names, c->names_len, sizeof(*c->names), ctf_name_compare);
    return 0;
}

enum match { MATCH_NO, MATCH_DECLARATION, MATCH_HIDDEN, MATCH_ROOT };

bool ctf_is_whole(const struct ctf *c, const struct ctf_record *r) {
    return (bytes_u32(r->data, c->big) & 0xffff) == 8 * r->size && r->size > 0;
}

static enum match match(const struct ctf *c, const struct ctf_record *r, enum type_kind kind) {
    static const uint8_t kinds[TYPE_KINDS] = {
        [TYPE_INT] = CTF_INTEGER, [TYPE_FLOAT] = CTF_FLOAT, [TYPE_STRUCT] = CTF_STRUCT,
        [TYPE_UNION] = CTF_UNION, [TYPE_ENUM] = CTF_ENUM,   [TYPE_TYPEDEF] = CTF_TYPEDEF,
    };
    uint8_t want = kinds[kind];
    if (want == CTF_UNKNOWN) return MATCH_NO;
    if (r->kind == CTF_FORWARD) { // of an unknown kind: FreeBSD's ctfconvert does not tell it
        bool tag = want >= CTF_STRUCT && want <= CTF_ENUM;
        return tag && (r->ref == want || (r->ref == CTF_UNKNOWN && want != CTF_ENUM))
                   ? MATCH_DECLARATION
                   : MATCH_NO;
    }
    if (r->kind != want || (want == CTF_INTEGER && !ctf_is_whole(c, r))) return MATCH_NO;
    return r->root ? MATCH_ROOT : MATCH_HIDDEN;
}

int ctf_find_type(struct ctf *c, enum type_kind kind, const char *name, uint32_t *out) {
    int rc = ctf_index(c, NULL);
    if (rc == 0 && !c->names_len) rc = make_names(c);
    if (rc) return rc;
    enum match best = MATCH_NO;
    for (size_t i = ctf_name_first(c->names, c->names_len, name); i < c->names_len; i++) {
        struct ctf_record r;
        if (strcmp(c->names[i].name, name) != 0) break;
        ctf_record(c, c->names[i].id, &r);
        enum match m = match(c, &r, kind);
        if (m <= best) continue;
        best = m;
        *out = c->names[i].id;
    }
    return best ? 0 : KVM_NOTFOUND;
}
