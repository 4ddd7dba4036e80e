// SPDX-License-Identifier: BSD-2-Clause
// Values of fields: the hot path of objects. A member of a struct in memory is a look at the
// translation cache and a load.
#include "bind/object.h"

enum {
    STRING_CHUNK = 64,
    FLEXIBLE_MAX = 1 << 16,
    STRING_MAX = 16 << 20,
    PATH_DEPTH_MAX = 12,
    PATHS_MAX = 1 << 16,
};

// --- paths
static struct bind_path *find_child(struct bind_path *list, const struct bind_field *f) {
    for (; list; list = list->sibling) {
        if (list->field == f) return list;
    }
    return NULL;
}

// A path that is too long begins anew: a walk over a list by hand has no end. So do paths of a handle that
// has many: a walk over a tree by hand takes another one to each node.
static struct bind_path *new_path(lua_State *L, int targets, struct bind_path *from,
                                  struct bind_field *f) {
    if (from && from->depth >= PATH_DEPTH_MAX) from = NULL;
    struct bind_path **list = from ? &from->children : &f->roots;
    struct bind_path *p = find_child(*list, f);
    if (p) return p;
    if (from && f->handle->paths >= PATHS_MAX) return new_path(L, targets, NULL, f);
    p = lua_newuserdatauv(L, sizeof(*p) + 1, 0);
    *p = (struct bind_path){.parent = from, .field = f, .depth = from ? from->depth + 1 : 1};
    p->name[0] = '\0';
    lua_rawsetp(L, targets, p); // stays as long as the handle's objects
    p->sibling = *list;
    *list = p;
    f->handle->paths++;
    return p;
}

struct bind_path *bind_path_step(lua_State *L, int targets, struct bind_path *from,
                                 struct bind_field *f) {
    if (f->to && f->from == from) return f->to;
    f->to = new_path(L, lua_absindex(L, targets), from, f);
    f->from = from;
    return f->to;
}

void bind_path_text(const struct bind_path *path, const struct bind_field *f, char *buf,
                    size_t size) {
    const char *names[PATH_DEPTH_MAX + 2];
    const struct bind_field *first = f;
    size_t n = 0, used;
    names[n++] = f->text + f->name;
    for (; path && path->field && n < PATH_DEPTH_MAX + 1; path = path->parent) {
        first = path->field;
        names[n++] = first->text + first->name;
    }
    const char *root = path && !path->field ? path->name : first->text;
    used = (size_t)snprintf(buf, size, "%s", root);
    while (n && used < size) {
        const char *name = names[--n];
        const char *dot = name[0] == '[' || name[0] == '\0' ? "" : "."; // "": the place itself
        used += (size_t)snprintf(buf + used, size - used, "%s%s", dot, name);
    }
}

// --- bytes
// LEN (at most 64) bytes of the object at OFFSET; good until the next call.
static inline int bytes_at(kvm_t *kd, const struct bind_object *o, uint64_t offset, uint32_t len,
                           const uint8_t **out, struct kvm_err *err) {
    if (__builtin_expect(o->copy != NULL, 0)) return bind_copy_at(o, offset, len, out, err);
    return session_host(kd, o->addr + offset, out, len, err);
}

static inline uint64_t load(const uint8_t *p, uint8_t size, bool big) {
    switch (size) {
    case 1: return *p;
    case 2: return bytes_u16(p, big);
    case 4: return bytes_u32(p, big);
    default: return bytes_u64(p, big);
    }
}

static inline int64_t sign_extend(uint64_t v, unsigned bits) {
    return (int64_t)(v << (64 - bits)) >> (64 - bits);
}

// Bits are counted from the lowest of the first byte, or with big-endian targets from its highest.
static uint64_t load_bits(const uint8_t *p, const struct bind_field *f, bool big) {
    unsigned len = (f->shift + f->bits + 7u) / 8;
    uint64_t v = 0;
    unsigned low = big ? len * 8 - f->shift - f->bits : f->shift; // below the field
    for (unsigned i = 0; i < len; i++) {                          // from the lowest byte on
        uint8_t byte = p[big ? len - 1 - i : i];
        int at = (int)(8 * i) - (int)low;
        if (at >= 64) continue;
        v |= at < 0 ? (uint64_t)byte >> -at : (uint64_t)byte << at;
    }
    return f->bits == 64 ? v : v & ((UINT64_C(1) << f->bits) - 1);
}

