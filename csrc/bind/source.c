// SPDX-License-Identifier: BSD-2-Clause
// Source lines of code addresses, from debug files.
#include "bind/bind.h"

enum { PLACES_MAX = 64 }; // of one address; kernels inline some ten functions into each other

/***
The functions and source lines of an address in kernel or module code: first the innermost function
and the line of the instruction, then, for each function that was inlined, where it was called from.
They are told by a debug file, of the kernel or of the module.
@function Handle:source
@tparam integer addr
@treturn[1] {table,...} `name` (of the function; nil unknown), `file` (nil unknown), `line` and
 `column` (counted from 1; nil unknown), `inlined` (boolean: into the one that follows)
@return[2] nil
@treturn[2] string message
@treturn[2] string code `notfound`: no debug file, or no code that it knows
@raise wrong types
@usage local lines = k:source(k:symbol("schedule").value) assert(not lines or #lines > 0)
*/
int l_source(lua_State *L) {
    kvm_t *kd = bind_handle(L);
    uint64_t addr = (uint64_t)luaL_checkinteger(L, 2);
    struct type_place places[PLACES_MAX];
    struct kvm_err err = {0};
    size_t n;
    if (session_places(kd, addr, places, PLACES_MAX, &n, &err)) return bind_fail(L, kd, &err);
    lua_createtable(L, (int)n, 0);
    for (size_t i = 0; i < n; i++) {
        lua_createtable(L, 0, 5);
        if (places[i].name[0]) bind_set_string(L, "name", places[i].name);
        if (places[i].file[0]) bind_set_string(L, "file", places[i].file);
        if (places[i].line) bind_set_integer(L, "line", places[i].line);
        if (places[i].column) bind_set_integer(L, "column", places[i].column);
        bind_set_boolean(L, "inlined", places[i].inlined);
        lua_seti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}
