// SPDX-License-Identifier: BSD-2-Clause
// Call frame information of code addresses, from debug files.
#include "bind/bind.h"

#include <elf.h>

// DWARF's numbers (System V ABI, AMD64, figure 3.36); the last stands for the return address.
static const char *const x86_64_registers[TYPE_FRAME_REGISTERS] = {
    "rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", "r8",
    "r9",  "r10", "r11", "r12", "r13", "r14", "r15", "rip"};

// On top of the stack: the rule as a table.
static void push_rule(lua_State *L, const struct type_rule *rule) {
    lua_createtable(L, 0, 3);
    bind_set_string(L, "base", rule->base == TYPE_BASE_CFA ? "cfa" : x86_64_registers[rule->base]);
    bind_set_integer(L, "offset", rule->offset);
    bind_set_boolean(L, "memory", rule->kind == TYPE_RULE_MEMORY);
}

/***
How the registers of the caller are found from those of a frame whose code is at an address: the row
of the call frame information (DWARF's) in force there. It is told by a debug file, of the kernel or
of the module. x86-64.
@function Handle:cfi
@tparam integer addr of kernel or module code
@treturn[1] table `cfa` (the stack pointer that the caller has afterwards: a rule), `registers` (a
 rule for each that is not lost, by name; `rip`: the return address) and `interrupted` (boolean: the
 caller was interrupted at that place; else it is behind a call). A rule is a table: `base` (the name
 of a register of the frame, or "cfa"), `offset` (bytes) and `memory` (boolean: the value is in memory
 at base + offset; else it is that)
@return[2] nil
@treturn[2] string message
@treturn[2] string code `notfound`: no debug file, or it has no such information of that code;
 `unsupported`: another machine
@raise wrong types
@usage local row = k:cfi(k:symbol("schedule").value) assert(not row or row.cfa.base == "rsp")
*/
int l_cfi(lua_State *L) {
    kvm_t *kd = bind_handle(L);
    uint64_t addr = (uint64_t)luaL_checkinteger(L, 2);
    struct type_frame frame;
    struct kvm_err err = {0};
    if (kd->image->facts.machine != EM_X86_64) {
        err_set(&err, KVM_UNSUPPORTED, "call frames of other machines than x86-64");
        return bind_fail(L, kd, &err);
    }
    if (session_frame(kd, addr, &frame, &err)) return bind_fail(L, kd, &err);
    lua_createtable(L, 0, 3);
    push_rule(L, &frame.cfa);
    lua_setfield(L, -2, "cfa");
    lua_createtable(L, 0, TYPE_FRAME_REGISTERS);
    for (int i = 0; i < TYPE_FRAME_REGISTERS; i++) {
        if (frame.registers[i].kind == TYPE_RULE_UNKNOWN) continue;
        push_rule(L, &frame.registers[i]);
        lua_setfield(L, -2, x86_64_registers[i]);
    }
    lua_setfield(L, -2, "registers");
    bind_set_boolean(L, "interrupted", frame.interrupted);
    return 1;
}
