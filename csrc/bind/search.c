// SPDX-License-Identifier: BSD-2-Clause
// Search of memory for bytes. It goes piece by piece over what is in the dump of a space's ranges;
// a match may lie across pieces that are neighbours. Pages that are not in the dump are passed
// over. A page that is damaged is passed over too, and told of behind the last match.
#include "bind/bind.h"
#include "bind/ranges.h"
#include "session/phys.h"

enum {
    NEEDLE_MAX = 1 << 16,
    PAGE = 1 << SESSION_PAGE_SHIFT,
    PIECE_MAX = 1 << 20, // bytes
    PAUSE = 64,          // pieces between two chances for a hook (Ctrl-C) to end the search
};

struct search {
    struct ranges ranges;
    struct range range; // the one that is searched
    bool in_range;
    uint64_t at; // of the next byte to look at
    uint64_t align;
    bool damaged;
    struct kvm_err err; // the first damage
    size_t len;         // of the needle
    size_t tail;        // bytes in front of `at` that are in `joint`, less than len
    unsigned pieces;
    uint8_t bytes[]; // the needle, then the joint: the tail, and room for len bytes more
};

struct piece {
    const uint8_t *host;
    uint64_t len;
};

static uint8_t *joint(struct search *s) {
    return s->bytes + s->len;
}

// Bytes from a physical address that is not in the dump to the next that is, LEFT at most.
static uint64_t gap(kvm_t *kd, uint64_t pa, uint64_t left) {
    uint64_t n = PAGE - pa % PAGE;
    struct image_region next;
    if (!image_next_region(kd->image, pa, &next))
        n = left;
    else if (next.start > pa && next.start - pa > n)
        n = next.start - pa;
    return n < left ? n : left;
}

// Bytes from s->at on that are of one mapping, PIECE_MAX at most.
static uint64_t mapped_bytes(const struct search *s, uint64_t page_size) {
    uint64_t last = s->range.last - s->at; // one less than there are
    uint64_t left = last < PIECE_MAX ? last + 1 : PIECE_MAX;
    if (s->ranges.space.kind == SPACE_PHYSICAL) return left;
    uint64_t in_page = page_size - (s->at & (page_size - 1));
    return in_page < left ? in_page : left;
}

static void keep_damage(struct search *s, int rc, const struct kvm_err *err) {
    if (rc == KVM_FAULT || rc == KVM_EXCLUDED || s->damaged) return;
    s->damaged = true;
    s->err = *err;
}

// What is at s->at: host bytes, or (host NULL) so many that are not there.
static struct piece find_piece(kvm_t *kd, struct search *s) {
    struct mmu_page page;
    struct image_run run;
    struct kvm_err err = {0};
    int rc = session_translate(kd, s->ranges.space, s->at, &page, &err);
    if (rc) {
        keep_damage(s, rc, &err);
        return (struct piece){NULL, mapped_bytes(s, PAGE)};
    }
    uint64_t left = mapped_bytes(s, page.size);
    kd->image->trace_off = s->ranges.space.kind == SPACE_USER;
    rc = phys_find(kd, page.pa, &run, &err);
    kd->image->trace_off = false;
    if (rc) {
        keep_damage(s, rc, &err);
        return (struct piece){NULL, gap(kd, page.pa, left)};
    }
    uint64_t in_page = PAGE - page.pa % PAGE; // a trace is of the page that was asked for
    if (kd->image->trace && run.len > in_page) run.len = in_page;
    return (struct piece){run.host, run.len < left ? run.len : left};
}

// The first match of the needle in HAY (which stands for memory from BASE on) with a fitting
// address.
static bool match_in(const struct search *s, const uint8_t *hay, uint64_t len, uint64_t base,
                     uint64_t *out) {
    const uint8_t *p = hay;
    while ((p = memmem(p, (size_t)(len - (uint64_t)(p - hay)), s->bytes, s->len))) {
        *out = base + (uint64_t)(p - hay);
        if (*out % s->align == 0) return true;
        p++;
    }
    return false;
}

// A match that begins before the piece, or in it.
static bool match(struct search *s, struct piece p, uint64_t *out) {
    if (s->tail) {
        size_t head = p.len < s->len - 1 ? (size_t)p.len : s->len - 1;
        memcpy(joint(s) + s->tail, p.host, head);
        if (match_in(s, joint(s), s->tail + head, s->at - s->tail, out)) return true;
    }
    return match_in(s, p.host, p.len, s->at, out);
}

// Keeps the last len - 1 bytes of the tail and the piece.
static void keep_tail(struct search *s, struct piece p) {
    size_t most = s->len - 1;
    if (p.len >= most) {
        memcpy(joint(s), p.host + (p.len - most), most);
        s->tail = most;
        return;
    }
    size_t old = s->tail + (size_t)p.len > most ? most - (size_t)p.len : s->tail;
    memmove(joint(s), joint(s) + (s->tail - old), old);
    memcpy(joint(s) + old, p.host, (size_t)p.len);
    s->tail = old + (size_t)p.len;
}

static bool next_range(kvm_t *kd, struct search *s) {
    s->in_range = ranges_next(kd, &s->ranges, &s->range);
    s->at = s->range.first;
    s->tail = 0;
    return s->in_range;
}

// Goes on behind N bytes.
static void advance(struct search *s, uint64_t n) {
    s->in_range = n <= s->range.last - s->at;
    s->at += n;
}

static int nothing(lua_State *L) {
    (void)L;
    return 0;
}

static int search_end(lua_State *L, kvm_t *kd, struct search *s) {
    if (!s->damaged) return 0;
    s->damaged = false;
    return bind_raise(L, kd, &s->err);
}

