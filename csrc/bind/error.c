// SPDX-License-Identifier: BSD-2-Clause
// Errors in Lua. Calls on the handle return nil, message, code[, address]; what can't return
// (number reads, iterators) raises an error value: a table with the fields message, code and addr
// and the metatable kvm.Error, which lua/kvm/error.lua gives its methods.
#include "bind/bind.h"

static void remember(kvm_t *kd, const struct kvm_err *err) {
    if (kd && err != &kd->err) kd->err = *err;
}

int bind_fail(lua_State *L, kvm_t *kd, const struct kvm_err *err) {
    remember(kd, err);
    luaL_pushfail(L);
    lua_pushstring(L, err->text);
    lua_pushstring(L, err_code_name(err->code));
    if (!err->has_addr) return 3;
    lua_pushinteger(L, (lua_Integer)err->addr);
    return 4;
}

void bind_error_push(lua_State *L, const struct kvm_err *err) {
    lua_createtable(L, 0, 3);
    bind_set_string(L, "message", err->text);
    bind_set_string(L, "code", err_code_name(err->code));
    if (err->has_addr) bind_set_integer(L, "addr", err->addr);
    bind_error_metatable(L);
    lua_setmetatable(L, -2);
}

int bind_raise(lua_State *L, kvm_t *kd, const struct kvm_err *err) {
    remember(kd, err);
    bind_error_push(L, err);
    lua_error(L);
    __builtin_unreachable(); // lua_error does not return
}

int bind_raise_closed(lua_State *L) {
    struct kvm_err err;
    err_set(&err, KVM_CLOSED, "the handle is closed");
    bind_raise(L, NULL, &err);
}

static int error_tostring(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_pushliteral(L, "message");
    lua_rawget(L, 1);
    if (!lua_isstring(L, -1)) lua_pushliteral(L, "kvm.Error");
    return 1;
}

void bind_error_metatable(lua_State *L) {
    if (!luaL_newmetatable(L, BIND_ERROR)) return;
    lua_pushcfunction(L, error_tostring);
    lua_setfield(L, -2, "__tostring");
}
