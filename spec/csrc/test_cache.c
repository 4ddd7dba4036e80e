// SPDX-License-Identifier: BSD-2-Clause
// base/cache: what is found, what is evicted, and that stamps tell.
#include "base/cache.h"

#include "base/mem.h"
#include "tap.h"

static void test_find_and_take(void) {
    struct cache *c = cache_create(64, 4);
    struct cache_slot s, again;
    ok(!cache_find(c, 7, &s), "an empty cache holds nothing");
    cache_take(c, 7, &s);
    memset(s.bytes, 'x', 64);
    uint32_t stamp = *s.stamp;
    ok(cache_find(c, 7, &again), "a page that was put in is found");
    ok(again.bytes == s.bytes && *again.stamp == stamp, "at the same place with the same stamp");
    cache_drop(c, 7);
    ok(!cache_find(c, 7, &again), "a dropped page is gone");
    ok(*s.stamp != stamp, "and its stamp says so");
    cache_drop(c, 7);
    ok(true, "dropping what is not there does nothing");
    cache_destroy(c);
}

static void test_eviction(void) {
    struct cache *c = cache_create(16, 4);
    struct cache_slot s[5], x;
    uint32_t stamp[4];
    for (uint64_t k = 0; k < 4; k++) {
        cache_take(c, k, &s[k]);
        stamp[k] = *s[k].stamp;
        s[k].bytes[0] = (uint8_t)k;
    }
    ok(s[0].bytes != s[1].bytes, "slots do not share memory");
    cache_find(c, 0, &x);
    cache_find(c, 2, &x);
    cache_find(c, 3, &x);
    cache_take(c, 100, &s[4]);
    ok(!cache_find(c, 1, &x), "the page that was not looked at gives way");
    ok(cache_find(c, 0, &x) && cache_find(c, 2, &x) && cache_find(c, 3, &x), "the others stay");
    ok(*s[1].stamp != stamp[1] && *s[0].stamp == stamp[0], "only the evicted slot's stamp changed");
    ok(s[4].bytes == s[1].bytes, "the new page has the old one's memory");
    cache_destroy(c);
}

// A long random walk over few slots, compared with what was written: no key ever gets another's
// bytes, and no key is in two slots.
static void test_model(void) {
    enum { SLOTS = 37, KEYS = 200 };
    struct cache *c = cache_create(8, SLOTS);
    uint32_t x = 1;
    int wrong = 0;
    int held = 0;
    for (int i = 0; i < 200000; i++) {
        x = x * 1664525u + 1013904223u;
        uint64_t key = (uint64_t)((x >> 8) % KEYS) * 4096;
        struct cache_slot s;
        if ((x >> 4) % 16 == 0) {
            cache_drop(c, key);
            wrong += cache_find(c, key, &s);
            continue;
        }
        if (cache_find(c, key, &s)) {
            wrong += memcmp(s.bytes, &key, 8) != 0;
        } else {
            cache_take(c, key, &s);
            memcpy(s.bytes, &key, 8);
        }
    }
    for (uint64_t k = 0; k < KEYS; k++) {
        struct cache_slot s;
        held += cache_find(c, k * 4096, &s);
    }
    is_int(wrong, 0, "every page found is the one that was put in");
    ok(held > SLOTS / 2 && held <= SLOTS, "never more pages than slots (%d)", held);
    cache_destroy(c);
}

static void test_limits(void) {
    ok(!cache_create(4096, 0), "no cache without slots");
    ok(!cache_create(SIZE_MAX / 2, 4), "no cache whose size overflows");
    struct cache *one = cache_create(4, 1);
    struct cache_slot s;
    for (uint64_t k = 0; k < 5; k++)
        cache_take(one, k, &s);
    ok(cache_find(one, 4, &s) && !cache_find(one, 3, &s), "one slot holds the last page");
    cache_destroy(one);
    for (unsigned long n = 1; n <= 7; n++) {
        mem_fail_from(n);
        ok(!cache_create(64, 4), "no cache when allocation %lu fails", n);
    }
    mem_fail_from(0);
    cache_destroy(NULL);
}

int main(void) {
    test_find_and_take();
    test_eviction();
    test_model();
    test_limits();
    return done();
}
