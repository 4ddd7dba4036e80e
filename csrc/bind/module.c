// SPDX-License-Identifier: BSD-2-Clause
// The module kvm.core: `open`, the version, and the metatable of error values for kvm.error. What
// is documented as a function of kvm is defined here or in handle.c; everything else is a method.
#include "bind/bind.h"

__attribute__((visibility("default"))) int luaopen_kvm_core(lua_State *L);

int luaopen_kvm_core(lua_State *L) {
    static const luaL_Reg functions[] = {{"open", l_handle_open}, {NULL, NULL}};
    bind_handle_metatable(L);
    bind_type_metatable(L);
    bind_list_metatable(L);
    luaL_newlib(L, functions);
    bind_error_metatable(L);
    lua_setfield(L, -2, "Error");
    bind_set_string(L, "version", KVM_VERSION);
    return 1;
}
