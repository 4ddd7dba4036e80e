// SPDX-License-Identifier: BSD-2-Clause
// The module kvm.capstone: machine code as text, by Capstone. It knows no handle: bytes in, a list of
// instructions out. A byte that begins no instruction is one of its own, "(bad)", as objdump has it.
#include <lauxlib.h>
#include <lua.h>

#include <capstone/capstone.h>
#include <stdlib.h>
#include <string.h>

__attribute__((visibility("default"))) int luaopen_kvm_capstone(lua_State *L);

enum { LONGEST = 15 }; // bytes of an instruction

// By `k:info().arch`.
static const struct machine {
    const char *name;
    cs_arch arch;
    cs_mode mode;
} machines[] = {{"x86_64", CS_ARCH_X86, CS_MODE_64}};

static const struct machine *find_machine(const char *name) {
    for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++)
        if (strcmp(machines[i].name, name) == 0) return &machines[i];
    return NULL;
}

static void set_integer(lua_State *L, const char *key, uint64_t value) {
    lua_pushinteger(L, (lua_Integer)value);
    lua_setfield(L, -2, key);
}

static void set_string(lua_State *L, const char *key, const char *value) {
    lua_pushstring(L, value);
    lua_setfield(L, -2, key);
}

// Where it jumps or calls to, and what it addresses relative to itself, or by a number.
static void set_targets(lua_State *L, csh cs, const cs_insn *insn) {
    const cs_x86 *x86 = &insn->detail->x86;
    bool goes = cs_insn_group(cs, insn, CS_GRP_JUMP) || cs_insn_group(cs, insn, CS_GRP_CALL);
    for (uint8_t i = 0; i < x86->op_count; i++) {
        const cs_x86_op *op = &x86->operands[i];
        if (goes && op->type == X86_OP_IMM) set_integer(L, "target", (uint64_t)op->imm);
        if (op->type != X86_OP_MEM) continue;
        if (op->mem.base == X86_REG_RIP)
            set_integer(L, "memory", insn->address + insn->size + (uint64_t)op->mem.disp);
        else if (op->mem.base == X86_REG_INVALID && op->mem.segment == X86_REG_INVALID)
            set_integer(L, "memory", (uint64_t)op->mem.disp);
    }
}

static void push_instruction(lua_State *L, csh cs, const cs_insn *insn) {
    lua_createtable(L, 0, 6);
    set_integer(L, "addr", insn->address);
    set_integer(L, "size", insn->size);
    set_string(L, "mnemonic", insn->mnemonic);
    set_string(L, "operands", insn->op_str);
    set_targets(L, cs, insn);
}

static void push_bad(lua_State *L, uint64_t addr) {
    lua_createtable(L, 0, 4);
    set_integer(L, "addr", addr);
    set_integer(L, "size", 1);
    set_string(L, "mnemonic", "(bad)");
    set_string(L, "operands", "");
}

struct job { // what must be freed whatever Lua does
    csh cs;
    cs_insn *insn;
};

static int job_close(lua_State *L) {
    struct job *job = lua_touserdata(L, 1);
    if (job->insn) cs_free(job->insn, 1);
    if (job->cs) cs_close(&job->cs);
    *job = (struct job){0};
    return 0;
}

static _Noreturn void no_memory(lua_State *L) {
    luaL_error(L, "capstone: out of memory");
    abort(); // which is not reached
}

static struct job *push_job(lua_State *L, const struct machine *m, bool intel) {
    struct job *job = lua_newuserdatauv(L, sizeof(*job), 0);
    *job = (struct job){0};
    luaL_setmetatable(L, "kvm.capstone.job");
    if (cs_open(m->arch, m->mode, &job->cs) != CS_ERR_OK) no_memory(L);
    cs_option(job->cs, CS_OPT_DETAIL, CS_OPT_ON);
    cs_option(job->cs, CS_OPT_UNSIGNED, CS_OPT_ON); // addresses of the kernel are negative
    if (!intel) cs_option(job->cs, CS_OPT_SYNTAX, CS_OPT_SYNTAX_ATT);
    job->insn = cs_malloc(job->cs);
    if (!job->insn) no_memory(L);
    return job;
}

