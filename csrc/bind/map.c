// SPDX-License-Identifier: BSD-2-Clause
// Address spaces: where an address leads, and what is mapped.
#include "bind/bind.h"
#include "bind/ranges.h"

/***
Translates an address. It says where the page tables lead, not whether the page is in the dump.
@function Handle:translate
@tparam integer addr
@param[opt="virtual"] space as in `read`; physical addresses translate to themselves
@treturn[1] integer physical address
@treturn[1] integer size in bytes of the page that maps it
@treturn[1] integer its page table entry (0: there is none)
@return[2] nil
@treturn[2] string message
@treturn[2] string code `fault excluded format notfound`
@treturn[2] ?integer address
@treturn[2] ?integer the entry that maps nothing (0, or where the page is swapped to)
@treturn[2] ?integer size in bytes of what that entry stands for
@raise wrong types
@usage local pa = k:translate(k:symbol("linux_banner").value) assert(k:read(pa, 5, "physical") == "Linux")
*/
int l_map_translate(lua_State *L) {
    kvm_t *kd = bind_handle(L);
    uint64_t addr = (uint64_t)luaL_checkinteger(L, 2);
    struct kvm_err err = {0};
    struct session_space space;
    struct mmu_page page = {0};
    if (bind_space(L, 3, kd, &space, &err)) return bind_fail(L, kd, &err);
    if (session_translate(kd, space, addr, &page, &err)) {
        int n = bind_fail(L, kd, &err);
        if (!page.size || n < 4) return n;
        lua_pushinteger(L, (lua_Integer)page.entry);
        lua_pushinteger(L, (lua_Integer)page.size);
        return n + 2;
    }
    lua_pushinteger(L, (lua_Integer)page.pa);
    lua_pushinteger(L, (lua_Integer)page.size);
    lua_pushinteger(L, (lua_Integer)page.entry);
    return 3;
}

// Upvalues: struct ranges, the handle.
static int regions_step(lua_State *L) {
    struct ranges *r = lua_touserdata(L, lua_upvalueindex(1));
    kvm_t *kd = bind_open(L, lua_upvalueindex(2));
    struct range range;
    if (!ranges_next(kd, r, &range)) return 0;
    lua_pushinteger(L, (lua_Integer)range.first);
    uint64_t end = range.last + 1;
    lua_pushinteger(L, (lua_Integer)end);
    return 2;
}

/***
Iterates over the ranges of an address space, in ascending order of the addresses taken as unsigned.
"physical" gives what is in the dump; "virtual" what the kernel's page tables map, and a process
what its page tables map for user mode, in the dump or not. Neighbouring ranges are given as one.
@function Handle:regions
@param[opt="virtual"] space as in `read`
@treturn function iterator of start, end (the address behind the last byte)
@raise kvm.Error for a process that is not there; wrong types
@usage local bytes = 0 for from, to in k:regions("physical") do bytes = bytes + (to - from) end assert(bytes > 0)
*/
int l_map_regions(lua_State *L) {
    kvm_t *kd = bind_handle(L);
    struct kvm_err err = {0};
    struct session_space space;
    if (bind_space(L, 2, kd, &space, &err)) return bind_raise(L, kd, &err);
    ranges_init_all(kd, lua_newuserdatauv(L, sizeof(struct ranges), 0), space);
    lua_pushvalue(L, 1);
    lua_pushcclosure(L, regions_step, 2);
    return 1;
}
