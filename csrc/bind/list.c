// SPDX-License-Identifier: BSD-2-Clause
// Snapshots. A walk over the kernel's lists is a C function with a callback; a Lua iterator wants
// one item a call. So the walk runs to its end first, into a growing array that a userdata owns,
// and the iterator makes the records from it.
#include "bind/bind.h"

#include "base/mem.h"

static int list_free(lua_State *L) {
    struct bind_list *l = luaL_checkudata(L, 1, BIND_LIST);
    mem_free(l->items);
    l->items = NULL;
    l->count = l->cap = l->next = 0;
    l->rc = 0;
    return 0;
}

void bind_list_metatable(lua_State *L) {
    static const luaL_Reg meta[] = {{"__gc", list_free}, {"__close", list_free}, {NULL, NULL}};
    luaL_newmetatable(L, BIND_LIST);
    luaL_setfuncs(L, meta, 0);
    lua_pop(L, 1);
}

struct bind_list *bind_list_push(lua_State *L, size_t size) {
    struct bind_list *l = lua_newuserdatauv(L, sizeof(*l), 0);
    memset(l, 0, sizeof(*l));
    l->size = size;
    luaL_setmetatable(L, BIND_LIST);
    return l;
}

int bind_list_add(struct bind_list *l, const void *item) {
    if (!mem_grow(&l->items, &l->cap, l->count + 1, l->size)) return KVM_NOMEM;
    memcpy((char *)l->items + l->count * l->size, item, l->size);
    l->count++;
    return 0;
}

// Upvalues: the list, the handle, the record function.
static int list_step(lua_State *L) {
    struct bind_list *l = lua_touserdata(L, lua_upvalueindex(1));
    kvm_t *kd = bind_open(L, lua_upvalueindex(2));
    if (l->next < l->count) {
        bind_list_record *record;
        memcpy(&record, lua_touserdata(L, lua_upvalueindex(3)), sizeof(record));
        record(L, (char *)l->items + l->next++ * l->size);
        return 1;
    }
    if (l->rc == 0) return 0;
    l->rc = 0;
    return bind_raise(L, kd, &l->err);
}

int bind_list_iterate(lua_State *L, bind_list_record *record) {
    int list = lua_gettop(L);
    lua_pushvalue(L, list);
    lua_pushvalue(L, 1);
    memcpy(lua_newuserdatauv(L, sizeof(record), 0), &record, sizeof(record));
    lua_pushcclosure(L, list_step, 3);
    lua_pushnil(L);
    lua_pushnil(L);
    lua_pushvalue(L, list);
    lua_remove(L, list);
    return 4;
}
