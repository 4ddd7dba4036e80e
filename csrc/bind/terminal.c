// SPDX-License-Identifier: BSD-2-Clause
// What Lua itself can't tell of the terminal, Ctrl-C, and a clock.
#include "bind/bind.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/***
How wide the terminal is that a stream goes to.
@function kvm.core.terminal.columns
@tparam[opt] string stream "stderr" (without), "stdout" or "stdin"
@treturn ?integer columns; nil: it does not go to a terminal; 80 where the terminal does not say
@usage print(require "kvm.core".terminal.columns() or "no terminal")
*/
static int l_terminal_columns(lua_State *L) {
    static const char *const streams[] = {"stdin", "stdout", "stderr",
                                          NULL}; // file descriptors 0, 1, 2
    int fd = luaL_checkoption(L, 1, "stderr", streams);
    struct winsize size = {0};
    if (!isatty(fd)) return 0;
    if (ioctl(fd, TIOCGWINSZ, &size) < 0 || size.ws_col == 0) size.ws_col = 80;
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

static volatile sig_atomic_t interrupts;

static void note_interrupt(int signal) {
    (void)signal;
    interrupts = 1;
}

static void do_nothing(int signal) {
    (void)signal;
}

/***
From now on the program goes on when Ctrl-C (SIGINT) comes, which is noted for `interrupted`, and when a program that reads
its output goes away (SIGPIPE), which is an error of the write.
@function kvm.core.terminal.keep_running
@usage if false then require "kvm.core".terminal.keep_running() end
*/
static int l_terminal_keep_running(lua_State *L) {
    (void)L;
    // Functions, which programs that are started do not inherit as they would SIG_IGN. What waits for the terminal ends its
    // wait, what reads a file goes on.
    struct sigaction note = {.sa_handler = note_interrupt, .sa_flags = SA_RESTART};
    struct sigaction go_on = {.sa_handler = do_nothing, .sa_flags = SA_RESTART};
    sigaction(SIGINT, &note, NULL);
    sigaction(SIGPIPE, &go_on, NULL);
    return 0;
}

/***
Whether Ctrl-C came since it was last asked.
@function kvm.core.terminal.interrupted
@treturn boolean
@usage assert(not require "kvm.core".terminal.interrupted())
*/
static int l_terminal_interrupted(lua_State *L) {
    lua_pushboolean(L, interrupts);
    interrupts = 0;
    return 1;
}

void bind_terminal_table(lua_State *L) {
    static const luaL_Reg functions[] = {{"columns", l_terminal_columns},
                                         {"seconds", l_terminal_seconds},
                                         {"keep_running", l_terminal_keep_running},
                                         {"interrupted", l_terminal_interrupted},
                                         {NULL, NULL}};
    luaL_newlib(L, functions);
}
