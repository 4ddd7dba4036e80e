// SPDX-License-Identifier: BSD-2-Clause
// What Lua gives as an address space or as a process. A record of k:procs is believed: it names the
// task and its memory map by address, so no list is walked again.
#include "bind/bind.h"

static uint64_t record_integer(lua_State *L, int arg, const char *key) {
    int is_integer;
    lua_getfield(L, arg, key);
    lua_Integer v = lua_tointegerx(L, -1, &is_integer);
    if (!is_integer)
        luaL_argerror(L, arg, lua_pushfstring(L, "a process record has an integer '%s'", key));
    lua_pop(L, 1);
    return (uint64_t)v;
}

static void record_proc(lua_State *L, int arg, struct os_proc *out) {
    memset(out, 0, sizeof(*out));
    out->pid = (int32_t)record_integer(L, arg, "pid");
    out->tid = (int32_t)record_integer(L, arg, "tid");
    out->addr = record_integer(L, arg, "addr");
    out->leader = record_integer(L, arg, "leader");
    out->mm = record_integer(L, arg, "mm");
}

int bind_proc(lua_State *L, int arg, kvm_t *kd, struct os_proc *out, struct kvm_err *err) {
    if (lua_istable(L, arg)) {
        record_proc(L, arg, out);
        return 0;
    }
    if (lua_type(L, arg) != LUA_TNUMBER) return luaL_typeerror(L, arg, "process id or record");
    lua_Integer pid = luaL_checkinteger(L, arg);
    if (pid < 0 || pid > INT32_MAX)
        return err_set(err, KVM_NOTFOUND, "no process %lld", (long long)pid);
    return kd->os.ops->find_proc(&kd->os, (int32_t)pid, out, err);
}

int bind_space(lua_State *L, int arg, kvm_t *kd, struct session_space *out, struct kvm_err *err) {
    *out = (struct session_space){.kind = SPACE_KERNEL};
    switch (lua_type(L, arg)) {
    case LUA_TNONE:
    case LUA_TNIL: return 0;
    case LUA_TSTRING: {
        const char *name = lua_tostring(L, arg);
        if (strcmp(name, "physical") == 0)
            out->kind = SPACE_PHYSICAL;
        else if (strcmp(name, "virtual") != 0)
            return luaL_argerror(L, arg, lua_pushfstring(L, "no address space '%s'", name));
        return 0;
    }
    case LUA_TNUMBER:
    case LUA_TTABLE: {
        struct os_proc p;
        int rc = bind_proc(L, arg, kd, &p, err);
        return rc ? rc : session_proc_space(kd, &p, out, err);
    }
    default: return luaL_typeerror(L, arg, "address space");
    }
}
