// SPDX-License-Identifier: BSD-2-Clause
// C types of the kernel (kvm.Type): an id in the handle's type graph, and the handle as user value.
#include "bind/bind.h"

struct bind_type {
    type_id id;
};

const char *const bind_type_kinds[TYPE_KINDS] = {
    [TYPE_VOID] = "void",
    [TYPE_INT] = "int",
    [TYPE_BOOL] = "bool",
    [TYPE_CHAR] = "char",
    [TYPE_FLOAT] = "float",
    [TYPE_PTR] = "pointer",
    [TYPE_ARRAY] = "array",
    [TYPE_STRUCT] = "struct",
    [TYPE_UNION] = "union",
    [TYPE_ENUM] = "enum",
    [TYPE_FWD] = "forward",
    [TYPE_TYPEDEF] = "typedef",
    [TYPE_CONST] = "const",
    [TYPE_VOLATILE] = "volatile",
    [TYPE_RESTRICT] = "restrict",
    [TYPE_FUNC] = "function",
    [TYPE_FUNC_PROTO] = "prototype",
    [TYPE_VAR] = "variable",
    [TYPE_TAG] = "tag",
};

// The type at stack index 1 of a method; the handle is then on top of the stack.
struct subject {
    kvm_t *kd;
    type_id id;
    struct kvm_err err;
};

static struct bind_handle *handle_of(lua_State *L, int index) {
    lua_getiuservalue(L, index, 1);
    return lua_touserdata(L, -1);
}

static void check_subject(lua_State *L, struct subject *s) {
    const struct bind_type *t = luaL_checkudata(L, 1, BIND_TYPE);
    const struct bind_handle *h = handle_of(L, 1);
    if (!h->kd) bind_raise_closed(L);
    s->kd = h->kd;
    s->id = t->id;
    s->err = (struct kvm_err){0};
}

static int fail(lua_State *L, struct subject *s) {
    return bind_fail(L, s->kd, &s->err);
}

// C would see a name with a zero byte as a shorter one.
static const char *check_name(lua_State *L, int arg) {
    size_t len;
    const char *name = luaL_checklstring(L, arg, &len);
    luaL_argcheck(L, strlen(name) == len, arg, "a zero byte in a name");
    return name;
}

void bind_type_push(lua_State *L, int handle, type_id id) {
    handle = lua_absindex(L, handle);
    struct bind_type *t = lua_newuserdatauv(L, sizeof(*t), 1);
    t->id = id;
    lua_pushvalue(L, handle);
    lua_setiuservalue(L, -2, 1);
    luaL_setmetatable(L, BIND_TYPE);
}

bool bind_type_get(lua_State *L, int index, int handle, type_id *out) {
    const struct bind_type *t = luaL_testudata(L, index, BIND_TYPE);
    if (!t) return false;
    bool same = handle_of(L, index) == lua_touserdata(L, handle);
    lua_pop(L, 1);
    *out = t->id;
    return same;
}

/***
Finds a type by its name as C writes it: "struct list_head", "union thread_union", "enum pid_type",
or a bare name, which is a typedef or a basic type ("pid_t", "unsigned long") or else the struct,
union or enum of that tag. What was declared by hand stands before the kernel's own types, which
stand before those of modules.
@function Handle:type
@tparam string name
@tparam[opt] string module of modules only this one, and before the kernel; "vmlinux": no module. The
 first type of the name is given then; without it, that there is one only is made sure
@treturn[1] kvm.Type
@return[2] nil
@treturn[2] string message
@treturn[2] string code `notfound`, or why there are no types; `inval`: the kernel or modules have
 different types of that name
@raise wrong types
@usage assert(k:type("struct list_head"):size() == 16)
*/
int l_type_type(lua_State *L) {
    kvm_t *kd = bind_handle(L);
    const char *name = check_name(L, 2), *module = lua_isnoneornil(L, 3) ? NULL : check_name(L, 3);
    struct kvm_err err = {0};
    type_id id;
    if (type_lookup(kd->os.types, module, name, &id, &err)) return bind_fail(L, kd, &err);
    bind_type_push(L, 1, id);
    return 1;
}

