// SPDX-License-Identifier: BSD-2-Clause
// Numbers out of memory: the hot path. In the kernel's own address space a read is a look at the
// handle's metatable, one at the translation cache, and a load.
#include "bind/bind.h"

static __attribute__((noinline)) int from_space(lua_State *L, kvm_t *kd, uint64_t addr,
                                                uint32_t len, uint8_t *buf, struct kvm_err *err) {
    struct session_space space;
    size_t done;
    int rc = bind_space(L, 3, kd, &space, err);
    return rc ? rc : session_read(kd, space, addr, buf, len, &done, err);
}

// LEN bytes at the address at stack index 2 in the space at 3: a pointer that is good until the
// next call on the handle, or BUF. Raises.
static inline const uint8_t *bytes_at(lua_State *L, kvm_t *kd, uint32_t len, uint8_t *buf) {
    uint64_t addr = (uint64_t)luaL_checkinteger(L, 2);
    const uint8_t *p = buf;
    struct kvm_err err; // not cleared: it is only looked at where it was filled
    int rc = lua_isnoneornil(L, 3) ? session_host(kd, addr, &p, len, &err)
                                   : from_space(L, kd, addr, len, buf, &err);
    if (rc) bind_raise(L, kd, &err);
    return p;
}

static inline uint64_t load(lua_State *L, uint32_t size) {
    uint8_t buf[8];
    kvm_t *kd = bind_handle(L);
    const uint8_t *p = bytes_at(L, kd, size, buf);
    switch (size) {
    case 1: return *p;
    case 2: return bytes_u16(p, kd->os.virt.big);
    case 4: return bytes_u32(p, kd->os.virt.big);
    default: return bytes_u64(p, kd->os.virt.big);
    }
}

/***
Reads one integer of the target's byte order. `u8 u16 u32 u64` are unsigned (`uint8_t` ...
`uint64_t`; a u64 above 2^63 - 1 is a negative Lua integer of the same bits), `i8 i16 i32 i64` are
signed, `ptr` is a pointer or `unsigned long` of the target.
@function Handle:u64
@tparam integer addr
@param[opt="virtual"] space as in `read`
@treturn integer
@raise kvm.Error: `fault`, `excluded` with the address; wrong types; use after close
@usage assert(k:u32(k:symbol("linux_banner").value) == ("<I4"):unpack("Linu"))
*/
int l_number_u64(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)load(L, 8));
    return 1;
}

/***
Reads a `uint8_t`; see `u64`.
@function Handle:u8
@tparam integer addr
@param[opt="virtual"] space
@treturn integer
@raise as `u64`
@usage assert(k:u8(k:symbol("linux_banner").value) == 76)
*/
int l_number_u8(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)load(L, 1));
    return 1;
}

/***
Reads a `uint16_t`; see `u64`.
@function Handle:u16
@tparam integer addr
@param[opt="virtual"] space
@treturn integer
@raise as `u64`
@usage assert(k:u16(k:symbol("linux_banner").value) == 0x694c)
*/
int l_number_u16(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)load(L, 2));
    return 1;
}

/***
Reads a `uint32_t`; see `u64`.
@function Handle:u32
@tparam integer addr
@param[opt="virtual"] space
@treturn integer
@raise as `u64`
@usage assert(k:u32(k:symbol("linux_banner").value) == 0x756e694c)
*/
int l_number_u32(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)load(L, 4));
    return 1;
}

/***
Reads an `int8_t`; see `u64`.
@function Handle:i8
@tparam integer addr
@param[opt="virtual"] space
@treturn integer
@raise as `u64`
@usage assert(k:i8(k:symbol("linux_banner").value) == 76)
*/
int l_number_i8(lua_State *L) {
    lua_pushinteger(L, (int8_t)load(L, 1));
    return 1;
}

/***
Reads an `int16_t`; see `u64`.
@function Handle:i16
@tparam integer addr
@param[opt="virtual"] space
@treturn integer
@raise as `u64`
@usage assert(k:i16(k:symbol("linux_banner").value) == 0x694c)
*/
int l_number_i16(lua_State *L) {
    lua_pushinteger(L, (int16_t)load(L, 2));
    return 1;
}

/***
Reads an `int32_t`; see `u64`.
@function Handle:i32
@tparam integer addr
@param[opt="virtual"] space
@treturn integer
@raise as `u64`
@usage assert(k:i32(k:symbol("linux_banner").value) == 0x756e694c)
*/
int l_number_i32(lua_State *L) {
    lua_pushinteger(L, (int32_t)load(L, 4));
    return 1;
}

/***
Reads an `int64_t`; the same as `u64`, since Lua's integers are signed.
@function Handle:i64
@tparam integer addr
@param[opt="virtual"] space
@treturn integer
@raise as `u64`
@usage local a = k:symbol("linux_banner").value assert(k:i64(a) == k:u64(a))
*/
int l_number_i64(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)load(L, 8));
    return 1;
}

/***
Reads a pointer or `unsigned long` of the target (4 or 8 bytes); see `u64`.
@function Handle:ptr
@tparam integer addr
@param[opt="virtual"] space
@treturn integer
@raise as `u64`
@usage local head = k:symbol("modules").value assert(k:ptr(head) ~= 0)
*/
int l_number_ptr(lua_State *L) {
    bool wide = bind_handle(L)->os.virt.word_size == 8;
    lua_pushinteger(L, (lua_Integer)(wide ? load(L, 8) : load(L, 4)));
    return 1;
}

/***
Reads a `float`.
@function Handle:f32
@tparam integer addr
@param[opt="virtual"] space
@treturn number
@raise as `u64`
@usage assert(math.type(k:f32(k:symbol("linux_banner").value)) == "float")
*/
int l_number_f32(lua_State *L) {
    uint32_t bits = (uint32_t)load(L, 4);
    float f;
    memcpy(&f, &bits, sizeof(f));
    lua_pushnumber(L, (lua_Number)f);
    return 1;
}

/***
Reads a `double`.
@function Handle:f64
@tparam integer addr
@param[opt="virtual"] space
@treturn number
@raise as `u64`
@usage assert(math.type(k:f64(k:symbol("linux_banner").value)) == "float")
*/
int l_number_f64(lua_State *L) {
    uint64_t bits = load(L, 8);
    double d;
    memcpy(&d, &bits, sizeof(d));
    lua_pushnumber(L, d);
    return 1;
}