// One instruction; AT, LEN and ADDR go behind it. Capstone 4 takes UD1 (0f b9, its "ud2b") for two bytes,
// though operands follow as they do with IMUL (0f af; Intel's manual, volume 2): Linux 7.2 uses them in WARN.
static bool decode(const struct job *job, const uint8_t **at, size_t *len, uint64_t *addr) {
    const uint8_t *start = *at;
    size_t left = *len;
    if (!cs_disasm_iter(job->cs, at, len, addr, job->insn)) return false;
    if (strcmp(job->insn->mnemonic, "ud2b") != 0) return true;
    uint8_t copy[LONGEST];
    const uint8_t *p = copy;
    size_t n = left < LONGEST ? left : LONGEST, opcode_end = left - *len;
    *at = start, *len = left, *addr = job->insn->address; // as it stays when that fails
    memcpy(copy, start, n);
    copy[opcode_end - 1] = 0xaf;
    if (!cs_disasm_iter(job->cs, &p, &n, addr, job->insn)) return false;
    memcpy(job->insn->mnemonic, "ud1", sizeof("ud1"));
    *at += p - copy;
    *len -= (size_t)(p - copy);
    return true;
}

/***
Disassembles machine code.
@function disassemble
@tparam string arch as `k:info().arch` has it: "x86_64"
@tparam string bytes
@tparam integer addr of the first byte
@tparam[opt] boolean intel Intel's syntax; default: AT&T's
@treturn[1] {table,...} instructions: `addr`, `size` (bytes), `mnemonic` ("(bad)": a byte that begins no
 instruction, which is passed over), `operands`, `target` (the address that it jumps to or calls; nil
 where that is not in the instruction), `memory` (the address that it uses relative to itself, or
 by a number; nil: none). Behind the last there may be bytes, fewer than 15, of one that is not whole.
@return[2] nil
@treturn[2] string message: Capstone is not asked about that machine
@raise wrong types; no memory
@usage local list = require "kvm.capstone".disassemble("x86_64", "\x90\xc3", 0x1000)
assert(#list == 2 and list[2].addr == 0x1001)
*/
static int disassemble(lua_State *L) {
    size_t len;
    const struct machine *m = find_machine(luaL_checkstring(L, 1));
    const uint8_t *at = (const uint8_t *)luaL_checklstring(L, 2, &len);
    uint64_t addr = (uint64_t)luaL_checkinteger(L, 3);
    bool intel = lua_toboolean(L, 4);
    lua_Integer n = 0;
    if (!m) {
        lua_pushnil(L);
        lua_pushfstring(L, "code of %s is not disassembled", lua_tostring(L, 1));
        return 2;
    }
    lua_settop(L, 4);
    struct job *job = push_job(L, m, intel);
    lua_toclose(L, -1);
    lua_newtable(L);
    while (len > 0) {
        if (decode(job, &at, &len, &addr)) {
            push_instruction(L, job->cs, job->insn);
        } else if (len < LONGEST) {
            break;
        } else {
            push_bad(L, addr);
            at++, len--, addr++;
        }
        lua_seti(L, -2, ++n);
    }
    return 1;
}

int luaopen_kvm_capstone(lua_State *L) {
    static const luaL_Reg functions[] = {{"disassemble", disassemble}, {NULL, NULL}};
    luaL_newmetatable(L, "kvm.capstone.job");
    for (const char *const *name = (const char *const[]){"__gc", "__close", NULL}; *name; name++) {
        lua_pushcfunction(L, job_close);
        lua_setfield(L, -2, *name);
    }
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    return 1;
}
