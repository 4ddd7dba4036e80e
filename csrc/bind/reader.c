// SPDX-License-Identifier: BSD-2-Clause
// Readers: several members of one type by one call, for hot loops.
#include "bind/object.h"

enum { FIELDS_MAX = 200 };
enum { UP_HANDLE = 1, UP_TARGETS, UP_READER };

struct reader_fields {
    const void *shape; // of the objects it takes; the handle keeps it
    char name[64];     // of their type
    int count;
    struct bind_field *list[FIELDS_MAX];
};

// Whether the object at 1 is of the reader's type all the same: it stands in several sources.
static bool same_type(lua_State *L) {
    bind_object_shape(L, 1);
    lua_getfield(L, -1, "bare");
    lua_getiuservalue(L, lua_upvalueindex(UP_READER), 1);
    lua_getfield(L, -1, "shape");
    lua_getfield(L, -1, "bare");
    bool same = lua_compare(L, -1, -4, LUA_OPEQ);
    lua_settop(L, 1);
    return same;
}

// What the reader was called with: an object, or an address.
static struct bind_object *argument(lua_State *L, const struct reader_fields *fields,
                                    struct bind_object *made) {
    int is_integer;
    lua_Integer addr = lua_tointegerx(L, 1, &is_integer);
    if (is_integer && lua_type(L, 1) == LUA_TNUMBER) {
        *made = (struct bind_object){.addr = (uint64_t)addr};
        return made;
    }
    const void *shape;
    struct bind_object *o = bind_object_test(L, 1, &shape);
    if (!o) luaL_typeerror(L, 1, "object or address");
    if (shape != fields->shape && !same_type(L))
        luaL_error(L, "bad argument #1 to a reader of %s (an object of another type or handle)",
                   fields->name);
    return o;
}

// Pushes the values; where some can't be read, nil in their places and the first error behind the last.
static int read_fields(lua_State *L) {
    const struct bind_handle *h = lua_touserdata(L, lua_upvalueindex(UP_HANDLE));
    if (!h->kd) bind_raise_closed(L);
    const struct reader_fields *fields = lua_touserdata(L, lua_upvalueindex(UP_READER));
    int n = fields->count;
    struct bind_object made, *o = argument(L, fields, &made);
    struct bind_field *bad = NULL;
    struct kvm_err err, first;
    luaL_checkstack(L, n + 8, "a reader of too many members");
    for (int i = 0; i < n; i++) {
        struct bind_field *f = fields->list[i];
        if (__builtin_expect(!h->kd, 0)) bind_raise_closed(L); // by a finalizer, since the last one
        if (__builtin_expect(
                bind_field_try(L, lua_upvalueindex(UP_TARGETS), o, f, 0, bad ? &err : &first) == 0,
                1))
            continue;
        lua_pushnil(L);
        if (!bad) bad = f;
    }
    if (!bad) return n;
    char text[256];
    bind_path_text(o->path, bad, text, sizeof(text));
    err_prepend(&first, first.code, "%s", text);
    bind_error_push(L, &first);
    return n + 1;
}

// reader(k, targets, {field, ...}, shape, name): the function.
int bind_reader(lua_State *L) {
    bind_check(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    luaL_checktype(L, 3, LUA_TTABLE);
    lua_Integer n = (lua_Integer)lua_rawlen(L, 3);
    luaL_argcheck(L, n <= FIELDS_MAX, 3, "too many members");
    luaL_checktype(L, 4, LUA_TTABLE);
    const char *name = luaL_checkstring(L, 5);
    lua_settop(L, 5);
    // The table of fields, and of the shape, is the user value: it keeps them alive.
    struct reader_fields *fields = lua_newuserdatauv(L, sizeof(*fields), 1);
    fields->count = (int)n;
    fields->shape = lua_topointer(L, 4);
    snprintf(fields->name, sizeof(fields->name), "%s", name);
    for (int i = 0; i < fields->count; i++) {
        lua_rawgeti(L, 3, i + 1);
        fields->list[i] = lua_touserdata(L, -1);
        luaL_argcheck(L, fields->list[i], 3, "no field");
        lua_pop(L, 1);
    }
    lua_pushvalue(L, 4);
    lua_setfield(L, 3, "shape");
    lua_pushvalue(L, 3);
    lua_setiuservalue(L, 6, 1);
    lua_replace(L, 3);
    lua_settop(L, 3);
    lua_pushcclosure(L, read_fields, 3);
    return 1;
}
