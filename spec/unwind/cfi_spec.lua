-- SPDX-License-Identifier: BSD-2-Clause
local cfi = require "kvm.unwind.cfi"
local fake = require "spec.support.fake_kernel"
local kvm = require "kvm"

local STACK <const> = 0xffffc90000000000

local function rule(base, offset, memory) return {base = base, offset = offset, memory = memory or false} end

describe("kvm.unwind.cfi", function()
  local k
  before_each(function()
    local words = {}
    for i = 0, 15 do words[i + 1] = ("<I8"):pack(0x1000 + i) end
    k = fake.new():map(STACK, table.concat(words))
  end)

  local row = {cfa = rule("rsp", 24), registers = {rip = rule("cfa", -8, true), rbx = rule("cfa", -16, true), rbp = rule("rbp", 0),
    r12 = rule("r12", 0)}}

  it("goes to the caller, with what the function has kept for it", function()
    local caller = cfi.step(k, row, {rip = 1, rsp = STACK + 8, rbp = 77, rax = 5})
    assert.are.same({rip = 0x1003, rsp = STACK + 32, rbx = 0x1002, rbp = 77}, caller)
  end)

  it("follows a stack pointer that is in memory", function()
    k:map(STACK + 16, ("<i8"):pack(STACK + 64))
    local realigned = {cfa = rule("rbp", 8, true), registers = {rip = rule("cfa", -8, true), rsp = rule("cfa", 0)}}
    assert.are.same({rip = 0x1007, rsp = STACK + 64}, cfi.step(k, realigned, {rip = 1, rsp = STACK, rbp = STACK + 8}))
  end)

  it("ends where nobody called, and where a register is not known", function()
    assert.are.same({nil, "end"}, {cfi.step(k, {cfa = rule("rsp", 8), registers = {}}, {rsp = STACK})})
    assert.are.same({nil, "register"}, {cfi.step(k, row, {rbp = 1})})
    assert.are.same({nil, "register"}, {cfi.step(k, {cfa = rule("rsp", 8), registers = {rip = rule("r10", 0)}}, {rsp = STACK})})
  end)

  it("raises where the stack can't be read", function()
    local _, err = kvm.try(cfi.step, k, row, {rsp = 0})
    assert.are.equal("fault", err.code)
  end)
end)
