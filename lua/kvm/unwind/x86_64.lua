-- SPDX-License-Identifier: BSD-2-Clause
-- From a frame to its caller on x86-64: what the rule of an unwind table (orc.lua, cfi.lua) means for the registers, and struct pt_regs.
-- Registers are a table by the names of `k:registers`; one that is not known is absent. Checked against Linux 5.10, 6.1, 6.12 and 7.2
-- (arch/x86/kernel/unwind_orc.c, arch/x86/include/asm/ptrace.h).
local kvm_error = require "kvm.error"
local types = require "kvm.type"

local M = {}

local PT_REGS <const> = "struct pt_regs"

-- Name in struct pt_regs, name here. The last five are what the CPU pushes itself.
local MEMBERS = {
  {"r15", "r15"}, {"r14", "r14"}, {"r13", "r13"}, {"r12", "r12"}, {"bp", "rbp"}, {"bx", "rbx"}, {"r11", "r11"}, {"r10", "r10"},
  {"r9", "r9"}, {"r8", "r8"}, {"ax", "rax"}, {"cx", "rcx"}, {"dx", "rdx"}, {"si", "rsi"}, {"di", "rdi"}, {"orig_ax", "orig_rax"},
  {"ip", "rip"}, {"cs", "cs"}, {"flags", "eflags"}, {"sp", "rsp"}, {"ss", "ss"},
}
local PUSHED <const> = 17
local USER <const> = 3 -- of cs: the privilege level
local UNPACK = {[1] = "<" .. ("i8"):rep(#MEMBERS), [PUSHED] = "<" .. ("i8"):rep(#MEMBERS - PUSHED + 1)}
local SELECTOR <const> = 0xffff -- cs and ss: FRED keeps facts of its own above (6.9)

--- Whether registers are those of a program.
-- @tparam table regs
-- @treturn boolean
-- @usage assert(kvm.unwind.x86_64.is_user {cs = 0x33} and not kvm.unwind.x86_64.is_user {cs = 0x10})
function M.is_user(regs)
  return regs.cs ~= nil and regs.cs & USER == USER
end

local checked = setmetatable({}, {__mode = "k"})

-- The members have lain so since 2.6.
local function check_layout(k)
  if checked[k] then return end
  for i, m in ipairs(MEMBERS) do
    if types.offsetof(k, PT_REGS, m[1]) ~= 8 * (i - 1) then kvm_error.fail("unsupported", "a struct pt_regs of an unknown layout") end
  end
  checked[k] = true
end

--- A struct pt_regs of the image.
-- @param k an open handle
-- @tparam integer addr
-- @tparam[opt] boolean partial only what the CPU pushes is there (its last five words)
-- @treturn table registers
-- @raise kvm.Error
-- @usage assert(#kvm.unwind.x86_64.register_names == 21)
function M.pt_regs(k, addr, partial)
  check_layout(k)
  local first = partial and PUSHED or 1
  local bytes = kvm_error.check(k:read(addr + 8 * (first - 1), 8 * (#MEMBERS - first + 1)))
  if partial then
    local rip, cs, eflags, rsp, ss = UNPACK[PUSHED]:unpack(bytes)
    return {rip = rip, cs = cs & SELECTOR, eflags = eflags, rsp = rsp, ss = ss & SELECTOR}
  end
  -- The order of MEMBERS. A table that is made whole costs a fraction of one that grows.
  local r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi, orig_rax, rip, cs, eflags, rsp, ss =
    UNPACK[1]:unpack(bytes)
  return {r15 = r15, r14 = r14, r13 = r13, r12 = r12, rbp = rbp, rbx = rbx, r11 = r11, r10 = r10, r9 = r9, r8 = r8, rax = rax, rcx = rcx,
    rdx = rdx, rsi = rsi, rdi = rdi, orig_rax = orig_rax, rip = rip, cs = cs & SELECTOR, eflags = eflags, rsp = rsp, ss = ss & SELECTOR}
end

--- The names of the registers in a struct pt_regs, in its order.
M.register_names = {}
for i, m in ipairs(MEMBERS) do M.register_names[i] = m[2] end

local INDIRECT = {["[rsp]"] = "rsp", ["[rbp]"] = "rbp"} -- registers that point to what a rule means

-- Where the frame of the caller begins: the value that its stack pointer had before it called.
local function frame_address(k, rule, regs)
  local indirect = INDIRECT[rule.sp]
  local base = regs[indirect or rule.sp]
  if not base then return nil end
  if indirect == "rsp" then return k:u64(base) + rule.sp_offset end
  if indirect then return k:u64(base + rule.sp_offset) end
  return base + rule.sp_offset
end

-- What a function keeps for its caller beside rbp is not in the tables of ORC: it is not known any more.
local function caller_rbp(k, rule, regs, cfa)
  if not rule.bp then return regs.rbp end
  local base = rule.bp == "cfa" and cfa or regs[rule.bp]
  return base and k:u64(base + rule.bp_offset)
end

--- The registers of the caller.
-- @param k an open handle
-- @tparam table rule as `Orc:find` gives it
-- @tparam table regs of the frame: rip, rsp, rbp ...
-- @treturn table registers of the caller; nil where the stack ends or the rule can't be followed
-- @treturn string why: "end", "undefined", "register" (one that the rule needs is not known), or nil
-- @treturn integer address of a struct pt_regs, where the caller was interrupted by this frame
-- @raise kvm.Error `fault`, `excluded`
-- @usage local rule = {kind = "end"} assert(select(2, kvm.unwind.x86_64.step(k, rule, {rsp = 0})) == "end")
function M.step(k, rule, regs)
  local kind = rule.kind
  if kind == "end" or kind == "undefined" or not rule.sp then return nil, kind == "end" and "end" or "undefined" end
  local cfa = frame_address(k, rule, regs)
  if not cfa then return nil, "register" end
  if kind == "call" then
    return {rip = k:u64(cfa - 8), rsp = cfa, rbp = caller_rbp(k, rule, regs, cfa)}
  end
  if kind == "regs" then return M.pt_regs(k, cfa), nil, cfa end
  local at = cfa - 8 * (PUSHED - 1)
  local caller = M.pt_regs(k, at, true)
  caller.rbp = caller_rbp(k, rule, regs, cfa)
  return caller, nil, at
end

return M