/***
The type of a variable, from a debug file (`-N`, or by build id) or as far as BTF tells it. Where
several static variables have the name, the one that `k:symbol(name)` finds is meant.
@function Handle:variable
@tparam string name
@tparam[opt] string module the module that has it; without it, the kernel or the module whose symbol it is
@treturn[1] kvm.Type
@return[2] nil
@treturn[2] string message
@treturn[2] string code `notfound`: not known, and why there is no debug file; `inval`: several
 static variables of that name have different types
@raise wrong types
@usage local t = k:variable("init_task") assert(t == nil or t:name() == "task_struct")
*/
int l_type_variable(lua_State *L) {
    kvm_t *kd = bind_handle(L);
    const char *name = check_name(L, 2), *module = lua_isnoneornil(L, 3) ? NULL : check_name(L, 3);
    struct kvm_err err = {0};
    type_id id;
    if (session_variable(kd, module, name, &id, &err)) return bind_fail(L, kd, &err);
    bind_type_push(L, 1, id);
    return 1;
}

// Upvalues of the iterator: the handle, the number of the last type, the kind, the name or nil.
static int types_step(lua_State *L) {
    kvm_t *kd = bind_open(L, lua_upvalueindex(1));
    struct type_db *db = kd->os.types;
    lua_Integer id = lua_tointeger(L, lua_upvalueindex(2)), last = type_last(db);
    enum type_kind kind = (enum type_kind)lua_tointeger(L, lua_upvalueindex(3));
    const char *name = lua_tostring(L, lua_upvalueindex(4));
    while (++id <= last) {
        struct type_info info;
        struct kvm_err err = {0};
        if (type_info(db, (type_id)id, &info, &err)) bind_raise(L, kd, &err);
        if (info.kind != kind || (name && strcmp(info.name, name) != 0)) continue;
        lua_pushinteger(L, id);
        lua_replace(L, lua_upvalueindex(2));
        bind_type_push(L, lua_upvalueindex(1), (type_id)id);
        return 1;
    }
    lua_pushinteger(L, last);
    lua_replace(L, lua_upvalueindex(2));
    return 0;
}

/***
Goes through the kernel's own types of a kind, in the order in which they are stored, perhaps those of
one name: there may be several. Functions and variables are types here.
@function Handle:types
@tparam string kind as `Type:kind` names it
@tparam[opt] string name
@treturn[1] function iterator of kvm.Type
@return[2] nil
@treturn[2] string message
@treturn[2] string code why there are no types; `unsupported`: they come from a debug file, which is
 not read as a whole
@raise wrong types; where the types are damaged
@usage for t in k:types("enum", "pid_type") do assert(t:name() == "pid_type") end
*/
int l_type_types(lua_State *L) {
    kvm_t *kd = bind_handle(L);
    const char *wanted = luaL_checkstring(L, 2);
    luaL_optstring(L, 3, NULL);
    lua_settop(L, 3);
    int kind = 0;
    while (kind < TYPE_KINDS &&
           (!bind_type_kinds[kind] || strcmp(bind_type_kinds[kind], wanted) != 0))
        kind++;
    luaL_argcheck(L, kind < TYPE_KINDS, 2, "no kind of type");
    struct kvm_err err = {0};
    const char *origin = type_origin(kd->os.types, &err);
    if (origin && strcmp(origin, "DWARF") == 0) // its types have no numbers before they are met
        err_set(&err, KVM_UNSUPPORTED, "types of a debug file can't be listed");
    if (err.code) return bind_fail(L, kd, &err);
    lua_pushvalue(L, 1);
    lua_pushinteger(L, 0);
    lua_pushinteger(L, kind);
    lua_pushvalue(L, 3);
    lua_pushcclosure(L, types_step, 4);
    return 1;
}

static int get_info(lua_State *L, struct subject *s, struct type_info *info) {
    check_subject(L, s);
    return type_info(s->kd->os.types, s->id, info, &s->err);
}