// Upvalues: struct search, the handle.
static int search_step(lua_State *L) {
    struct search *s = lua_touserdata(L, lua_upvalueindex(1));
    kvm_t *kd = bind_open(L, lua_upvalueindex(2));
    for (;;) {
        if (!s->in_range && !next_range(kd, s)) return search_end(L, kd, s);
        struct piece p = find_piece(kd, s);
        uint64_t found;
        if (p.host && match(s, p, &found)) {
            // Behind the match's first byte all is looked at anew: a match may overlap the last.
            s->tail = 0;
            s->in_range = found < s->range.last;
            s->at = found + 1;
            lua_pushinteger(L, (lua_Integer)found);
            return 1;
        }
        if (p.host)
            keep_tail(s, p);
        else
            s->tail = 0;
        advance(s, p.len);
        if (++s->pieces % PAUSE == 0) {
            lua_pushcfunction(L, nothing);
            lua_call(L, 0, 0);
            kd = bind_open(L, lua_upvalueindex(2));
        }
    }
}

// --- arguments

struct search_args {
    struct session_space space;
    uint64_t from, to;
    lua_Integer align, size;
    uint8_t number[8];
    const char *needle;
    size_t len;
};

static lua_Integer integer_option(lua_State *L, const char *key) {
    int is_integer;
    lua_Integer v = lua_tointegerx(L, -1, &is_integer);
    if (!is_integer)
        luaL_error(L, "bad option '%s' (integer expected, got %s)", key, luaL_typename(L, -1));
    return v;
}

static void set_option(lua_State *L, struct search_args *a, const char *key) {
    if (strcmp(key, "from") == 0)
        a->from = (uint64_t)integer_option(L, key);
    else if (strcmp(key, "to") == 0)
        a->to = (uint64_t)integer_option(L, key) - 1;
    else if (strcmp(key, "align") == 0)
        a->align = integer_option(L, key);
    else if (strcmp(key, "size") == 0)
        a->size = integer_option(L, key);
    else if (strcmp(key, "space") != 0)
        luaL_error(L, "unknown option '%s'", key);
}

static void read_options(lua_State *L, kvm_t *kd, struct search_args *a) {
    struct kvm_err err = {0};
    if (lua_isnoneornil(L, 3))
        lua_pushnil(L);
    else {
        luaL_checktype(L, 3, LUA_TTABLE);
        lua_getfield(L, 3, "space");
    }
    if (bind_space(L, 4, kd, &a->space, &err)) bind_raise(L, kd, &err);
    struct ranges all;
    ranges_init_all(kd, &all, a->space);
    a->from = all.at;
    a->to = all.to;
    a->size = kd->os.virt.word_size;
    if (lua_isnil(L, 3)) return;
    for (lua_pushnil(L); lua_next(L, 3); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING)
            luaL_error(L, "unknown option (a %s as its name)", luaL_typename(L, -2));
        set_option(L, a, lua_tostring(L, -2));
    }
    luaL_argcheck(L, a->align >= 0, 3, "negative alignment");
    luaL_argcheck(L, a->size == 1 || a->size == 2 || a->size == 4 || a->size == 8, 3,
                  "size is not 1, 2, 4 or 8");
}

// The bytes that are looked for: a string's own, or an integer's as the target has it in memory.
static void read_needle(lua_State *L, kvm_t *kd, struct search_args *a) {
    if (lua_type(L, 2) == LUA_TSTRING) {
        a->needle = lua_tolstring(L, 2, &a->len);
        luaL_argcheck(L, a->len > 0 && a->len <= NEEDLE_MAX, 2, "not 1 to 65536 bytes");
        if (a->align == 0) a->align = 1;
        return;
    }
    if (lua_type(L, 2) != LUA_TNUMBER) luaL_typeerror(L, 2, "string or integer");
    uint64_t v = (uint64_t)luaL_checkinteger(L, 2);
    a->len = (size_t)a->size;
    for (size_t i = 0; i < a->len; i++) {
        size_t place = kd->os.virt.big ? a->len - 1 - i : i;
        a->number[place] = (uint8_t)(v >> (8 * i));
    }
    a->needle = (const char *)a->number;
    if (a->align == 0) a->align = a->size;
}

/***
Searches memory. What is not in the dump is passed over; a match across two pages is found where
both are there and their addresses are neighbours.
@function Handle:search
@tparam string|integer what bytes, or a number as the target has it in memory
@tparam[opt] table options `space` as in `read`; `from`, `to`: only matches that lie in from <=
 address < to; `align`: only addresses that are a multiple of it (1 for bytes, `size` for a number);
 `size`: bytes of a number, 1, 2, 4 or 8 (that of a pointer)
@treturn function iterator of addresses, ascending (as unsigned)
@raise wrong types, unknown options; kvm.Error for a process that is not there. The iterator raises
 behind the last match where a page of the dump is damaged.
@usage local a = k:symbol("linux_banner").value assert(k:search("Linux version", {from=a, to=a + 100})() == a)
*/
int l_search(lua_State *L) {
    kvm_t *kd = bind_handle(L);
    struct search_args a = {.align = 0};
    lua_settop(L, 3);
    read_options(L, kd, &a);
    read_needle(L, kd, &a);
    struct search *s = lua_newuserdatauv(L, sizeof(*s) + 3 * a.len, 0);
    memset(s, 0, sizeof(*s));
    ranges_init(&s->ranges, a.space, a.from, a.to);
    s->align = (uint64_t)a.align;
    s->len = a.len;
    memcpy(s->bytes, a.needle, a.len);
    lua_pushvalue(L, 1);
    lua_pushcclosure(L, search_step, 2);
    return 1;
}
