// SPDX-License-Identifier: BSD-2-Clause
// k:declare: a type by hand, from a table. What the graph takes on trust is checked here: that the
// table has what its kind needs and nothing else, that types are of the same handle and complete,
// that members lie inside their struct and values inside their enum.
#include "bind/bind.h"

#include "base/mem.h"

enum { NAME_MAX_LEN = 255, ITEMS_MAX = 1 << 20 };
#define SIZE_LIMIT ((uint64_t)1 << 48) // bytes of a type; the address space of a target is no wider

// Fields of the table, as bits.
enum {
    F_KIND = 1,
    F_NAME = 2,
    F_SIZE = 4,
    F_SIGNED = 8,
    F_BITS = 16,
    F_TARGET = 32,
    F_COUNT = 64,
    F_MEMBERS = 128,
    F_ENUMERATORS = 256,
    F_UNION = 512,
};
static const struct {
    const char *name;
    unsigned bit;
} fields[] = {
    {"kind", F_KIND},     {"name", F_NAME},       {"size", F_SIZE},
    {"signed", F_SIGNED}, {"bits", F_BITS},       {"target", F_TARGET},
    {"count", F_COUNT},   {"members", F_MEMBERS}, {"enumerators", F_ENUMERATORS},
    {"union", F_UNION},
};

// What a declaration of a kind must have, and what it may have beside that.
static const struct rule {
    unsigned needs, takes;
} rules[TYPE_KINDS] = {
    [TYPE_INT] = {F_NAME | F_SIZE, F_SIGNED | F_BITS},
    [TYPE_BOOL] = {F_NAME | F_SIZE, 0},
    [TYPE_CHAR] = {F_NAME | F_SIZE, F_SIGNED},
    [TYPE_FLOAT] = {F_NAME | F_SIZE, 0},
    [TYPE_PTR] = {F_SIZE, F_TARGET},
    [TYPE_ARRAY] = {F_TARGET | F_COUNT, 0},
    [TYPE_STRUCT] = {F_SIZE | F_MEMBERS, F_NAME},
    [TYPE_UNION] = {F_SIZE | F_MEMBERS, F_NAME},
    [TYPE_ENUM] = {F_SIZE | F_ENUMERATORS, F_NAME | F_SIGNED},
    [TYPE_FWD] = {F_NAME, F_UNION},
    [TYPE_TYPEDEF] = {F_NAME, F_TARGET},
    [TYPE_CONST] = {0, F_TARGET},
    [TYPE_VOLATILE] = {0, F_TARGET},
    [TYPE_RESTRICT] = {0, F_TARGET},
    [TYPE_FUNC] = {F_NAME | F_TARGET, 0},
    [TYPE_FUNC_PROTO] = {0, F_TARGET | F_MEMBERS},
    [TYPE_VAR] = {F_NAME | F_TARGET, 0},
};

// A declaration that is read: the handle is at stack index 1, the table at 2.
struct declaration {
    lua_State *L;
    kvm_t *kd;
    unsigned has;
    struct type_info info;
    struct type_member *members; // in a userdata on the stack, as the enumerators
    struct type_enumerator *enumerators;
    struct kvm_err err;
};

// --- fields of tables; their strings stay where they are, so that they may be borrowed
static int push_field(lua_State *L, int table, const char *name) {
    table = lua_absindex(L, table);
    lua_pushstring(L, name);
    return lua_rawget(L, table);
}

static void check_field(lua_State *L, const char *name, bool good, const char *expected) {
    if (!good)
        luaL_error(L, "bad field '%s' (%s expected, got %s)", name, expected, luaL_typename(L, -1));
}

static const char *get_string(lua_State *L, int table, const char *name) {
    if (push_field(L, table, name) == LUA_TNIL) {
        lua_pop(L, 1);
        return "";
    }
    check_field(L, name, lua_type(L, -1) == LUA_TSTRING, "string");
    size_t len;
    const char *s = lua_tolstring(L, -1, &len);
    if (len == 0 || len > NAME_MAX_LEN)
        luaL_error(L, "bad field '%s' (1 to %d bytes)", name, NAME_MAX_LEN);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c <= ' ' - (i > 0) || c > '~') luaL_error(L, "bad field '%s' (no name in C)", name);
    }
    lua_pop(L, 1);
    return s;
}

static int64_t get_integer(lua_State *L, int table, const char *name) {
    int64_t v = 0;
    if (push_field(L, table, name) != LUA_TNIL) {
        check_field(L, name, lua_isinteger(L, -1), "integer");
        v = lua_tointeger(L, -1);
    }
    lua_pop(L, 1);
    return v;
}