/***
The tag or name of a type.
@function Type:name
@treturn string; nil for a type without a name
@raise use after close
@usage assert(k:type("struct list_head"):name() == "list_head")
*/
static int l_type_name(lua_State *L) {
    struct subject s;
    struct type_info info;
    if (get_info(L, &s, &info)) return fail(L, &s);
    if (info.name && info.name[0])
        lua_pushstring(L, info.name);
    else
        lua_pushnil(L);
    return 1;
}

/***
What sort of type it is.
@function Type:kind
@treturn string `void int bool char float pointer array struct union enum forward typedef const
 volatile restrict function prototype variable tag`
@raise use after close
@usage assert(k:type("pid_t"):kind() == "typedef")
*/
static int l_type_kind(lua_State *L) {
    struct subject s;
    struct type_info info;
    if (get_info(L, &s, &info)) return fail(L, &s);
    lua_pushstring(L, bind_type_kinds[info.kind]);
    return 1;
}

/***
The size of a type, as sizeof has it: typedefs and qualifiers count as what they stand for.
@function Type:size
@treturn integer bytes; 0 for void, functions and forward declarations
@raise use after close
@usage assert(k:type("pid_t"):size() == 4)
*/
static int l_type_size(lua_State *L) {
    struct subject s;
    struct type_info info;
    check_subject(L, &s);
    if (type_strip(s.kd->os.types, s.id, NULL, &info, &s.err)) return fail(L, &s);
    lua_pushinteger(L, (lua_Integer)info.size);
    return 1;
}

/***
The type as C spells it.
@function Type:spell
@treturn string
@raise use after close
@usage assert(k:type("struct list_head"):field("next").type:spell() == "struct list_head *")
*/
static int l_type_spell(lua_State *L) {
    struct subject s;
    char buf[1024];
    check_subject(L, &s);
    if (type_spell(s.kd->os.types, s.id, buf, sizeof(buf), &s.err)) return fail(L, &s);
    lua_pushstring(L, buf);
    return 1;
}

/***
Whether an integer or enum is signed; typedefs and qualifiers count as what they stand for.
@function Type:signed
@treturn boolean
@raise use after close
@usage assert(k:type("int"):signed() and not k:type("unsigned int"):signed())
*/
static int l_type_signed(lua_State *L) {
    struct subject s;
    struct type_info info;
    check_subject(L, &s);
    if (type_strip(s.kd->os.types, s.id, NULL, &info, &s.err)) return fail(L, &s);
    lua_pushboolean(L, info.is_signed);
    return 1;
}

/***
How many bits of an integer count; typedefs and qualifiers count as what they stand for.
@function Type:bits
@treturn integer 0 for what is no integer
@raise use after close
@usage assert(k:type("int"):bits() == 32)
*/
static int l_type_bits(lua_State *L) {
    struct subject s;
    struct type_info info;
    check_subject(L, &s);
    if (type_strip(s.kd->os.types, s.id, NULL, &info, &s.err)) return fail(L, &s);
    lua_pushinteger(L, info.bits);
    return 1;
}

static bool has_target(enum type_kind kind) {
    switch (kind) {
    case TYPE_PTR:
    case TYPE_ARRAY:
    case TYPE_TYPEDEF:
    case TYPE_CONST:
    case TYPE_VOLATILE:
    case TYPE_RESTRICT:
    case TYPE_FUNC:
    case TYPE_FUNC_PROTO:
    case TYPE_VAR:
    case TYPE_TAG: return true;
    default: return false;
    }
}

/***
The number of a type in the handle's graph: two values with the same number are the same entry.
@function Type:id
@treturn integer 0 for void
@raise use after close
@usage assert(k:type("struct list_head"):id() == k:type("list_head"):id())
*/
static int l_type_id(lua_State *L) {
    struct subject s;
    check_subject(L, &s);
    lua_pushinteger(L, (lua_Integer)s.id);
    return 1;
}

