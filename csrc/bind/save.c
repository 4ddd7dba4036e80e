// SPDX-License-Identifier: BSD-2-Clause
// New dumps: k:save, which `luakvm convert` calls.
#include "bind/bind.h"

#include "base/mem.h"
#include "session/save.h"

enum { PATH = 2, OPTIONS = 3 };

static const char *const formats[] = {
    [SAVE_KDUMP] = "kdump", [SAVE_ELF] = "elf", [SAVE_RAW] = "raw", NULL};

static const struct {
    const char *name;
    uint32_t bit;
} kinds[] = {{"cache", OS_PAGE_CACHE},
             {"user", OS_PAGE_USER},
             {"free", OS_PAGE_FREE},
             {"zero", SAVE_WITHOUT_ZERO}};

// The value of option KEY is on top of the stack in each of these.

static void bad(lua_State *L, const char *key, const char *want) {
    luaL_error(L, "bad option '%s' (%s expected, got %s)", key, want,
               lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : luaL_typename(L, -1));
}

static const char *string_of(lua_State *L, const char *key) {
    if (lua_type(L, -1) != LUA_TSTRING) bad(L, key, "string");
    return lua_tostring(L, -1);
}

static void set_format(lua_State *L, struct session_save *s, const char *key) {
    const char *name = string_of(L, key);
    for (int i = 0; formats[i]; i++) {
        if (strcmp(formats[i], name) != 0) continue;
        s->format = (enum session_format)i;
        return;
    }
    bad(L, key, "\"kdump\", \"elf\" or \"raw\"");
}

static void set_codec(lua_State *L, struct session_save *s, const char *key) {
    const char *name = string_of(L, key);
    for (int i = 0; i < CODEC_COUNT; i++) {
        if (strcmp(codec_name((enum codec_id)i), name) != 0) continue;
        s->codec = (enum codec_id)i;
        s->uncompressed = i == CODEC_NONE;
        return;
    }
    bad(L, key, "\"zlib\", \"lzo\", \"snappy\", \"zstd\" or \"none\"");
}

static uint32_t kind_of(lua_State *L, const char *key) {
    const char *name = string_of(L, key);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kinds[i].name, name) == 0) return kinds[i].bit;
    bad(L, key, "\"user\", \"cache\", \"free\" or \"zero\"");
    return 0;
}

static void set_exclude(lua_State *L, struct session_save *s, const char *key) {
    if (!lua_istable(L, -1)) bad(L, key, "list");
    lua_Unsigned n = lua_rawlen(L, -1);
    for (lua_Unsigned i = 1; i <= n; i++) {
        lua_rawgeti(L, -1, (lua_Integer)i);
        s->without |= kind_of(L, key);
        lua_pop(L, 1);
    }
}

static uint64_t integer_field(lua_State *L, const char *key, const char *name) {
    int is;
    lua_getfield(L, -1, name);
    lua_Integer v = lua_tointegerx(L, -1, &is);
    if (!is) luaL_error(L, "bad option '%s' (integer '%s' expected)", key, name);
    lua_pop(L, 1);
    return (uint64_t)v;
}

// A list of {addr=, len=, fill=}; it becomes an array that Lua owns, which stays on the stack below the option.
static void set_erase(lua_State *L, struct session_save *s, const char *key) {
    if (!lua_istable(L, -1)) bad(L, key, "list");
    lua_Unsigned n = lua_rawlen(L, -1);
    if (n > INT32_MAX) luaL_error(L, "bad option '%s' (too long)", key);
    struct session_erase *e = lua_newuserdatauv(L, (size_t)(n ? n : 1) * sizeof(*e), 0);
    lua_insert(L, -2);
    for (lua_Unsigned i = 0; i < n; i++) {
        lua_rawgeti(L, -1, (lua_Integer)i + 1);
        if (!lua_istable(L, -1)) bad(L, key, "list of tables");
        lua_getfield(L, -1, "fill");
        const char *fill = luaL_optstring(L, -1, "X");
        e[i] = (struct session_erase){.fill = (uint8_t)fill[0]};
        lua_pop(L, 1);
        e[i].addr = integer_field(L, key, "addr");
        e[i].len = integer_field(L, key, "len");
        lua_pop(L, 1);
    }
    s->erase = e;
    s->erase_count = (size_t)n;
}

static bool boolean_of(lua_State *L, const char *key) {
    if (!lua_isboolean(L, -1)) bad(L, key, "boolean");
    return lua_toboolean(L, -1);
}

static void set_fill(lua_State *L, struct session_save *s, const char *key) {
    s->fill = boolean_of(L, key);
}

static void set_strict(lua_State *L, struct session_save *s, const char *key) {
    s->strict = boolean_of(L, key);
}

static void set_record(lua_State *L, struct session_save *s, const char *key) {
    s->record = string_of(L, key);
}

