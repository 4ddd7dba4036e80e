// SPDX-License-Identifier: BSD-2-Clause
// Sorted ranges without overlaps (image/spans.h).
#include "image/spans.h"

#include "base/mem.h"

#include <stdlib.h>

bool spans_add(struct spans *s, uint64_t start, uint64_t end, uint64_t off, uint32_t part) {
    if (end <= start) return true;
    if (!mem_grow(&s->v, &s->cap, s->count + 1, sizeof(*s->v))) return false;
    s->v[s->count++] = (struct span){start, end, off, part};
    return true;
}

static int compare(const void *pa, const void *pb) {
    const struct span *a = pa;
    const struct span *b = pb;
    if (a->start != b->start) return a->start < b->start ? -1 : 1;
    if (a->end != b->end) return a->end > b->end ? -1 : 1; // the longer one first
    if (a->part != b->part) return a->part < b->part ? -1 : 1;
    return a->off < b->off ? -1 : a->off > b->off;
}

void spans_settle(struct spans *s, bool addresses_only) {
    if (s->count == 0) return;
    qsort(s->v, s->count, sizeof(*s->v), compare);
    size_t kept = 0;
    for (size_t i = 0; i < s->count; i++) {
        struct span x = s->v[i];
        if (kept > 0) {
            struct span *last = &s->v[kept - 1];
            if (x.end <= last->end) continue;
            if (x.start < last->end) {
                x.off += last->end - x.start;
                x.start = last->end;
            }
            bool follows = addresses_only ||
                           (last->part == x.part && last->off + (last->end - last->start) == x.off);
            if (x.start == last->end && follows) {
                last->end = x.end;
                continue;
            }
        }
        s->v[kept++] = x;
    }
    s->count = kept;
}

const struct span *spans_find(const struct spans *s, uint64_t pa) {
    size_t lo = 0;
    size_t hi = s->count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (s->v[mid].end <= pa)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < s->count ? &s->v[lo] : NULL;
}

void spans_deinit(struct spans *s) {
    mem_free(s->v);
    *s = (struct spans){0};
}
