// SPDX-License-Identifier: BSD-2-Clause
// Names and addresses: nlist, symbol, symbols.
#include "bind/bind.h"

// NULL: the kernel itself, which has no field `module`.
static void set_module(lua_State *L, const char *module) {
    if (module) bind_set_string(L, "module", module);
}

static void push_symbol(lua_State *L, const void *item) {
    const struct symbol *s = item;
    lua_createtable(L, 0, 5);
    bind_set_string(L, "name", s->name);
    bind_set_integer(L, "value", s->addr);
    bind_set_integer(L, "size", s->size);
    lua_pushlstring(L, &s->kind, 1);
    lua_setfield(L, -2, "type");
    set_module(L, s->module);
}

static void push_nlist_entry(lua_State *L, const struct symbol *s) {
    lua_createtable(L, 0, 4);
    bind_set_integer(L, "value", s->addr);
    bind_set_integer(L, "size", s->size);
    lua_pushlstring(L, &s->kind, 1);
    lua_setfield(L, -2, "type");
    set_module(L, s->module);
}

// The I-th name of the array at index 2; it stays on the stack.
static const char *nlist_name(lua_State *L, lua_Integer i) {
    if (lua_geti(L, 2, i) != LUA_TSTRING)
        luaL_error(L, "bad name #%d to 'nlist' (string expected, got %s)", (int)i,
                   luaL_typename(L, -1));
    return lua_tostring(L, -1);
}

/***
Looks names up, as nlist(3) does.
@function Handle:nlist
@tparam {string,...} names
@treturn[1] table by name `{value=integer address, type=nm's letter, size=bytes (0 unknown),
 module=string or nil}`; names that were not found are absent
@treturn[1] {string,...} the names that were not found
@return[2] nil: there is no symbol table
@treturn[2] string message
@treturn[2] string code
@raise wrong types
@usage local found, missing = k:nlist{"init_task", "no_such"} assert(found.init_task.value and missing[1] == "no_such")
*/
int l_symbol_nlist(lua_State *L) {
    kvm_t *kd = bind_handle(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    lua_Integer n = luaL_len(L, 2), missing = 0;
    lua_newtable(L); // 3
    lua_newtable(L); // 4
    for (lua_Integer i = 1; i <= n; i++) {
        const char *name = nlist_name(L, i);
        struct symbol sym;
        struct kvm_err err = {0};
        int rc = session_symbol(kd, name, &sym, &err);
        if (rc && (rc != KVM_NOTFOUND || !symtab_origin(kd->os.symbols)))
            return bind_fail(L, kd, &err);
        if (rc == 0) {
            push_nlist_entry(L, &sym);
            lua_setfield(L, 3, name);
            lua_pop(L, 1);
        } else {
            lua_seti(L, 4, ++missing);
        }
    }
    return 2;
}

/***
Looks one symbol up, by name or by an address that lies in it.
@function Handle:symbol
@tparam string|integer what
@treturn[1] table `{name=, value=integer address, size=bytes (0 unknown), type=nm's letter,
 module=string or nil}`
@treturn[1] integer offset of the address in the symbol (0 for a name)
@return[2] nil
@treturn[2] string message
@treturn[2] string code `notfound`, or why there is no symbol table
@raise wrong types
@usage local sym, offset = k:symbol(k:symbol("init_task").value + 8) assert(sym.name == "init_task" and offset == 8)
*/
int l_symbol_symbol(lua_State *L) {
    kvm_t *kd = bind_handle(L);
    struct symbol sym;
    struct kvm_err err = {0};
    uint64_t addr = 0;
    int rc;
    bool by_name = lua_type(L, 2) == LUA_TSTRING;
    if (by_name) {
        rc = session_symbol(kd, lua_tostring(L, 2), &sym, &err);
    } else if (lua_type(L, 2) == LUA_TNUMBER) {
        addr = (uint64_t)luaL_checkinteger(L, 2);
        rc = symtab_addr(kd->os.symbols, addr, &sym, &err);
    } else {
        return luaL_typeerror(L, 2, "name or address");
    }
    if (rc) return bind_fail(L, kd, &err);
    push_symbol(L, &sym);
    lua_pushinteger(L, by_name ? 0 : (lua_Integer)(addr - sym.addr));
    return 2;
}

static int collect(void *ctx, const struct symbol *sym) {
    return bind_list_add(ctx, sym);
}

// Upvalues: the plain step function, string.find, the pattern.
static int matching_step(lua_State *L) {
    for (;;) {
        lua_settop(L, 0);
        lua_pushvalue(L, lua_upvalueindex(1));
        lua_call(L, 0, 1);
        if (lua_isnil(L, 1)) return 1;
        lua_pushvalue(L, lua_upvalueindex(2));
        lua_getfield(L, 1, "name");
        lua_pushvalue(L, lua_upvalueindex(3));
        lua_call(L, 2, 1);
        if (!lua_isnil(L, 2)) {
            lua_settop(L, 1);
            return 1;
        }
    }
}

/***
Iterates over all symbols, in the order of their tables.
@function Handle:symbols
@tparam[opt] string pattern a Lua pattern that the name must match
@treturn function iterator of records as `symbol` returns them; raises where the tables can't be
 read
@raise wrong types
@usage for sym in k:symbols("^init_task$") do assert(sym.value == k:symbol("init_task").value) end
*/
int l_symbol_symbols(lua_State *L) {
    kvm_t *kd = bind_handle(L);
    if (!lua_isnoneornil(L, 2)) luaL_checktype(L, 2, LUA_TSTRING);
    lua_settop(L, 2);
    struct bind_list *l = bind_list_push(L, sizeof(struct symbol));
    l->rc = symtab_each(kd->os.symbols, collect, l, &l->err);
    if (l->rc == KVM_NOMEM) err_nomem(&l->err, "the list of symbols");
    int n = bind_list_iterate(L, push_symbol);
    if (lua_isnil(L, 2)) return n;
    int step = lua_gettop(L) - n + 1;
    lua_pushvalue(L, step);
    luaL_requiref(L, LUA_STRLIBNAME, luaopen_string, 0);
    lua_getfield(L, -1, "find");
    lua_remove(L, -2);
    lua_pushvalue(L, 2);
    lua_pushcclosure(L, matching_step, 3);
    lua_replace(L, step);
    return n;
}