/***
The type without its typedefs and qualifiers; a declaration gives way to the definition, of a module
where the kernel has none.
@function Type:strip
@treturn kvm.Type
@raise use after close
@usage assert(k:type("pid_t"):strip():spell() == "int")
*/
static int l_type_strip(lua_State *L) {
    struct subject s;
    type_id id;
    check_subject(L, &s);
    if (type_strip(s.kd->os.types, s.id, &id, NULL, &s.err)) return fail(L, &s);
    bind_type_push(L, -1, id);
    return 1;
}

/***
The handle that a type is of.
@function Type:handle
@treturn kvm.Handle
@raise use after close
@usage assert(k:type("int"):handle() == k)
*/
static int l_type_handle(lua_State *L) {
    struct subject s;
    check_subject(L, &s);
    return 1;
}

/***
What a type is made from: what a pointer points to, an array's element, what a typedef or qualifier
stands for, a function's prototype, a prototype's result.
@function Type:target
@treturn kvm.Type; nil where there is none
@raise use after close
@usage assert(k:type("pid_t"):target():size() == 4)
*/
static int l_type_target(lua_State *L) {
    struct subject s;
    struct type_info info;
    if (get_info(L, &s, &info)) return fail(L, &s);
    if (has_target(info.kind))
        bind_type_push(L, -1, info.target);
    else
        lua_pushnil(L);
    return 1;
}

/***
How many: elements of an array, members of a struct or union, values of an enum, parameters of a
prototype.
@function Type:count
@treturn integer 0 for the other kinds
@raise use after close
@usage assert(k:type("struct list_head"):count() == 2)
*/
static int l_type_count(lua_State *L) {
    struct subject s;
    struct type_info info;
    if (get_info(L, &s, &info)) return fail(L, &s);
    lua_pushinteger(L, (lua_Integer)info.count);
    return 1;
}

// The type on top of the stack becomes the field `type` of the table below it.
static void set_place(lua_State *L, uint64_t bit_offset, uint32_t bit_size) {
    lua_setfield(L, -2, "type");
    bind_set_integer(L, "offset", bit_offset / 8);
    bind_set_integer(L, "bit_offset", bit_offset);
    bind_set_integer(L, "bit_size", bit_size);
}

