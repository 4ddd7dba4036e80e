// SPDX-License-Identifier: BSD-2-Clause
// The handle (kvm.Handle): open, close and the table of its methods.
#include "bind/bind.h"

static struct bind_handle *check_handle(lua_State *L, int arg) {
    return luaL_checkudata(L, arg, BIND_HANDLE);
}

kvm_t *bind_check(lua_State *L, int arg) {
    struct bind_handle *h = check_handle(L, arg);
    if (!h->kd) bind_raise_closed(L);
    return h->kd;
}

kvm_t *bind_open(lua_State *L, int index) {
    struct bind_handle *h = lua_touserdata(L, index);
    if (!h->kd) bind_raise_closed(L);
    return h->kd;
}

// --- open

// The stack while options are read: the argument, and a table that holds what the options point to for as long as
// the call lasts (a progress function may change the argument).
enum { ARGUMENT = 1, ANCHORS = 2 };

static void anchor(lua_State *L, int index) {
    lua_pushvalue(L, index);
    lua_rawseti(L, ANCHORS, (lua_Integer)lua_rawlen(L, ANCHORS) + 1);
}

static const char *option_path(lua_State *L, const char *key) {
    size_t len;
    if (lua_type(L, -1) != LUA_TSTRING)
        luaL_error(L, "bad option '%s' (string expected, got %s)", key, luaL_typename(L, -1));
    const char *path = lua_tolstring(L, -1, &len);
    if (strlen(path) != len) luaL_error(L, "bad option '%s' (a path with a zero byte)", key);
    anchor(L, -1);
    return path;
}

// A name, or a list of them.
static void option_core(lua_State *L, struct session_options *opt) {
    bool list = lua_istable(L, -1);
    lua_Unsigned n = list ? lua_rawlen(L, -1) : 1;
    if (n == 0 || n > INT_MAX) luaL_error(L, "bad option 'core' (an empty list)");
    const char **names = lua_newuserdatauv(L, (size_t)n * sizeof(*names), 0);
    anchor(L, -1);
    lua_pop(L, 1);
    for (lua_Unsigned i = 0; i < n; i++) {
        if (list) lua_rawgeti(L, -1, (lua_Integer)i + 1);
        names[i] = option_path(L, "core");
        if (list) lua_pop(L, 1);
    }
    opt->core = names;
    opt->core_count = (size_t)n;
}

static void option_progress(lua_State *L, struct bind_progress **out) {
    if (lua_type(L, -1) != LUA_TFUNCTION)
        luaL_error(L, "bad option 'progress' (function expected, got %s)", luaL_typename(L, -1));
    anchor(L, -1);
    if (!*out) *out = bind_progress_push(L, -1), anchor(L, -1), lua_pop(L, 1);
}

static bool option_boolean(lua_State *L, const char *key) {
    if (!lua_isboolean(L, -1))
        luaL_error(L, "bad option '%s' (boolean expected, got %s)", key, luaL_typename(L, -1));
    return lua_toboolean(L, -1);
}

static size_t option_bytes(lua_State *L, const char *key) {
    int is_integer;
    lua_Integer v = lua_tointegerx(L, -1, &is_integer);
    if (!is_integer || lua_type(L, -1) != LUA_TNUMBER || v <= 0 || (uint64_t)v > SIZE_MAX / 2)
        luaL_error(L, "bad option '%s' (a number of bytes above 0 expected)", key);
    return (size_t)v;
}

// The option of name KEY, its value on top of the stack.
static void set_option(lua_State *L, struct session_options *opt, struct bind_progress **progress,
                       const char *key) {
    if (strcmp(key, "core") == 0)
        option_core(L, opt);
    else if (strcmp(key, "vmcoreinfo") == 0)
        opt->vmcoreinfo = option_path(L, key);
    else if (strcmp(key, "progress") == 0)
        option_progress(L, progress);
    else if (strcmp(key, "namelist") == 0)
        opt->namelist = option_path(L, key);
    else if (strcmp(key, "write") == 0)
        opt->write = option_boolean(L, key);
    else if (strcmp(key, "overlay") == 0)
        opt->overlay = option_boolean(L, key);
    else if (strcmp(key, "trace") == 0)
        opt->trace = option_boolean(L, key);
    else if (strcmp(key, "debug_dir") == 0)
        opt->debug_dir = option_path(L, key);
    else if (strcmp(key, "debuginfod") == 0)
        opt->debuginfod = option_boolean(L, key);
    else if (strcmp(key, "cache") == 0)
        opt->cache_bytes = option_bytes(L, key);
    else
        luaL_error(L, "unknown option '%s'", key);
}

static void read_options(lua_State *L, struct session_options *opt,
                         struct bind_progress **progress) {
    lua_settop(L, ARGUMENT);
    lua_newtable(L);
    if (lua_isnil(L, ARGUMENT)) return;
    if (lua_type(L, ARGUMENT) == LUA_TSTRING) {
        lua_pushvalue(L, ARGUMENT);
        option_core(L, opt);
        return;
    }
    if (!lua_istable(L, ARGUMENT)) luaL_typeerror(L, ARGUMENT, "string or table");
    for (lua_pushnil(L); lua_next(L, ARGUMENT); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING)
            luaL_error(L, "unknown option (a %s as its name)", luaL_typename(L, -2));
        set_option(L, opt, progress, lua_tostring(L, -2));
    }
}

