// SPDX-License-Identifier: BSD-2-Clause
// A C program with Lua and kvm inside: prints what went wrong in a crash dump. In the checkout:
//   cc -o embed examples/embed.c $(pkg-config --cflags --libs lua5.4)
//   LUA_PATH='lua/?.lua;lua/?/init.lua;;' LUA_CPATH='build/?.so;;' ./embed examples/panic.kdump
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>

static const char script[] =
    "local kvm = require 'kvm'\n"
    "local k <close> = kvm.check(kvm.open(...))\n"
    "local names = {'panic', 'deadlock', 'hung_task', 'oom'}\n"
    "local found, signature = require('kvm.linux.check.run').all(k, {checks = names})\n"
    "for _, f in ipairs(found) do print(f.severity .. ': ' .. kvm.format.escape(f.title)) end\n"
    "print('signature: ' .. tostring(signature))\n"
    "print('kernel: ' .. k:info().release)\n";

int main(int argc, char **argv) {
    lua_State *L = luaL_newstate();
    if (!L || argc != 2) {
        fprintf(stderr, "usage: embed CORE\n");
        return 2;
    }
    luaL_openlibs(L);
    int failed = luaL_loadstring(L, script);
    if (!failed) {
        lua_pushstring(L, argv[1]);
        failed = lua_pcall(L, 1, 0, 0);
    }
    if (failed) fprintf(stderr, "embed: %s\n", luaL_tolstring(L, -1, NULL));
    lua_close(L);
    return failed ? 1 : 0;
}
