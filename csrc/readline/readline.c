// SPDX-License-Identifier: BSD-2-Clause
// The module kvm.readline: lines that people type, by GNU readline. Lua is called by readline only for completions, and what it
// raises there never passes through readline's frames.
#include <lauxlib.h>
#include <lua.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h> // readline's headers want it
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

#include <readline/history.h>
#include <readline/readline.h>

__attribute__((visibility("default"))) int luaopen_kvm_readline(lua_State *L);

// What readline's callbacks, which take no argument of ours, work on while read runs.
static struct {
    lua_State *L;
    char *line;
    bool done;
} reading;

static char completer; // its address is the key of the function in the registry

// --- completion

// The I-th completion as an allocation of its own, as readline frees them; NULL: no memory.
static char *copy_of(lua_State *L, int list, lua_Integer i) {
    lua_geti(L, list, i);
    const char *text = lua_tostring(L, -1);
    char *copy = text ? strdup(text) : NULL;
    lua_pop(L, 1);
    return copy;
}

// What all completions begin with.
static char *common_of(char **matches, size_t count) {
    size_t len = strlen(matches[0]);
    for (size_t i = 1; i < count; i++) {
        size_t same = 0;
        while (same < len && matches[0][same] == matches[i][same])
            same++;
        len = same;
    }
    return strndup(matches[0], len);
}

// The list on top of the stack as readline takes it: what they have in common, all of them, NULL. NULL for none.
static char **matches_of(lua_State *L) {
    size_t count = (size_t)lua_rawlen(L, -1), made = 0;
    char **matches = count ? calloc(count + 2, sizeof(*matches)) : NULL;
    if (!matches) return NULL;
    while (made < count && (matches[made + 1] = copy_of(L, lua_gettop(L), (lua_Integer)made + 1)))
        made++;
    if (made == count && (matches[0] = common_of(matches + 1, count))) {
        if (count == 1) { // readline takes the first one alone
            free(matches[1]);
            matches[1] = NULL;
        }
        return matches;
    }
    for (size_t i = 1; i <= made; i++)
        free(matches[i]);
    free(matches);
    return NULL;
}

// Stack: line, first byte of the word (from 1), behind its last one. Returns the list and the character to put behind.
static int ask(lua_State *L) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &completer);
    lua_insert(L, 1);
    lua_call(L, 3, 2);
    luaL_checktype(L, -2, LUA_TTABLE);
    return 2;
}

static char **complete(const char *word, int start, int end) {
    (void)word;
    lua_State *L = reading.L;
    rl_attempted_completion_over = 1; // no names of files where there is no other
    if (!L || !lua_checkstack(L, 8)) return NULL;
    int top = lua_gettop(L);
    lua_pushcfunction(L, ask);
    lua_pushstring(L, rl_line_buffer);
    lua_pushinteger(L, start + 1);
    lua_pushinteger(L, end);
    char **matches = NULL;
    if (lua_pcall(L, 3, 2, 0) == LUA_OK) {
        const char *behind = lua_tostring(L, -1);
        rl_completion_append_character = behind ? behind[0] : '\0';
        lua_settop(L, top + 1);
        matches = matches_of(L);
    }
    lua_settop(L, top);
    return matches;
}

/***
Sets what completes words.
@function kvm.readline.complete
@tparam function fn called with the line and the places of the word's first and last byte (from 1); returns what may stand for the
 word, and the character to put behind one that is the only one (nil: none). What it raises is taken as no completion.
@tparam string breaks characters that end words
@usage require "kvm.readline".complete(function() return {} end, " ")
*/
static int l_complete(lua_State *L) {
    static char breaks[64];
    luaL_checktype(L, 1, LUA_TFUNCTION);
    const char *given = luaL_checkstring(L, 2);
    luaL_argcheck(L, strlen(given) < sizeof(breaks), 2, "too long");
    strncpy(breaks, given, sizeof(breaks) - 1);
    rl_completer_word_break_characters = breaks;
    rl_attempted_completion_function = complete;
    lua_settop(L, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &completer);
    return 0;
}

/***
Files whose paths begin with a text.
@function kvm.readline.files
@tparam string start of a path
@treturn {string,...} paths
@usage assert(require "kvm.readline".files("/de")[1])
*/
static int l_files(lua_State *L) {
    const char *start = luaL_checkstring(L, 1);
    lua_newtable(L);
    char *path;
    for (int i = 0; (path = rl_filename_completion_function(start, i)); i++) {
        bool room = lua_checkstack(L, 2) && i < 65536;
        if (room) {
            lua_pushstring(L, path);
            lua_rawseti(L, -2, i + 1);
        }
        free(path);
    }
    return 1;
}

