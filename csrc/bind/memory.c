// SPDX-License-Identifier: BSD-2-Clause
// Reading and writing ranges of memory.
#include "bind/bind.h"

enum {
    CHUNK_MAX = 1 << 20, // bytes asked for at once: memory grows with what was read, not with LEN
    STRING_MAX = 1 << 16,
};

static int fail_at(lua_State *L, kvm_t *kd, struct kvm_err *err, uint64_t addr) {
    if (err->code == KVM_FAULT || err->code == KVM_EXCLUDED) {
        err->has_addr = true;
        err->addr = addr;
    }
    return bind_fail(L, kd, err);
}

/***
Reads memory.
@function Handle:read
@tparam integer addr
@tparam integer len bytes
@param[opt="virtual"] space "virtual" (the kernel's), "physical", a process id, or a record of
 `k:procs`: the memory of that process
@treturn[1] string LEN bytes
@return[2] nil
@treturn[2] string message
@treturn[2] string code `fault excluded format io notfound nomem`
@treturn[2] ?integer the first address that can't be read
@raise wrong types, a negative length
@usage local bytes = assert(k:read(k:symbol("linux_banner").value, 14)) assert(bytes == "Linux version ")
*/
int l_memory_read(lua_State *L) {
    kvm_t *kd = bind_handle(L);
    uint64_t addr = (uint64_t)luaL_checkinteger(L, 2);
    lua_Integer want = luaL_checkinteger(L, 3);
    luaL_argcheck(L, want >= 0, 3, "negative length");
    struct kvm_err err = {0};
    struct session_space space;
    if (bind_space(L, 4, kd, &space, &err)) return bind_fail(L, kd, &err);
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    size_t chunk = 4096, done;
    for (uint64_t left = (uint64_t)want; left; left -= done, addr += done) {
        size_t n = left < chunk ? (size_t)left : chunk;
        char *to = luaL_prepbuffsize(&b, n);
        kd = bind_handle(L); // a finalizer may have closed it
        if (session_read(kd, space, addr, to, n, &done, &err))
            return fail_at(L, kd, &err, addr + done);
        luaL_addsize(&b, done);
        if (chunk < CHUNK_MAX) chunk *= 2;
    }
    luaL_pushresult(&b);
    return 1;
}

/***
Writes memory. The handle must have been opened with `write=true`; what is written to a dump stays
in memory unless it was opened with `overlay=false`. Bytes before the first address that can't be
written are written.
@function Handle:write
@tparam integer addr
@tparam string bytes
@param[opt="virtual"] space as in `read`
@treturn[1] boolean true
@return[2] nil
@treturn[2] string message
@treturn[2] string code `inval` (not open for writing) `fault excluded io nomem notfound`
@treturn[2] ?integer the first address that can't be written
@raise wrong types
@usage local k <close> = assert(kvm.open{core=core, write=true}) assert(k:write(k:symbol("linux_banner").value, "\1"))
*/
int l_memory_write(lua_State *L) {
    kvm_t *kd = bind_handle(L);
    uint64_t addr = (uint64_t)luaL_checkinteger(L, 2);
    size_t len, done;
    const char *bytes = luaL_checklstring(L, 3, &len);
    struct kvm_err err = {0};
    struct session_space space;
    if (bind_space(L, 4, kd, &space, &err)) return bind_fail(L, kd, &err);
    if (session_write(kd, space, addr, bytes, len, &done, &err))
        return fail_at(L, kd, &err, addr + done);
    lua_pushboolean(L, 1);
    return 1;
}

// One past the last byte of the chunk at addr: strings are read a piece of a page at a time, so
// that no byte behind the page of their NUL is asked for.
static size_t string_chunk(uint64_t addr, size_t left) {
    size_t n = 256 - (size_t)(addr % 256);
    return n < left ? n : left;
}

/***
Reads a string that ends with a zero byte, of the kernel's virtual memory.
@function Handle:cstring
@tparam integer addr `const char *`
@tparam[opt] integer max bytes; a string without a zero byte among them is returned up to there.
 Without max a string of more than 65,536 bytes raises code `format`.
@treturn string without its zero byte
@raise kvm.Error: `fault`, `excluded` with the address; wrong types; use after close
@usage assert(k:cstring(k:symbol("linux_banner").value):match "^Linux version ")
*/
int l_memory_cstring(lua_State *L) {
    kvm_t *kd = bind_handle(L);
    uint64_t addr = (uint64_t)luaL_checkinteger(L, 2);
    bool bounded = !lua_isnoneornil(L, 3); // by the caller
    lua_Integer max = luaL_optinteger(L, 3, STRING_MAX);
    luaL_argcheck(L, max >= 0, 3, "negative length");
    struct kvm_err err = {0};
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    for (size_t left = (size_t)max; left;) {
        size_t n = string_chunk(addr, left), done;
        char *to = luaL_prepbuffsize(&b, n);
        kd = bind_handle(L); // a finalizer may have closed it
        if (session_read(kd, (struct session_space){.kind = SPACE_KERNEL}, addr, to, n, &done,
                         &err))
            return bind_raise(L, kd, &err);
        const char *nul = memchr(to, 0, n);
        luaL_addsize(&b, nul ? (size_t)(nul - to) : n);
        if (nul) {
            luaL_pushresult(&b);
            return 1;
        }
        addr += n;
        left -= n;
    }
    if (!bounded) {
        err_at(&err, KVM_FORMAT, addr - STRING_MAX, "no end of the string within %d bytes",
               STRING_MAX);
        return bind_raise(L, kd, &err);
    }
    luaL_pushresult(&b);
    return 1;
}