static void set_threads(lua_State *L, struct session_save *s, const char *key) {
    int is;
    lua_Integer n = lua_tointegerx(L, -1, &is);
    if (!is || n < 1 || n > 1024) bad(L, key, "number of threads");
    s->threads = (unsigned)n;
}

static void set_progress(lua_State *L, struct session_save *s, const char *key) {
    (void)s;
    if (!lua_isfunction(L, -1)) bad(L, key, "function");
}

static const struct {
    const char *key;
    void (*set)(lua_State *L, struct session_save *s, const char *key);
} options[] = {
    {"format", set_format},   {"compress", set_codec},    {"exclude", set_exclude},
    {"erase", set_erase},     {"record", set_record},     {"fill", set_fill},
    {"threads", set_threads}, {"progress", set_progress}, {"strict", set_strict},
};

static void check_keys(lua_State *L) {
    for (lua_pushnil(L); lua_next(L, OPTIONS); lua_pop(L, 1)) {
        bool known = false;
        for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
            known |=
                lua_type(L, -2) == LUA_TSTRING && strcmp(lua_tostring(L, -2), options[i].key) == 0;
        if (!known) luaL_error(L, "unknown option '%s'", luaL_tolstring(L, -2, NULL));
    }
}

// What the options point to stays on the stack until the call returns. Returns the progress function's, or NULL.
static struct bind_progress *read_options(lua_State *L, struct session_save *s) {
    struct bind_progress *progress = NULL;
    if (lua_isnoneornil(L, OPTIONS)) return NULL;
    luaL_checktype(L, OPTIONS, LUA_TTABLE);
    luaL_checkstack(L, 32, NULL);
    check_keys(L);
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        if (lua_getfield(L, OPTIONS, options[i].key) == LUA_TNIL)
            lua_pop(L, 1);
        else
            options[i].set(L, s, options[i].key);
    }
    if (lua_getfield(L, OPTIONS, "progress") != LUA_TNIL) progress = bind_progress_push(L, -1);
    return progress;
}

static int push_saved(lua_State *L, const struct session_saved *saved) {
    const struct write_result *w = &saved->written;
    lua_createtable(L, 0, 9);
    bind_set_integer(L, "pages", w->pages);
    bind_set_integer(L, "bytes", w->bytes);
    bind_set_integer(L, "missing", w->missing);
    bind_set_integer(L, "damaged", w->damaged);
    bind_set_integer(L, "excluded", saved->without);
    bind_set_integer(L, "untold", saved->untold);
    bind_set_integer(L, "erased", saved->erased);
    if (w->damaged) bind_set_string(L, "first_damage", w->first_damage.text);
    return 1;
}

/***
Writes a new dump of all that this handle sees: the pages of its dump, and over them what was written to the overlay.
By all CPUs. The file appears when it is whole, and never takes the place of another one.
@function Handle:save
@tparam string path of the new file
@tparam[opt] table options `format`: "kdump" (the default), "elf" (as /proc/vmcore), "raw" (physical memory from
 address 0 on, a sparse file); `compress` of a kdump: "zlib", "lzo", "snappy", "zstd" (the default where built in) or
 "none"; `exclude`: a list of kinds of pages to leave out: "user" (memory of processes), "cache" (contents of files),
 "free", "zero"; `strict` (boolean): fail rather than keep a page whose kind can't be told; `erase`: a list of
 `{addr=, len=, fill=}`, kernel virtual memory (bytes) that becomes `fill` ("X") in the new dump; `record`: lines of
 text that the new dump keeps about that (see `k:info().erased`); `fill` (boolean): let a raw file have zeros where pages
 are missing, which is refused without it; `threads`; `progress`, a function as that of `kvm.open`
@treturn[1] table `pages`, `bytes` (of the file), `missing` (pages that the source should have and does not), `damaged`
 (pages that can't be unpacked: left out; `first_damage` says why the first), `excluded` (pages left out as asked), `untold`
 (pages that are kept although they may be of a kind to leave out: their struct pages can't be read), `erased` (bytes)
@return[2] nil
@treturn[2] string message
@treturn[2] string code `inval io unsupported format nomem`, or of what could not be read
@treturn[2] ?integer address
@raise wrong types, unknown options; what the progress function raises
@usage local res = assert(k:save(tmpname, {compress = "zlib"})) assert(res.pages > 0 and res.damaged == 0)
*/
int l_save(lua_State *L) {
    kvm_t *kd = bind_handle(L);
    struct bind_handle *h = lua_touserdata(L, 1);
    struct session_saved saved;
    struct session_save save = {.path = luaL_checkstring(L, PATH)};
    struct kvm_err err = {0};
    struct bind_progress *progress = read_options(L, &save);
    if (progress) save.progress = &progress->progress;
    h->busy++;
    int rc = session_save(kd, &save, &saved, &err);
    h->busy--;
    bind_progress_end(progress);
    return rc ? bind_fail(L, kd, &err) : push_saved(L, &saved);
}