/***
Opens a kernel.
Without a core it is the live kernel. A core that can't be opened is an error: nothing else is
opened in its place.
@function open
@tparam[opt] string|table core path of a crash dump, or a table of options: `core`, a path or a list of the paths of
 one dump's parts in any order (also one string with commas; `FILE@ADDRESS` is raw physical memory that begins
 there), `/dev/null` for the namelist alone: no memory, but its symbols and types, of any machine; `namelist`, the path of an ELF
 kernel with symbols; `write` (boolean), allow `k:write`; `overlay` (boolean, true),
 writes stay in memory, false: they go to the file; `cache`, bytes of the cache of decompressed
 pages; `trace` (boolean), remember which pages are read, for `k:slim`; `debug_dir`, the directory of
 debug files ("/usr/lib/debug"); `debuginfod` (boolean), ask the servers of `DEBUGINFOD_URLS` for
 debug files that are not there. Debug files are looked for when something is asked that only they
 tell, and must have the build id of the kernel or module; `vmcoreinfo`, path of a text file of VMCOREINFO lines
 that stand for the dump's own; `progress`, a function that is called with what is done ("unpacking"), how much of it,
 and of how much (0: not known), while opening takes long; returning false ends it
@treturn[1] kvm.Handle k
@return[2] nil
@treturn[2] string message
@treturn[2] string code `io format unsupported notfound inval nomem`
@treturn[2] ?integer address of the kernel that the error is about
@raise wrong types, unknown options
@usage local k = assert(kvm.open(core)) k:close()
*/
int l_handle_open(lua_State *L) {
    struct session_options opt = {.overlay = true};
    struct bind_progress *progress = NULL;
    read_options(L, &opt, &progress);
    if (progress) opt.progress = &progress->progress;
    struct bind_handle *h = lua_newuserdatauv(L, sizeof(*h), 1); // its table of Lua state
    *h = (struct bind_handle){.kd = NULL};
    luaL_setmetatable(L, BIND_HANDLE);
    struct kvm_err err = {0};
    int rc = session_open(&opt, &h->kd, &err);
    bind_progress_end(progress);
    if (rc) return bind_fail(L, NULL, &err);
    return 1;
}

/***
Closes the handle and frees what it holds. What came from it (iterators, types) fails with code
`closed` from then on. Closing twice does nothing; a handle that is collected, or that goes out of
scope as `local k <close>`, is closed as well.
@function Handle:close
@raise in a progress function of a call on the same handle
@usage local k = assert(kvm.open(core)) k:close() k:close()
*/
int l_handle_close(lua_State *L) {
    struct bind_handle *h = check_handle(L, 1);
    kvm_t *kd = h->kd;
    if (h->busy)
        return luaL_error(L, "the handle is in use: it can't be closed from a progress function");
    h->kd = NULL;
    session_close(kd);
    return 0;
}

/***
The text of the last failure of a call on this handle, "" when none has failed yet.
@function Handle:geterr
@treturn string
@usage local _, message = k:symbol("no such name") assert(k:geterr() == message)
*/
int l_handle_geterr(lua_State *L) {
    const kvm_t *kd = bind_handle(L);
    lua_pushstring(L, kd->err.code ? kd->err.text : "");
    return 1;
}

static int handle_tostring(lua_State *L) {
    const struct bind_handle *h = check_handle(L, 1);
    if (h->kd)
        lua_pushfstring(L, "%s (%s)", BIND_HANDLE, h->kd->image->file->path);
    else
        lua_pushfstring(L, "%s (closed)", BIND_HANDLE);
    return 1;
}

static const luaL_Reg methods[] = {
    {"close", l_handle_close},
    {"geterr", l_handle_geterr},
    {"read", l_memory_read},
    {"write", l_memory_write},
    {"cstring", l_memory_cstring},
    {"u8", l_number_u8},
    {"u16", l_number_u16},
    {"u32", l_number_u32},
    {"u64", l_number_u64},
    {"i8", l_number_i8},
    {"i16", l_number_i16},
    {"i32", l_number_i32},
    {"i64", l_number_i64},
    {"ptr", l_number_ptr},
    {"f32", l_number_f32},
    {"f64", l_number_f64},
    {"translate", l_map_translate},
    {"regions", l_map_regions},
    {"search", l_search},
    {"nlist", l_symbol_nlist},
    {"symbol", l_symbol_symbol},
    {"symbols", l_symbol_symbols},
    {"procs", l_proc_procs},
    {"argv", l_proc_argv},
    {"environ", l_proc_environ},
    {"loadavg", l_system_loadavg},
    {"modules", l_system_modules},
    {"swaps", l_system_swaps},
    {"registers", l_registers},
    {"info", l_info_info},
    {"page_size", l_info_page_size},
    {"stats", l_info_stats},
    {"slim", l_slim},
    {"save", l_save},
    {"type", l_type_type},
    {"declare", l_type_declare},
    {"variable", l_type_variable},
    {"source", l_source},
    {"cfi", l_cfi},
    {"types", l_type_types},
    {NULL, NULL},
};

static const luaL_Reg metamethods[] = {
    {"__gc", l_handle_close},
    {"__close", l_handle_close},
    {"__tostring", handle_tostring},
    {NULL, NULL},
};

void bind_handle_metatable(lua_State *L) {
    luaL_newmetatable(L, BIND_HANDLE);
    luaL_setfuncs(L, metamethods, 0);
    luaL_newlibtable(L, methods);
    lua_pushvalue(L, -2);
    luaL_setfuncs(L, methods, 1);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}

void bind_handle_methods(lua_State *L) {
    luaL_getmetatable(L, BIND_HANDLE);
    lua_getfield(L, -1, "__index");
    lua_remove(L, -2);
}
