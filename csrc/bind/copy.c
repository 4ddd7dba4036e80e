// SPDX-License-Identifier: BSD-2-Clause
// Copies of objects: the bytes are read once, page by page; what of a page that is not there was asked for
// is remembered, and told when a member of it is read.
#include "bind/object.h"

enum { PAGE = 4096, COPY_MAX = 64 << 20 };

static struct bind_copy *new_copy(lua_State *L, uint64_t len) {
    uint64_t pages = len / PAGE + 2, head = sizeof(struct bind_copy);
    head += pages * sizeof(struct bind_hole);
    struct bind_copy *c = lua_newuserdatauv(L, (size_t)(head + len), 0);
    *c = (struct bind_copy){.len = len, .data = (const uint8_t *)c + head};
    return c;
}

static void add_hole(struct bind_copy *c, uint64_t start, uint64_t end, bool excluded) {
    struct bind_hole *last = c->holes_len ? &c->holes[c->holes_len - 1] : NULL;
    if (last && last->end == start && last->excluded == excluded)
        last->end = end;
    else
        c->holes[c->holes_len++] = (struct bind_hole){start, end, excluded};
}

int bind_copy_at(const struct bind_object *o, uint64_t offset, uint64_t len, const uint8_t **out,
                 struct kvm_err *err) {
    const struct bind_copy *c = o->copy;
    uint64_t at = o->at + offset;
    if (at < offset || at > c->len || len > c->len - at)
        return err_set(err, KVM_INVAL, "it lies behind the end of the copy");
    for (uint32_t i = 0; i < c->holes_len; i++) {
        const struct bind_hole *h = &c->holes[i];
        if (at >= h->end || at + len <= h->start) continue;
        uint64_t addr = o->addr + offset + (h->start > at ? h->start - at : 0);
        return err_at(err, h->excluded ? KVM_EXCLUDED : KVM_FAULT, addr, "0x%llx: %s",
                      (unsigned long long)addr,
                      h->excluded ? "the page was not in the dump when it was copied"
                                  : "no memory was there when it was copied");
    }
    *out = c->data + at;
    return 0;
}

// Reads LEN bytes at ADDR; damage that is no missing page ends it.
static int fill(kvm_t *kd, struct bind_copy *c, uint64_t addr, struct kvm_err *err) {
    const struct session_space kernel = {.kind = SPACE_KERNEL};
    uint8_t *data = (uint8_t *)(uintptr_t)c->data;
    for (uint64_t at = 0; at < c->len;) {
        uint64_t n = PAGE - (addr + at) % PAGE;
        size_t done;
        if (n > c->len - at) n = c->len - at;
        int rc = session_read(kd, kernel, addr + at, data + at, (size_t)n, &done, err);
        if (rc && rc != KVM_FAULT && rc != KVM_EXCLUDED) return rc;
        if (rc) {
            memset(data + at + done, 0, (size_t)n - done);
            add_hole(c, at + done, at + n, rc == KVM_EXCLUDED);
        }
        at += n;
    }
    return 0;
}

// copy(k, targets, target, len, addr): an object whose bytes were read from memory.
// copy(k, targets, target, len, bytes): one of bytes of a Lua string, never in memory.
int bind_copy(lua_State *L) {
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_Integer target = luaL_checkinteger(L, 3), len = luaL_checkinteger(L, 4);
    luaL_argcheck(L, len >= 0 && len <= COPY_MAX, 4, "too large for a copy");
    bool in_memory = lua_isinteger(L, 5);
    struct kvm_err err = {0};
    struct bind_object *o = lua_newuserdatauv(L, sizeof(*o), 1);
    *o = (struct bind_object){.addr = 0};
    struct bind_copy *c = new_copy(L, (uint64_t)len);
    c->has_addr = in_memory;
    kvm_t *kd = bind_check(L, 1); // only now: a finalizer may have closed it
    if (in_memory) {
        o->addr = (uint64_t)lua_tointeger(L, 5);
        if (fill(kd, c, o->addr, &err)) bind_raise(L, kd, &err);
    } else {
        size_t have;
        const char *bytes = luaL_checklstring(L, 5, &have);
        luaL_argcheck(L, have >= (size_t)len, 5, "too few bytes");
        memcpy((uint8_t *)(uintptr_t)c->data, bytes, (size_t)len);
    }
    lua_setiuservalue(L, -2, 1);
    o->copy = c;
    lua_rawgeti(L, 2, 2 * target);
    lua_setmetatable(L, -2);
    return 1;
}

// bytes(o, len): LEN bytes of an object that is a copy. Raises where some were not there.
int bind_bytes(lua_State *L) {
    const struct bind_object *o = bind_object_test(L, 1, NULL);
    luaL_argcheck(L, o && o->copy, 1, "no copy");
    lua_Integer len = luaL_checkinteger(L, 2);
    luaL_argcheck(L, len >= 0, 2, "negative length");
    struct kvm_err err;
    const uint8_t *p;
    if (bind_copy_at(o, 0, (uint64_t)len, &p, &err)) bind_raise(L, NULL, &err);
    lua_pushlstring(L, (const char *)p, (size_t)len);
    return 1;
}
