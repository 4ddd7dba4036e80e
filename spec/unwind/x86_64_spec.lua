-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local memory = require "spec.support.memory"
local x86_64 = require "kvm.unwind.x86_64"

local S <const> = memory.START
local PT_REGS <const> = "struct pt_regs { unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, "
  .. "cs, flags, sp, ss; };"

describe("kvm.unwind.x86_64", function()
  harness.guard()
  local k
  before_each(function()
    k = memory.open(PT_REGS)
    for i = 0, 63 do assert(k:write(S + 8 * i, ("<I8"):pack(0x100 + i))) end
  end)

  local function step(rule, regs)
    local caller, why, at = x86_64.step(k, rule, regs)
    return caller or why, at
  end

  it("goes to the caller of a call", function()
    local rule = {kind = "call", sp = "rsp", sp_offset = 24, bp = "cfa", bp_offset = -16}
    assert.are.same({rip = 0x102, rsp = S + 24, rbp = 0x101}, step(rule, {rip = 1, rsp = S, rbp = 5}))
    rule = {kind = "call", sp = "rbp", sp_offset = 16}
    assert.are.same({rip = 0x103, rsp = S + 32, rbp = S + 16}, step(rule, {rip = 1, rsp = S, rbp = S + 16}))
  end)

  it("follows what a register points to", function()
    assert(k:write(S + 40, ("<I8"):pack(S + 64)))
    assert.are.equal(S + 72, step({kind = "call", sp = "[rsp]", sp_offset = 8}, {rsp = S + 40}).rsp) -- offset behind the read
    assert.are.equal(S + 64, step({kind = "call", sp = "[rbp]", sp_offset = 8}, {rsp = S, rbp = S + 32}).rsp) -- before it
  end)

  it("goes to what was interrupted", function()
    local caller, at = step({kind = "regs", sp = "rsp", sp_offset = 8}, {rsp = S})
    assert.are.equal(S + 8, at)
    assert.are.same({0x101, 0x105, 0x111, 0x112, 0x114}, {caller.r15, caller.rbp, caller.rip, caller.cs, caller.rsp})
    -- only what the CPU pushed: rip, cs, eflags, rsp, ss
    caller, at = step({kind = "iret", sp = "rsp", sp_offset = 0}, {rsp = S + 128, rbp = 9})
    assert.are.equal(S, at)
    assert.are.same({rip = 0x110, cs = 0x111, eflags = 0x112, rsp = 0x113, ss = 0x114, rbp = 9}, caller)
  end)

  it("tells why it can't", function()
    assert.are.equal("end", step({kind = "end"}, {rsp = S}))
    assert.are.equal("undefined", step({kind = "undefined"}, {rsp = S}))
    assert.are.equal("register", step({kind = "call", sp = "r10", sp_offset = 0}, {rsp = S}))
    local ok, err = pcall(x86_64.step, k, {kind = "call", sp = "rsp", sp_offset = 8}, {rsp = memory.UNMAPPED})
    assert.are.same({false, "fault"}, {ok, err.code})
  end)

  it("knows programs, and what FRED keeps beside selectors", function()
    assert.is_true(x86_64.is_user {cs = 0x33})
    assert.is_false(x86_64.is_user {cs = 0x10})
    assert.is_false(x86_64.is_user {})
    assert(k:write(S + 8 * 17, ("<I8"):pack(0x70033)))
    assert.are.equal(0x33, x86_64.pt_regs(k, S).cs)
  end)

  it("takes no other struct pt_regs", function()
    local other = memory.open((PT_REGS:gsub("r15, r14", "r14, r15")))
    local ok, err = pcall(x86_64.pt_regs, other, S)
    assert.are.same({false, "unsupported"}, {ok, err.code})
  end)
end)
