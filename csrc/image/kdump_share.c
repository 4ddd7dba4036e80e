// SPDX-License-Identifier: BSD-2-Clause
// A table of stored page data by hash (image/kdump_share.h): open addressing, at most half full. A
// hash only points at a candidate: its bytes are read back and compared, so a collision, made on
// purpose or not, costs time and never mixes pages up. The same codec gives equal bytes for equal
// pages, so it is the compressed bytes that are compared.
#include "image/kdump_share.h"

#include "base/mem.h"

#include <string.h>

enum { SIZE_MIN = 1 << 10, SIZE_MAX_SHARED = 1 << 20, PROBES = 64 };

static uint32_t hash_bytes(const uint8_t *p, size_t len) {
    uint64_t h = 0xcbf29ce484222325u ^ len;
    for (; len >= 8; p += 8, len -= 8) {
        uint64_t w;
        memcpy(&w, p, 8);
        h = (h ^ w) * 0x9e3779b97f4a7c15u;
        h ^= h >> 29;
    }
    for (; len > 0; p++, len--)
        h = (h ^ *p) * 0x100000001b3u;
    return (uint32_t)(h ^ h >> 32);
}

static int same(struct outfile *o, struct outstream *data, const struct kdump_stored *s,
                const uint8_t *bytes, bool *out, struct kvm_err *err) {
    if (s->off >= data->off) { // all of it is still in the stream's buffer
        *out = memcmp(data->buf + (s->off - data->off), bytes, s->len) == 0;
        return 0;
    }
    int rc = s->off + s->len > data->off ? outstream_flush(o, data, err) : 0;
    uint8_t piece[4096];
    *out = true;
    for (uint32_t at = 0; rc == 0 && *out && at < s->len; at += sizeof(piece)) {
        size_t n = s->len - at < sizeof(piece) ? s->len - at : sizeof(piece);
        rc = outfile_get(o, s->off + at, piece, n, err);
        if (rc == 0) *out = memcmp(piece, bytes + at, n) == 0;
    }
    return rc;
}

int kdump_share_find(const struct kdump_share *t, struct outfile *o, struct outstream *data,
                     const uint8_t *bytes, struct kdump_stored *s, bool *found,
                     struct kvm_err *err) {
    s->hash = hash_bytes(bytes, s->len);
    *found = false;
    size_t i = s->hash;
    for (int n = 0; t->size && n < PROBES; n++, i++) {
        const struct kdump_stored *x = &t->v[i & (t->size - 1)];
        if (x->off == 0) break;
        if (x->hash != s->hash || x->len != s->len || x->flags != s->flags) continue;
        int rc = same(o, data, x, bytes, found, err);
        if (rc) return rc;
        if (*found) {
            s->off = x->off;
            return 0;
        }
    }
    return 0;
}

static void insert(struct kdump_share *t, const struct kdump_stored *s) {
    size_t i = s->hash;
    for (int n = 0; n < PROBES; n++, i++) {
        struct kdump_stored *x = &t->v[i & (t->size - 1)];
        if (x->off) continue;
        *x = *s;
        t->count++;
        return;
    }
}

static bool grow(struct kdump_share *t) {
    struct kdump_share bigger = {.size = t->size ? t->size * 2 : SIZE_MIN};
    bigger.v = mem_array(bigger.size, sizeof(*bigger.v));
    if (!bigger.v) return false;
    for (size_t i = 0; i < t->size; i++)
        if (t->v[i].off) insert(&bigger, &t->v[i]);
    mem_free(t->v);
    *t = bigger;
    return true;
}

int kdump_share_add(struct kdump_share *t, const struct kdump_stored *s, struct kvm_err *err) {
    if (t->count * 2 >= t->size) {
        if (t->size >= SIZE_MAX_SHARED) return 0;
        if (!grow(t)) return err_nomem(err, "the table of stored pages");
    }
    insert(t, s);
    return 0;
}

void kdump_share_deinit(struct kdump_share *t) {
    mem_free(t->v);
    *t = (struct kdump_share){0};
}
