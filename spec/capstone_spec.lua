-- SPDX-License-Identifier: BSD-2-Clause
-- The module kvm.capstone: what it says of the same bytes as objdump does.
local capstone = require "kvm.capstone"
local harness = require "spec.support.harness"

local function all(bytes, addr, intel)
  local out = {}
  for i, insn in ipairs(assert(capstone.disassemble("x86_64", bytes, addr or 0, intel))) do
    out[i] = ("%x+%d %s"):format(insn.addr, insn.size, (insn.mnemonic .. " " .. insn.operands):gsub(" $", ""))
  end
  return out
end

describe("kvm.capstone", function()
  harness.guard()

  it("gives instructions in both syntaxes", function()
    assert.are.same({"1000+3 movq %rsp, %rbp", "1003+1 retq"}, all("\x48\x89\xe5\xc3", 0x1000))
    assert.are.same({"1000+3 mov rbp, rsp", "1003+1 ret"}, all("\x48\x89\xe5\xc3", 0x1000, true))
  end)

  it("tells where they go, and what they use", function()
    local at <const> = 0xffffffff81000000
    local list = capstone.disassemble("x86_64",
      "\xe8\x10\0\0\0\x75\xfe\x48\x8b\x05\xf9\xff\xff\xff\xff\x24\xc5\x00\x10\x00\x82\xff\xd0", at)
    assert.are.same({at + 0x15, nil}, {list[1].target, list[1].memory})
    assert.are.equal(at + 5, list[2].target)
    assert.are.same({nil, at + 7}, {list[3].target, list[3].memory})
    assert.are.equal(0xffffffff82001000, list[4].memory)
    assert.are.same({nil, nil}, {list[5].target, list[5].memory})
  end)

  it("shows addresses of the kernel as they are", function()
    assert.are.same({"0+7 movq $0xffffffff82001000, %rdi"}, all "\x48\xc7\xc7\x00\x10\x00\x82")
  end)

  it("passes over what is no instruction, and stops where one is cut off", function()
    local nops = ("\x90"):rep(15)
    assert.are.same({"0+1 (bad)", "1+1 nop"}, table.move(all("\x06" .. nops), 1, 2, 1, {}))
    assert.are.same({"0+1 nop"}, all "\x90\xe8\0\0")
    assert.are.same({}, all "")
  end)

  it("knows the operands of ud1", function()
    assert.are.same({"0+5 ud1 (%edx), %rdi", "5+1 nop"}, all "\x67\x48\x0f\xb9\x3a\x90")
    assert.are.same({"0+8 ud1 0x1234(%eax), %ecx"}, all "\x67\x0f\xb9\x88\x34\x12\0\0")
    assert.are.same({}, all "\x0f\xb9")
    assert.are.same({"0+1 nop"}, all "\x90\x0f\xb9\x88\x34")
  end)

  it("is asked about machines that it knows", function()
    assert.are.same({nil, "code of vax is not disassembled"}, {capstone.disassemble("vax", "", 0)})
    assert.has_error(function() capstone.disassemble("x86_64", nil, 0) end)
    assert.has_error(function() capstone.disassemble("x86_64", "", "x") end)
  end)
end)
