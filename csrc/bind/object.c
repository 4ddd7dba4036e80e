// SPDX-License-Identifier: BSD-2-Clause
// Objects and their shapes: what lua/kvm/object.lua builds on.
#include "bind/object.h"

// The key of a shape's metatable that tells that it is one.
static const char shape_key;

struct bind_object *bind_object_test(lua_State *L, int arg, const void **shape) {
    struct bind_object *o = lua_touserdata(L, arg);
    if (!o || !lua_getmetatable(L, arg)) return NULL;
    bool is = lua_rawgetp(L, -1, &shape_key) != LUA_TNIL;
    if (shape) *shape = lua_topointer(L, -1);
    lua_pop(L, 2);
    return is ? o : NULL;
}

void bind_object_shape(lua_State *L, int arg) {
    lua_getmetatable(L, arg);
    lua_rawgetp(L, -1, &shape_key);
    lua_remove(L, -2);
}

static struct bind_object *check_object(lua_State *L, int arg) {
    struct bind_object *o = bind_object_test(L, arg, NULL);
    if (!o) luaL_typeerror(L, arg, "object");
    return o;
}

void bind_object_push(lua_State *L, int targets, int target, uint64_t addr,
                      struct bind_path *path) {
    targets = lua_absindex(L, targets);
    lua_rawgeti(L, targets, 2 * (lua_Integer)target + 1);
    if (lua_rawgeti(L, -1, (lua_Integer)addr) == LUA_TUSERDATA) {
        struct bind_object *o = lua_touserdata(L, -1);
        o->path = path; // the way that was taken last is the one that a script means
        lua_remove(L, -2);
        return;
    }
    lua_pop(L, 1);
    struct bind_object *o = lua_newuserdatauv(L, sizeof(*o), 0);
    *o = (struct bind_object){.addr = addr, .path = path};
    lua_rawgeti(L, targets, 2 * (lua_Integer)target);
    lua_setmetatable(L, -2);
    lua_pushvalue(L, -1);
    lua_rawseti(L, -3, (lua_Integer)addr);
    lua_remove(L, -2);
}

// --- indexing. Upvalues: the fields, the handle's targets.
enum { UP_FIELDS = 1, UP_TARGETS };

// object.member: the fields are a table; one that is not there yet is compiled by its __index, which raises for
// what is no member.
static int index_member(lua_State *L) {
    struct bind_object *o = lua_touserdata(L, 1);
    lua_gettable(L, lua_upvalueindex(UP_FIELDS)); // the key is on top
    return bind_field_push(L, lua_upvalueindex(UP_TARGETS), o, lua_touserdata(L, -1), 0);
}

// object[i]: of an array or pointer. The fields have that of element 0 at 0; indices that are none raise in __index.
static int index_element(lua_State *L) {
    struct bind_object *o = lua_touserdata(L, 1);
    int is_integer;
    lua_Integer i = lua_tointegerx(L, 2, &is_integer);
    lua_rawgeti(L, lua_upvalueindex(UP_FIELDS), 0);
    struct bind_field *f = lua_touserdata(L, -1);
    bool inside = is_integer && lua_type(L, 2) == LUA_TNUMBER && f &&
                  (f->count == 0 || (uint64_t)i < f->count);
    if (!inside) {
        lua_pushvalue(L, 2);
        lua_gettable(L, lua_upvalueindex(UP_FIELDS)); // raises, but for paths that `field` compiled
        return bind_field_push(L, lua_upvalueindex(UP_TARGETS), o, lua_touserdata(L, -1), 0);
    }
    return bind_field_push(L, lua_upvalueindex(UP_TARGETS), o, f, (uint64_t)i * f->stride);
}

// --- primitives

// state(k): the table that belongs to the handle.
static int state(lua_State *L) {
    bind_check(L, 1);
    if (lua_getiuservalue(L, 1, 1) == LUA_TTABLE) return 1;
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, 1, 1);
    return 1;
}

static lua_Integer field_integer(lua_State *L, const char *key, lua_Integer min, lua_Integer max) {
    lua_getfield(L, 1, key);
    lua_Integer v = luaL_optinteger(L, -1, 0);
    if (v < min || v > max) luaL_error(L, "field %s is out of range", key);
    lua_pop(L, 1);
    return v;
}

static const char *field_string(lua_State *L, const char *key, size_t *len) {
    if (lua_getfield(L, 1, key) != LUA_TSTRING) luaL_error(L, "field %s is no string", key);
    const char *s = lua_tolstring(L, -1, len);
    lua_pop(L, 1); // the table holds it
    return s;
}

static const char *const accesses[] = {"uint",     "int",  "bool",   "float",  "bits", "sbits",
                                       "boolbits", "wide", "string", "inside", "ref",  NULL};