/***
The members of a struct or union, or the parameters of a prototype.
@function Type:members
@treturn[1] {table,...} `name` (nil when anonymous), `type` (kvm.Type), `offset` (bytes),
 `bit_offset` (bits from the start of the struct), `bit_size` (0: not a bit field)
@return[2] nil
@treturn[2] string message
@treturn[2] string code `inval` for other kinds
@raise use after close
@usage local m = k:type("struct list_head"):members() assert(#m == 2 and m[2].name == "prev" and m[2].offset == 8)
*/
static int l_type_members(lua_State *L) {
    struct subject s;
    struct type_info info;
    lua_settop(L, 1);
    if (get_info(L, &s, &info)) return fail(L, &s); // the handle is at 2
    if (info.kind != TYPE_STRUCT && info.kind != TYPE_UNION && info.kind != TYPE_FUNC_PROTO) {
        err_set(&s.err, KVM_INVAL, "a type of kind %s has no members", bind_type_kinds[info.kind]);
        return fail(L, &s);
    }
    lua_newtable(L);
    for (uint64_t i = 0; i < info.count; i++) {
        struct type_member m;
        lua_createtable(L, 0, 5);
        s.kd = bind_open(L, 2); // a finalizer may have closed it
        if (type_member(s.kd->os.types, s.id, i, &m, &s.err)) return fail(L, &s);
        if (m.name && m.name[0]) bind_set_string(L, "name", m.name);
        bind_type_push(L, 2, m.type);
        set_place(L, m.bit_offset, m.bit_size);
        lua_seti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/***
The names and values of an enum.
@function Type:enumerators
@treturn[1] {table,...} `name`, `value` (int64_t; of an unsigned 64-bit enum its bits)
@return[2] nil
@treturn[2] string message
@treturn[2] string code `inval` for other kinds
@raise use after close
@usage assert(k:type("enum pid_type"):enumerators()[1].name == "PIDTYPE_PID")
*/
static int l_type_enumerators(lua_State *L) {
    struct subject s;
    struct type_info info;
    lua_settop(L, 1);
    if (get_info(L, &s, &info)) return fail(L, &s); // the handle is at 2
    if (info.kind != TYPE_ENUM) {
        err_set(&s.err, KVM_INVAL, "a type of kind %s is no enum", bind_type_kinds[info.kind]);
        return fail(L, &s);
    }
    lua_newtable(L);
    for (uint64_t i = 0; i < info.count; i++) {
        struct type_enumerator e;
        lua_createtable(L, 0, 2);
        s.kd = bind_open(L, 2); // a finalizer may have closed it
        if (type_enumerator(s.kd->os.types, s.id, i, &e, &s.err)) return fail(L, &s);
        bind_set_string(L, "name", e.name);
        bind_set_integer(L, "value", (uint64_t)e.value);
        lua_seti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/***
Where a member lies, through anonymous members, nested ones and arrays.
@function Type:field
@tparam string path such as "signal.rlim[3].rlim_cur"; pointers are not followed
@treturn[1] table `type` (kvm.Type), `offset` (bytes), `bit_offset` (bits from the start),
 `bit_size` (0: not a bit field)
@return[2] nil
@treturn[2] string message
@treturn[2] string code `notfound`
@raise wrong types, use after close
@usage assert(k:type("struct list_head"):field("prev").offset == 8)
*/
static int l_type_field(lua_State *L) {
    struct subject s;
    struct type_field f;
    const char *path = check_name(L, 2);
    lua_settop(L, 2);
    check_subject(L, &s); // the handle is at 3
    if (type_field(s.kd->os.types, s.id, path, &f, &s.err)) return fail(L, &s);
    lua_createtable(L, 0, 4);
    bind_type_push(L, 3, f.type);
    set_place(L, f.bit_offset, f.bit_size);
    return 1;
}

static int type_eq(lua_State *L) {
    const struct bind_type *a = luaL_testudata(L, 1, BIND_TYPE);
    const struct bind_type *b = luaL_testudata(L, 2, BIND_TYPE);
    bool same = a && b && handle_of(L, 1) == handle_of(L, 2);
    if (same && a->id != b->id) {
        const struct bind_handle *h = handle_of(L, 1);
        same = h->kd && type_same(h->kd->os.types, a->id, b->id, &same, NULL) == 0 && same;
    }
    lua_pushboolean(L, same);
    return 1;
}

static int type_tostring(lua_State *L) {
    const struct bind_type *t = luaL_checkudata(L, 1, BIND_TYPE);
    const struct bind_handle *h = handle_of(L, 1);
    char buf[256];
    if (!h->kd)
        lua_pushfstring(L, "%s (closed)", BIND_TYPE);
    else if (type_spell(h->kd->os.types, t->id, buf, sizeof(buf), NULL) == 0)
        lua_pushfstring(L, "%s (%s)", BIND_TYPE, buf);
    else
        lua_pushfstring(L, "%s (id %d)", BIND_TYPE, (int)t->id);
    return 1;
}

static const luaL_Reg methods[] = {
    {"name", l_type_name},
    {"kind", l_type_kind},
    {"size", l_type_size},
    {"spell", l_type_spell},
    {"signed", l_type_signed},
    {"bits", l_type_bits},
    {"target", l_type_target},
    {"count", l_type_count},
    {"members", l_type_members},
    {"enumerators", l_type_enumerators},
    {"field", l_type_field},
    {"id", l_type_id},
    {"strip", l_type_strip},
    {"handle", l_type_handle},
    {NULL, NULL},
};

static const luaL_Reg metamethods[] = {
    {"__eq", type_eq},
    {"__tostring", type_tostring},
    {NULL, NULL},
};

void bind_type_metatable(lua_State *L) {
    luaL_newmetatable(L, BIND_TYPE);
    luaL_setfuncs(L, metamethods, 0);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}
