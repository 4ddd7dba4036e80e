-- SPDX-License-Identifier: BSD-2-Clause
local disassembler = require "kvm.disassembler"
local fake = require "spec.support.fake_kernel"
local kvm = require "kvm"

local TEXT <const> = 0xffffffff81000000

local function kernel(bytes, symbols, facts)
  return fake.new {symbols = symbols or {start = TEXT}, facts = facts}:map(TEXT, bytes .. ("\x90"):rep(-#bytes % 4096)) -- whole pages
end

local function texts(k, first, opts)
  local out = {}
  for i in disassembler.instructions(k, first, opts) do out[#out + 1] = ("%x %d %s"):format(i.addr - TEXT, #i.bytes, i.text) end
  return out
end

describe("kvm.disassembler", function()
  it("goes on over page ends", function()
    local nops = ("\x90"):rep(4094)
    local k = kernel(nops .. "\xe8\1\2\3\4\xc3")
    assert.are.same({"ffd 1 nop", "ffe 5 callq 0xffffffff85031204", "1003 1 retq"}, texts(k, TEXT + 4093, {count = 3}))
    assert.are.same({"ffe 5 callq 0xffffffff85031204"}, texts(k, TEXT + 4094, {last = TEXT + 4095}))
    local call = disassembler.instructions(k, TEXT + 4094, {count = 1})()
    assert.are.same({"\xe8\1\2\3\4", TEXT + 0x4031204}, {call.bytes, call.target})
  end)

  it("raises where code is not in the image, behind what is", function()
    local nops = ("\x90"):rep(4094)
    local step = disassembler.instructions(kernel(nops .. "\x90\xc3"), TEXT + 4094, {count = 9})
    assert.are.same({"nop", "retq"}, {step().text, step().text})
    local _, err = kvm.try(step)
    assert.are.same({"fault", TEXT + 4096}, {err.code, err.addr})
    step = disassembler.instructions(kernel(nops .. "\xe8\0"), TEXT + 4093, {count = 9})
    assert.are.same("nop", step().text)
    _, err = kvm.try(step)
    assert.are.same({"fault", "the instruction at 0xffffffff81000ffe is cut off"}, {err.code, err.message})
  end)

  it("finds where a function ends by the next symbol, in whatever order they come", function()
    local k = kernel("", {start = TEXT, next = TEXT + 0x123, same = TEXT, far = TEXT + 0x2000000})
    local symbol = k.symbol
    function k.symbol(self, what) -- kallsyms knows no sizes
      local s, offset, code = symbol(self, what)
      if s then s.size = 0 end
      return s, offset, code
    end
    for _, at in ipairs {0, 1, 0x122} do
      assert.are.same({TEXT, TEXT + 0x123}, {disassembler.bounds(k, TEXT + at)})
    end
    local _, err = kvm.try(disassembler.bounds, k, TEXT + 0x123)
    assert.are.same({"notfound", "no symbol tells where next ends"}, {err.code, err.message})
    _, err = kvm.try(disassembler.bounds, k, TEXT - 1)
    assert.are.equal("notfound", err.code)
  end)

  it("takes a size where a symbol has one", function()
    assert.are.same({TEXT, TEXT + 8}, {disassembler.bounds(kernel "", TEXT + 5)})
  end)

  it("names places", function()
    local k = kernel ""
    assert.are.same({"start", "start+0x7"}, {disassembler.name(k, TEXT), disassembler.name(k, TEXT + 7)})
    assert.is_nil(disassembler.name(k, TEXT - 1))
  end)

  it("can't do without Capstone, or on other machines", function()
    local _, err = kvm.try(disassembler.instructions(kernel("\x90", nil, {arch = "s390x"}), TEXT, {count = 1}))
    assert.are.same({"unsupported", "code of s390x is not disassembled"}, {err.code, err.message})
    local loaded, preload = package.loaded["kvm.capstone"], package.preload["kvm.capstone"]
    package.loaded["kvm.capstone"], package.preload["kvm.capstone"] = nil, function() error "it is not there" end
    _, err = kvm.try(disassembler.instructions(kernel "\x90", TEXT, {count = 1}))
    package.loaded["kvm.capstone"], package.preload["kvm.capstone"] = loaded, preload
    assert.are.equal("unsupported", err.code)
    assert.matches("libcapstone-dev", err.message, 1, true)
  end)
end)
