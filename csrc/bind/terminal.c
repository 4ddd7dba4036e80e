// SPDX-License-Identifier: BSD-2-Clause
// What Lua itself can't tell of the terminal, and a clock, for the line that shows how far long work is.
#include "bind/bind.h"

#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/***
How wide the terminal is that standard error goes to.
@function kvm.core.terminal.columns
@treturn ?integer columns; nil: it does not go to a terminal; 80 where the terminal does not say
@usage print(require "kvm.core".terminal.columns() or "no terminal")
*/
static int l_terminal_columns(lua_State *L) {
    struct winsize size = {0};
    if (!isatty(STDERR_FILENO)) return 0;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0) size.ws_col = 80;
    lua_pushinteger(L, size.ws_col);
    return 1;
}

/***
A clock that nobody sets.
@function kvm.core.terminal.seconds
@treturn number seconds since some moment
@usage local start = require "kvm.core".terminal.seconds(); print(require "kvm.core".terminal.seconds() - start)
*/
static int l_terminal_seconds(lua_State *L) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    lua_pushnumber(L, (lua_Number)now.tv_sec + (lua_Number)now.tv_nsec / 1e9);
    return 1;
}

void bind_terminal_table(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"columns", l_terminal_columns}, {"seconds", l_terminal_seconds}, {NULL, NULL}};
    luaL_newlib(L, functions);
}
