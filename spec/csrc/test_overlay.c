// SPDX-License-Identifier: BSD-2-Clause
// csrc/session/overlay.c
#include "base/mem.h"
#include "session/overlay.h"
#include "tap.h"

static void count(void *ctx, uint64_t pfn, const uint8_t *bytes) {
    uint64_t *sum = ctx;
    *sum += pfn * bytes[0];
}

int main(void) {
    struct session_overlay *o = overlay_create();
    ok(overlay_find(o, 0) == NULL, "an empty overlay has no page 0");
    uint8_t *first = overlay_add(o, 0);
    for (uint64_t i = 1; i < 1000; i++)
        overlay_add(o, i << 20)[0] = 1;
    first[0] = 7;
    ok(overlay_find(o, 0) == first, "pages do not move when the table grows");
    bool all = true;
    for (uint64_t i = 1; i < 1000; i++)
        all = all && overlay_find(o, i << 20) && overlay_find(o, i << 20)[0] == 1;
    ok(all, "every page is found again");
    ok(overlay_find(o, 12345) == NULL, "a page that was not added is not there");
    uint64_t sum = 0;
    overlay_each(o, count, &sum);
    is_int((int64_t)sum, (int64_t)(999 * 1000 / 2) << 20, "overlay_each visits each page once");
    mem_fail_from(1);
    ok(overlay_add(o, 77) == NULL, "out of memory is reported");
    mem_fail_from(0);
    ok(overlay_find(o, 77) == NULL, "and leaves nothing behind");
    overlay_destroy(o);
    overlay_destroy(NULL);
    return done();
}