// --- lines

static void take(char *line) {
    reading.line = line;
    reading.done = true;
    rl_callback_handler_remove();
}

// Stack: the function that tells whether to stop.
static bool is_interrupted(lua_State *L) {
    lua_pushvalue(L, 2);
    bool stop = lua_pcall(L, 0, 1, 0) != LUA_OK || lua_toboolean(L, -1);
    lua_pop(L, 1);
    return stop;
}

/***
Reads a line from the terminal, which can be edited.
@function kvm.readline.read
@tparam string prompt
@tparam function interrupted called when a signal came: whether it was Ctrl-C
@tparam[opt] function meanwhile called when the prompt is on the screen; what is typed until it returns is not lost
@treturn ?string|boolean the line; false: Ctrl-C; nil: the end
@raise what `meanwhile` raises
@usage if false then print(require "kvm.readline".read("> ", function() return false end)) end
*/
static int l_read(lua_State *L) {
    const char *prompt = luaL_checkstring(L, 1);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 3);
    reading.L = L;
    reading.line = NULL;
    reading.done = false;
    rl_persistent_signal_handlers = 1;
    rl_callback_handler_install(prompt, take);
    bool has_meanwhile = !lua_isnil(L, 3);
    bool raised = has_meanwhile && lua_pcall(L, 0, 0, 0) != LUA_OK;
    if (has_meanwhile && !raised) { // it may have drawn over the prompt
        fputs("\r", stdout);
        fflush(stdout);
        rl_on_new_line();
        rl_redisplay();
    }
    bool stopped = raised;
    while (!reading.done && !stopped) {
        fd_set in;
        FD_ZERO(&in);
        FD_SET(STDIN_FILENO, &in);
        int n = select(STDIN_FILENO + 1, &in, NULL, NULL, NULL);
        if (n > 0)
            rl_callback_read_char();
        else if (n < 0 && errno != EINTR)
            break;
        rl_check_signals();
        stopped = !reading.done && is_interrupted(L);
    }
    if (!reading.done) {
        rl_callback_sigcleanup();
        rl_free_line_state();
        rl_callback_handler_remove();
        fputc('\n', stdout);
        fflush(stdout);
    }
    reading.L = NULL;
    if (raised) return lua_error(L);
    if (stopped) {
        lua_pushboolean(L, 0);
        return 1;
    }
    lua_pushstring(L, reading.line); // nil for NULL
    free(reading.line);
    return 1;
}

// --- history

/***
Adds a line to the history, unless it is the same as the last one.
@function kvm.readline.add
@tparam string line
@usage require "kvm.readline".add("ps")
*/
static int l_add(lua_State *L) {
    const char *line = luaL_checkstring(L, 1);
    HIST_ENTRY *last = history_length > 0 ? history_get(history_base + history_length - 1) : NULL;
    if (!last || strcmp(last->line, line) != 0) add_history(line);
    return 0;
}

static int result(lua_State *L, int failure, const char *path) {
    if (failure) {
        lua_pushnil(L);
        lua_pushfstring(L, "%s: %s", path, strerror(failure));
        return 2;
    }
    lua_pushboolean(L, 1);
    return 1;
}

/***
Takes the history from a file; a file that is not there is an empty one.
@function kvm.readline.load
@tparam string path
@tparam integer most lines that are kept
@treturn[1] boolean true
@return[2] nil
@treturn[2] string message
@usage assert(require "kvm.readline".load("/nonexistent", 1000))
*/
static int l_load(lua_State *L) {
    const char *path = luaL_checkstring(L, 1);
    stifle_history((int)luaL_checkinteger(L, 2));
    int failure = read_history(path);
    return result(L, failure == ENOENT ? 0 : failure, path);
}

/***
Writes the history to a file, which its owner alone can read.
@function kvm.readline.save
@tparam string path
@treturn[1] boolean true
@return[2] nil
@treturn[2] string message
@usage assert(not require "kvm.readline".save("/nonexistent/history"))
*/
static int l_save(lua_State *L) {
    const char *path = luaL_checkstring(L, 1);
    return result(L, write_history(path), path);
}

int luaopen_kvm_readline(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"read", l_read}, {"complete", l_complete}, {"files", l_files}, {"add", l_add},
        {"load", l_load}, {"save", l_save},         {NULL, NULL}};
    luaL_newlib(L, functions);
    rl_readline_name = "luakvm";
    rl_catch_signals = 1;
    using_history();
    return 1;
}
