// SPDX-License-Identifier: BSD-2-Clause
// A Lua function that is told how far long work is. It is called from within C layers, so all that touches Lua
// is protected: what it raises ends the work, and is raised again when the C layers have returned.
#include "bind/bind.h"

struct call {
    const struct bind_progress *progress;
    const char *what;
    uint64_t done, total;
};

// Stack: the call as a light userdata. Returns whether to stop.
static int call(lua_State *L) {
    const struct call *c = lua_touserdata(L, 1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, c->progress);
    lua_pushstring(L, c->what);
    lua_pushinteger(L, (lua_Integer)c->done);
    lua_pushinteger(L, (lua_Integer)c->total);
    lua_call(L, 3, 1);
    lua_pushboolean(L, lua_isboolean(L, -1) && !lua_toboolean(L, -1));
    return 1;
}

static bool stop(void *ctx, const char *what, uint64_t done, uint64_t total) {
    struct bind_progress *p = ctx;
    struct call c = {p, what, done, total};
    lua_State *L = p->L;
    if (p->raised || !lua_checkstack(L, 4)) return true;
    lua_pushcfunction(L, call);
    lua_pushlightuserdata(L, &c);
    p->raised = lua_pcall(L, 1, 1, 0) != LUA_OK;
    bool end = p->raised || lua_toboolean(L, -1);
    if (!p->raised) lua_pop(L, 1); // else the error stays where it is, on top
    return end;
}

struct bind_progress *bind_progress_push(lua_State *L, int index) {
    index = lua_absindex(L, index);
    luaL_checktype(L, index, LUA_TFUNCTION);
    struct bind_progress *p = lua_newuserdatauv(L, sizeof(*p), 0);
    *p = (struct bind_progress){.progress = {stop, p}, .L = L};
    lua_pushvalue(L, index);
    lua_rawsetp(L, LUA_REGISTRYINDEX, p);
    return p;
}

void bind_progress_end(struct bind_progress *p) {
    if (!p) return;
    lua_State *L = p->L;
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, p);
    if (p->raised) lua_error(L);
}
