// SPDX-License-Identifier: BSD-2-Clause
// The module kvm.core: `open`, the version, the metatable of error values for kvm.error, the handle's
// methods, what kvm.object builds on, and the terminal. What is documented as a function of kvm is defined here or in
// handle.c; everything else is a method.
#include "bind/object.h"

__attribute__((visibility("default"))) int luaopen_kvm_core(lua_State *L);

int luaopen_kvm_core(lua_State *L) {
    static const luaL_Reg functions[] = {{"open", l_handle_open}, {NULL, NULL}};
    bind_handle_metatable(L);
    bind_type_metatable(L);
    bind_list_metatable(L);
    luaL_newlib(L, functions);
    bind_error_metatable(L);
    lua_setfield(L, -2, "Error");
    bind_handle_methods(L); // those written in Lua are added to it
    lua_setfield(L, -2, "Handle");
    bind_objects_table(L);
    lua_setfield(L, -2, "objects");
    bind_terminal_table(L);
    lua_setfield(L, -2, "terminal");
    bind_set_string(L, "version", KVM_VERSION);
    return 1;
}