static uint64_t get_size(lua_State *L, int table, const char *name, uint64_t max) {
    int64_t v = get_integer(L, table, name);
    if (v < 0 || (uint64_t)v > max) luaL_error(L, "bad field '%s' (out of range)", name);
    return (uint64_t)v;
}

static bool get_boolean(lua_State *L, int table, const char *name) {
    int type = push_field(L, table, name);
    check_field(L, name, type == LUA_TNIL || type == LUA_TBOOLEAN, "boolean");
    bool v = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return v;
}

static type_id get_type(lua_State *L, int table, const char *name) {
    type_id id = 0;
    if (push_field(L, table, name) != LUA_TNIL)
        check_field(L, name, bind_type_get(L, -1, 1, &id), "kvm.Type of this handle");
    lua_pop(L, 1);
    return id;
}

// Pushes the list NAME; returns how many items it has.
static size_t push_list(lua_State *L, const char *name) {
    push_field(L, 2, name);
    check_field(L, name, lua_istable(L, -1), "table");
    lua_Unsigned n = lua_rawlen(L, -1);
    if (n > ITEMS_MAX) luaL_error(L, "bad field '%s' (more than %d items)", name, ITEMS_MAX);
    return (size_t)n;
}

static void push_item(lua_State *L, const char *name, size_t i) {
    lua_rawgeti(L, -1, (lua_Integer)i + 1);
    if (!lua_istable(L, -1))
        luaL_error(L, "bad field '%s' (item %d is a %s)", name, (int)i + 1, luaL_typename(L, -1));
}

// --- the table
static unsigned field_bit(lua_State *L) {
    const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (strcmp(fields[i].name, key) == 0) return fields[i].bit;
    }
    luaL_error(L, "unknown field '%s'", luaL_tolstring(L, -2, NULL));
    return 0;
}

static bool can_declare(int kind, const char *name) {
    unsigned known = rules[kind].needs | rules[kind].takes;
    return known && bind_type_kinds[kind] && strcmp(bind_type_kinds[kind], name) == 0;
}

static enum type_kind get_kind(lua_State *L) {
    push_field(L, 2, "kind");
    check_field(L, "kind", lua_type(L, -1) == LUA_TSTRING, "string");
    const char *name = lua_tostring(L, -1);
    for (int kind = 0; kind < TYPE_KINDS; kind++) {
        if (!can_declare(kind, name)) continue;
        lua_pop(L, 1);
        return (enum type_kind)kind;
    }
    luaL_error(L, "bad field 'kind' (no kind '%s' can be declared)", name);
    return TYPE_VOID;
}

static void check_fields(struct declaration *d) {
    lua_State *L = d->L;
    for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1))
        d->has |= field_bit(L);
    d->info.kind = get_kind(L);
    const struct rule *rule = &rules[d->info.kind];
    const char *kind = bind_type_kinds[d->info.kind];
    for (size_t f = 0; f < sizeof(fields) / sizeof(fields[0]); f++) {
        unsigned bit = fields[f].bit;
        if (rule->needs & ~d->has & bit)
            luaL_error(L, "field '%s' is missing for a %s", fields[f].name, kind);
        if (d->has & ~(rule->needs | rule->takes | F_KIND) & bit)
            luaL_error(L, "a %s has no field '%s'", kind, fields[f].name);
    }
}