// --- one kind of value each: 0 and pushed, or an error
static int push_bits(lua_State *L, kvm_t *kd, const struct bind_object *o,
                     const struct bind_field *f, uint64_t offset, struct kvm_err *err) {
    const uint8_t *p;
    int rc = bytes_at(kd, o, offset, (f->shift + f->bits + 7u) / 8, &p, err);
    if (rc) return rc;
    uint64_t v = load_bits(p, f, kd->os.virt.big);
    if (f->access == ACCESS_BOOLBITS)
        lua_pushboolean(L, v != 0);
    else
        lua_pushinteger(L, f->access == ACCESS_SBITS ? sign_extend(v, f->bits) : (lua_Integer)v);
    return 0;
}

static int push_float(lua_State *L, kvm_t *kd, const struct bind_object *o,
                      const struct bind_field *f, uint64_t offset, struct kvm_err *err) {
    const uint8_t *p;
    int rc = bytes_at(kd, o, offset, f->size, &p, err);
    if (rc) return rc;
    uint64_t bits = load(p, f->size, kd->os.virt.big);
    if (f->size == 4) {
        uint32_t narrow = (uint32_t)bits;
        float v;
        memcpy(&v, &narrow, sizeof(v));
        lua_pushnumber(L, (lua_Number)v);
    } else {
        double v;
        memcpy(&v, &bits, sizeof(v));
        lua_pushnumber(L, v);
    }
    return 0;
}

static int push_wide(lua_State *L, kvm_t *kd, const struct bind_object *o, uint64_t offset,
                     struct kvm_err *err) {
    const uint8_t *p;
    bool big = kd->os.virt.big;
    char text[40];
    int rc = bytes_at(kd, o, offset, 16, &p, err);
    if (rc) return rc;
    snprintf(text, sizeof(text), "0x%016llx%016llx",
             (unsigned long long)bytes_u64(big ? p : p + 8, big),
             (unsigned long long)bytes_u64(big ? p + 8 : p, big));
    lua_pushstring(L, text);
    return 0;
}

// How many bytes come before the NUL, at most LEN; copies them where TO is not NULL.
static int measure_string(kvm_t *kd, const struct bind_object *o, uint64_t offset, uint64_t len,
                          char *to, uint64_t *out, struct kvm_err *err) {
    const uint8_t *nul = NULL;
    *out = 0;
    while (*out < len && !nul) {
        uint64_t addr = o->addr + offset + *out;
        uint32_t n = STRING_CHUNK - (uint32_t)(addr % STRING_CHUNK);
        const uint8_t *p;
        if (n > len - *out) n = (uint32_t)(len - *out);
        int rc = bytes_at(kd, o, offset + *out, n, &p, err);
        if (rc) return rc;
        if (*out > STRING_MAX)
            return err_at(err, KVM_FORMAT, addr, "no end of the string within %d bytes",
                          STRING_MAX);
        nul = memchr(p, 0, n);
        if (nul) n = (uint32_t)(nul - p);
        if (to) memcpy(to + *out, p, n);
        *out += n;
    }
    return 0;
}

// Its length is known before there is room for it, since making room may run finalizers: they may close the handle,
// or read over the bytes.
static int push_long_string(lua_State *L, const struct bind_object *o, const struct bind_field *f,
                            uint64_t offset, uint64_t len, struct kvm_err *err) {
    luaL_Buffer b;
    int rc = measure_string(f->handle->kd, o, offset, len, NULL, &len, err);
    if (rc) return rc;
    char *to = luaL_buffinitsize(L, &b, len);
    if (f->handle->kd)
        rc = measure_string(f->handle->kd, o, offset, len, to, &len, err);
    else
        rc = err_set(err, KVM_CLOSED, "the handle is closed");
    luaL_pushresultsize(&b, rc ? 0 : len);
    if (rc) lua_pop(L, 1);
    return rc;
}