// field({access=, owner=, name=, offset=, size=, bits=, shift=, stride=, count=, target=}, k)
static int field(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    bind_check(L, 2);
    lua_getfield(L, 1, "access");
    int access = luaL_checkoption(L, -1, NULL, accesses);
    size_t owner_len, name_len;
    const char *owner = field_string(L, "owner", &owner_len);
    const char *name = field_string(L, "name", &name_len);
    if (owner_len > 512 || name_len > 512) luaL_error(L, "a name is too long");
    struct bind_field made = {
        .handle = lua_touserdata(L, 2),
        .access = (uint8_t)access,
        .offset = (uint64_t)field_integer(L, "offset", LUA_MININTEGER, LUA_MAXINTEGER),
        .size = (uint8_t)field_integer(L, "size", 0, 16),
        .bits = (uint16_t)field_integer(L, "bits", 0, 64),
        .shift = (uint8_t)field_integer(L, "shift", 0, 7),
        .stride = (uint64_t)field_integer(L, "stride", LUA_MININTEGER, LUA_MAXINTEGER),
        .count = (uint64_t)field_integer(L, "count", LUA_MININTEGER, LUA_MAXINTEGER),
        .target = (int)field_integer(L, "target", 0, INT32_MAX),
        .name = (uint16_t)(owner_len + 1),
    };
    struct bind_field *f = lua_newuserdatauv(L, sizeof(*f) + owner_len + name_len + 2, 0);
    *f = made;
    memcpy(f->text, owner, owner_len + 1);
    memcpy(f->text + f->name, name, name_len + 1);
    return 1;
}

// bind(metatable, shape, fields, targets, elements): makes the metatable one of objects.
static int bind(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checktype(L, 3, LUA_TTABLE);
    luaL_checktype(L, 4, LUA_TTABLE);
    bool elements = lua_toboolean(L, 5);
    lua_pushvalue(L, 2);
    lua_rawsetp(L, 1, &shape_key);
    lua_settop(L, 4);
    lua_remove(L, 2);
    lua_pushcclosure(L, elements ? index_element : index_member, 2);
    lua_setfield(L, 1, "__index");
    lua_settop(L, 1);
    return 1;
}

// object(targets, target, addr [, path])
static int object(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    int target = (int)luaL_checkinteger(L, 2);
    uint64_t addr = (uint64_t)luaL_checkinteger(L, 3);
    struct bind_path *path = lua_touserdata(L, 4);
    bind_object_push(L, 1, target, addr, path);
    return 1;
}

// root(targets, name): the path of an object that is known by a symbol.
static int root(lua_State *L) {
    size_t len;
    const char *name = luaL_checklstring(L, 2, &len);
    if (lua_getfield(L, 1, name) == LUA_TUSERDATA) return 1;
    struct bind_path *p = lua_newuserdatauv(L, sizeof(*p) + len + 1, 0);
    *p = (struct bind_path){.depth = 0};
    memcpy(p->name, name, len + 1);
    lua_pushvalue(L, -1);
    lua_setfield(L, 1, name);
    return 1;
}

// shape(v): what `bind` was given for the type of object v; nil when it is no object.
static int shape(lua_State *L) {
    if (!lua_getmetatable(L, 1)) return 0;
    lua_rawgetp(L, -1, &shape_key);
    return 1;
}

// addr(o): the address of what it is, of a pointer its value; nil for bytes that were never in memory.
static int addr(lua_State *L) {
    const struct bind_object *o = check_object(L, 1);
    if (o->copy && !o->copy->has_addr)
        luaL_pushfail(L);
    else
        lua_pushinteger(L, (lua_Integer)o->addr);
    return 1;
}

// copied(o): whether it is a copy.
static int copied(lua_State *L) {
    lua_pushboolean(L, check_object(L, 1)->copy != NULL);
    return 1;
}

// value(o, targets, field): the value of a field of an object.
static int value(lua_State *L) {
    struct bind_object *o = check_object(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    luaL_checktype(L, 3, LUA_TUSERDATA);
    return bind_field_push(L, 2, o, lua_touserdata(L, 3), 0);
}

void bind_objects_table(lua_State *L) {
    static const struct {
        const char *name;
        lua_CFunction f;
    } primitives[] = {
        {"state", state},      {"field", field},    {"bind", bind},          {"object", object},
        {"root", root},        {"shape", shape},    {"addr", addr},          {"value", value},
        {"copied", copied},    {"copy", bind_copy}, {"reader", bind_reader}, {"chain", bind_chain},
        {"bytes", bind_bytes},
    };
    lua_newtable(L);
    for (size_t i = 0; i < sizeof(primitives) / sizeof(primitives[0]); i++) {
        lua_pushcfunction(L, primitives[i].f);
        lua_setfield(L, -2, primitives[i].name);
    }
}