static void get_members(struct declaration *d) {
    lua_State *L = d->L;
    size_t n = push_list(L, "members");
    d->members = lua_newuserdatauv(L, (n + 1) * sizeof(*d->members), 0);
    lua_insert(L, -2);
    for (size_t i = 0; i < n; i++) {
        push_item(L, "members", i);
        d->members[i] = (struct type_member){
            .name = get_string(L, -1, "name"),
            .type = get_type(L, -1, "type"),
            .bit_offset = get_size(L, -1, "bit_offset", SIZE_LIMIT * 8),
            .bit_size = (uint32_t)get_size(L, -1, "bit_size", 128),
        };
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    d->info.count = n;
}

static void get_enumerators(struct declaration *d) {
    lua_State *L = d->L;
    size_t n = push_list(L, "enumerators");
    d->enumerators = lua_newuserdatauv(L, (n + 1) * sizeof(*d->enumerators), 0);
    lua_insert(L, -2);
    for (size_t i = 0; i < n; i++) {
        push_item(L, "enumerators", i);
        d->enumerators[i].name = get_string(L, -1, "name");
        d->enumerators[i].value = get_integer(L, -1, "value");
        if (!d->enumerators[i].name[0]) luaL_error(L, "field 'name' is missing for a value");
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    d->info.count = n;
}

static void get_declaration(struct declaration *d) {
    lua_State *L = d->L;
    check_fields(d);
    struct type_info *info = &d->info;
    info->name = get_string(L, 2, "name");
    info->size = get_size(L, 2, "size", SIZE_LIMIT);
    info->is_signed = get_boolean(L, 2, "signed");
    info->is_union = get_boolean(L, 2, "union");
    info->target = get_type(L, 2, "target");
    info->count = get_size(L, 2, "count", SIZE_LIMIT);
    info->bits = (uint8_t)get_size(L, 2, "bits", 128);
    bool counts = info->kind == TYPE_INT || info->kind == TYPE_CHAR || info->kind == TYPE_BOOL;
    if (counts && !(d->has & F_BITS)) info->bits = (uint8_t)(info->size <= 16 ? 8 * info->size : 0);
    if (d->has & F_MEMBERS) get_members(d);
    if (d->has & F_ENUMERATORS) get_enumerators(d);
}

// --- does it make sense
static int check_scalar(struct declaration *d) {
    // by kind, the sizes that there are as bits: 10 and 12 bytes are i386's long double
    static const uint32_t sizes[TYPE_KINDS] = {
        [TYPE_INT] = 1 << 1 | 1 << 2 | 1 << 4 | 1 << 8 | 1 << 16,
        [TYPE_BOOL] = 1 << 1 | 1 << 2 | 1 << 4 | 1 << 8,
        [TYPE_CHAR] = 1 << 1,
        [TYPE_FLOAT] = 1 << 2 | 1 << 4 | 1 << 8 | 1 << 10 | 1 << 12 | 1 << 16,
        [TYPE_PTR] = 1 << 4 | 1 << 8,
        [TYPE_ENUM] = 1 << 1 | 1 << 2 | 1 << 4 | 1 << 8,
    };
    const struct type_info *info = &d->info;
    if (sizes[info->kind] && (info->size > 16 || !(sizes[info->kind] >> info->size & 1)))
        return err_set(&d->err, KVM_INVAL, "no %s has %llu bytes", bind_type_kinds[info->kind],
                       (unsigned long long)info->size);
    if ((d->has & F_BITS) && (info->bits == 0 || info->bits > 8 * info->size))
        return err_set(&d->err, KVM_INVAL, "an int of %llu bytes can't have %d bits",
                       (unsigned long long)info->size, info->bits);
    return 0;
}

// The type of a member, element or variable: what it stands for must have a size.
static int check_object(struct declaration *d, type_id id, const char *what,
                        struct type_info *info) {
    int rc = type_strip(d->kd->os.types, id, NULL, info, &d->err);
    if (rc) return rc;
    if (info->kind == TYPE_VOID || info->kind == TYPE_FUNC || info->kind == TYPE_FUNC_PROTO ||
        info->kind == TYPE_VAR || info->kind == TYPE_FWD || info->kind == TYPE_OTHER)
        return err_set(&d->err, KVM_INVAL, "%s has no size: its type is %s %s", what,
                       info->kind == TYPE_VOID ? "" : bind_type_kinds[info->kind], info->name);
    return 0;
}

static int check_target(struct declaration *d) {
    struct type_info to = {0};
    struct type_info *info = &d->info;
    if (!(d->has & F_TARGET)) return 0;
    switch (info->kind) {
    case TYPE_ARRAY:
        if (check_object(d, info->target, "the element of an array", &to)) return d->err.code;
        if (to.size && info->count > SIZE_LIMIT / to.size)
            return err_set(&d->err, KVM_INVAL, "the array is too large");
        info->size = to.size * info->count;
        return 0;
    case TYPE_FUNC:
        if (type_info(d->kd->os.types, info->target, &to, &d->err)) return d->err.code;
        if (to.kind == TYPE_FUNC_PROTO) return 0;
        return err_set(&d->err, KVM_INVAL, "the target of a function is a prototype");
    default:
        if (type_info(d->kd->os.types, info->target, &to, &d->err)) return d->err.code;
        if (to.kind == TYPE_VAR || to.kind == TYPE_FUNC || to.kind == TYPE_OTHER)
            return err_set(&d->err, KVM_INVAL, "a %s can't be the target of a %s",
                           bind_type_kinds[to.kind] ? bind_type_kinds[to.kind] : "section",
                           bind_type_kinds[info->kind]);
        return 0;
    }
}

static int check_bit_field(struct declaration *d, const struct type_member *m,
                           const struct type_info *type) {
    bool counts = type->kind == TYPE_INT || type->kind == TYPE_BOOL || type->kind == TYPE_CHAR ||
                  type->kind == TYPE_ENUM;
    if (!counts)
        return err_set(&d->err, KVM_INVAL, "bit field \"%s\" has a type that is no integer",
                       m->name);
    if (m->bit_size > 8 * type->size)
        return err_set(&d->err, KVM_INVAL, "bit field \"%s\" is wider than its type", m->name);
    return 0;
}

static int check_member(struct declaration *d, const struct type_member *m) {
    struct type_info type = {0};
    char what[NAME_MAX_LEN + 16];
    snprintf(what, sizeof(what), "member \"%s\"", m->name);
    int rc = check_object(d, m->type, what, &type);
    if (rc == 0 && m->bit_size) rc = check_bit_field(d, m, &type);
    if (rc) return rc;
    if (!m->bit_size && m->bit_offset % 8)
        return err_set(&d->err, KVM_INVAL, "%s does not start at a byte", what);
    // a packed struct may be smaller than the type of its bit field
    bool fits = m->bit_size || type.size <= d->info.size;
    uint64_t bits = m->bit_size ? m->bit_size : fits ? 8 * type.size : 0;
    if (fits && mem_inside(m->bit_offset, bits, 8 * d->info.size)) return 0;
    return err_set(&d->err, KVM_INVAL, "%s lies outside of the %llu bytes of its %s", what,
                   (unsigned long long)d->info.size, bind_type_kinds[d->info.kind]);
}

// Parameters have types; the last one may stand for "...".
static int check_parameter(struct declaration *d, const struct type_member *m, bool is_last) {
    struct type_info type = {0};
    if (m->bit_offset || m->bit_size)
        return err_set(&d->err, KVM_INVAL, "a parameter has no place in bits");
    if (m->type == 0 && is_last && !m->name[0]) return 0;
    return check_object(d, m->type, "a parameter", &type);
}

static int check_items(struct declaration *d) {
    const struct type_info *info = &d->info;
    int rc = 0;
    for (uint64_t i = 0; d->members && rc == 0 && i < info->count; i++) {
        rc = info->kind == TYPE_FUNC_PROTO
                 ? check_parameter(d, &d->members[i], i + 1 == info->count)
                 : check_member(d, &d->members[i]);
    }
    for (uint64_t i = 0; d->enumerators && rc == 0 && i < info->count && info->size < 8; i++) {
        const struct type_enumerator *e = &d->enumerators[i];
        int64_t half = (int64_t)1 << (8 * info->size - 1);
        int64_t first = info->is_signed ? -half : 0,
                last = info->is_signed ? half - 1 : 2 * half - 1;
        if (e->value < first || e->value > last)
            rc = err_set(&d->err, KVM_INVAL, "the value of %s does not fit into its enum", e->name);
    }
    return rc;
}

/***
Declares a type by hand; `kvm.cdef` does it from C. From then on it is found by its name, before the
kernel's own types, and a later one of a name before an earlier one. Pointers, arrays, prototypes and
qualified types that are there already are given again.
@function Handle:declare
@tparam table declaration `kind` (string, as `Type:kind` names them) and what that kind has: `name`;
 `size` (bytes); `signed` (boolean, of int, char and enum); `bits` (of an int: how many count);
 `target` (kvm.Type; void when absent) of pointer, array, typedef, const, volatile, restrict, of a
 variable its type, of a function its prototype, of a prototype the result; `count` of an array;
 `members` of struct and union, a list of `{name=, type=, bit_offset=, bit_size=}` (bits from the
 start of the struct, as the target's byte order counts them; `bit_size` only of bit fields), of a
 prototype its parameters (`{}` as the last one stands for "..."); `enumerators` of an enum, a list
 of `{name=, value=}`; `union=true` of a forward declaration of a union
@treturn[1] kvm.Type
@return[2] nil
@treturn[2] string message
@treturn[2] string code `inval`: a member outside of its struct, a size that no such type has, a type
 without a size where one is needed, more types than are kept; `nomem`
@raise wrong types, fields that the kind does not have or lacks, a type of another handle
@usage local int = k:type("int") assert(k:declare{kind="array", target=int, count=3}:size() == 12)
*/
int l_type_declare(lua_State *L) {
    struct declaration d = {.L = L, .kd = bind_handle(L)};
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    get_declaration(&d);
    type_id id = 0;
    int rc = check_scalar(&d);
    if (rc == 0) rc = check_target(&d);
    if (rc == 0) rc = check_items(&d);
    if (rc == 0) rc = type_declare(d.kd->os.types, &d.info, d.members, d.enumerators, &id, &d.err);
    if (rc) return bind_fail(L, d.kd, &d.err);
    bind_type_push(L, 1, id);
    return 1;
}