static int push_string(lua_State *L, kvm_t *kd, const struct bind_object *o,
                       const struct bind_field *f, uint64_t offset, struct kvm_err *err) {
    const uint8_t *p;
    uint64_t len = f->count;
    if (len == 0) { // char [] at the end of a struct
        len = FLEXIBLE_MAX;
        if (o->copy) len = o->copy->len - o->at > offset ? o->copy->len - o->at - offset : 0;
    }
    if (len > STRING_CHUNK) return push_long_string(L, o, f, offset, len, err);
    int rc = bytes_at(kd, o, offset, (uint32_t)len, &p, err);
    if (rc) return rc;
    const uint8_t *nul = memchr(p, 0, len);
    lua_pushlstring(L, (const char *)p, nul ? (size_t)(nul - p) : len);
    return 0;
}

// A part of a copy is a copy as well; it is at stack index 1.
static void push_inside_copy(lua_State *L, int targets, const struct bind_object *o,
                             const struct bind_field *f, uint64_t offset, struct bind_path *path) {
    targets = lua_absindex(L, targets);
    struct bind_object *part = lua_newuserdatauv(L, sizeof(*part), 1);
    *part = (struct bind_object){.addr = o->addr + offset, .path = path};
    part->at = o->at + offset;
    part->copy = o->copy;
    lua_getiuservalue(L, 1, 1);
    lua_setiuservalue(L, -2, 1);
    lua_rawgeti(L, targets, 2 * (lua_Integer)f->target);
    lua_setmetatable(L, -2);
}

static int push_inside(lua_State *L, int targets, const struct bind_object *o, struct bind_field *f,
                       uint64_t offset) {
    struct bind_path *path = bind_path_step(L, targets, o->path, f);
    if (o->copy)
        push_inside_copy(L, targets, o, f, offset, path);
    else
        bind_object_push(L, targets, f->target, o->addr + offset, path);
    return 0;
}

int bind_field_try(lua_State *L, int targets, struct bind_object *o, struct bind_field *f,
                   uint64_t extra, struct kvm_err *err) {
    kvm_t *kd = f->handle->kd;
    uint64_t offset = f->offset + extra, v;
    const uint8_t *p;
    int rc;
    switch (f->access) {
    case ACCESS_UINT:
    case ACCESS_INT:
    case ACCESS_BOOL:
    case ACCESS_REF: break;
    case ACCESS_BITS:
    case ACCESS_SBITS:
    case ACCESS_BOOLBITS: return push_bits(L, kd, o, f, offset, err);
    case ACCESS_FLOAT: return push_float(L, kd, o, f, offset, err);
    case ACCESS_WIDE: return push_wide(L, kd, o, offset, err);
    case ACCESS_STRING: return push_string(L, kd, o, f, offset, err);
    default: return push_inside(L, targets, o, f, offset);
    }
    rc = bytes_at(kd, o, offset, f->size, &p, err);
    if (rc) return rc;
    v = load(p, f->size, kd->os.virt.big);
    if (f->access == ACCESS_UINT)
        lua_pushinteger(L, (lua_Integer)v);
    else if (f->access == ACCESS_INT)
        lua_pushinteger(L, sign_extend(v, 8u * f->size));
    else if (f->access == ACCESS_BOOL)
        lua_pushboolean(L, v != 0);
    else if (v == 0)
        lua_pushnil(L);
    else
        bind_object_push(L, targets, f->target, v, bind_path_step(L, targets, o->path, f));
    return 0;
}

static int raise_at(lua_State *L, kvm_t *kd, const struct bind_object *o,
                    const struct bind_field *f, struct kvm_err *err) __attribute__((noreturn));
static int raise_at(lua_State *L, kvm_t *kd, const struct bind_object *o,
                    const struct bind_field *f, struct kvm_err *err) {
    char text[256];
    bind_path_text(o->path, f, text, sizeof(text));
    err_prepend(err, err->code, "%s", text);
    bind_raise(L, kd, err);
}

int bind_field_push(lua_State *L, int targets, struct bind_object *o, struct bind_field *f,
                    uint64_t extra) {
    struct kvm_err err; // not cleared: it is only looked at where it was filled
    if (__builtin_expect(!f->handle->kd, 0)) bind_raise_closed(L);
    if (__builtin_expect(bind_field_try(L, targets, o, f, extra, &err) != 0, 0))
        raise_at(L, f->handle->kd, o, f, &err);
    return 1;
}
