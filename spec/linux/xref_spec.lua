-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local made = require "spec.support.leak"
local memory = require "spec.support.memory"
local xref = require "kvm.linux.xref"

local at = made.at

describe("kvm.linux.xref", function()
  harness.guard()
  local k, parts, symbols, _
  before_each(function()
    k, _, symbols = made.open "own"
    parts = xref.parts(k)
  end)
  after_each(memory.forget)

  it("gives the kernel's own code and data, and its modules'", function()
    assert.are.same({nil, {addr = memory.START, bytes = 0}, {addr = at.KMALLOC, bytes = 16}, 3},
      {parts[1].module, parts[1].text, parts[1].data[1], #parts[1].data})
    assert.are.same({module = "labfault", text = {addr = at.TEXT, bytes = 0x100}, data = {{addr = at.DATA, bytes = 0x40}}}, parts[2])
    assert.are.equal(2, #parts)
    symbols._etext = nil
    assert.are.equal("notfound", select(2, kvm.try(xref.parts, k)).code)
  end)

  it("takes the data of a module from behind its code, as before 6.4", function()
    local old = memory.open [[struct module_layout { void *base; unsigned int size, text_size; };
      struct module { struct module_layout core_layout, init_layout; };]]
    assert(old:write(at.MODULE, ("<i8i4i4i8i8"):pack(at.TEXT, 0x140, 0x100, 0, 0)))
    symbols._etext = memory.START
    assert.are.same({{addr = at.DATA, bytes = 0x40}}, xref.parts(old)[2].data)
  end)

  it("finds words of data", function()
    local value = 0x1122334455667788
    assert(k:write(at.DATA + 16, ("<i8i4i8"):pack(value, 0, value))) -- the second one is no word
    assert.are.same({at.DATA + 16}, xref.words(k, parts[2], value))
    local words = memory.collect(xref.for_each_word(k, parts[2]), function(place, word) return {place, word} end)
    assert.are.same({8, {at.DATA + 16, value}}, {#words, words[3]})
  end)

  it("finds code that loads variables and calls functions", function()
    local callee = symbols.kmem_cache_alloc
    local found = xref.references(k, parts[2], {[at.DATA] = true, [callee] = true})
    table.sort(found, function(a, b) return a.addr < b.addr end)
    assert.are.same({{addr = at.LEAK + 5, target = at.DATA, kind = "load"}, {addr = at.LEAK + 12, target = callee, kind = "branch"}}, found)
    assert.are.same({}, xref.references(k, parts[2], {[at.DATA + 8] = true}))
    assert.are.same({{name = "lab_leak", module = "labfault", addr = at.LEAK + 12, callee = "kmem_cache_alloc"}},
      xref.callers(k, parts[2], {"no_such", "kmem_cache_alloc"}))
  end)

  it("finds loads into all registers", function()
    for i, byte in ipairs {0x05, 0x0d, 0x15, 0x1d, 0x25, 0x2d, 0x35, 0x3d} do
      for n, rex in ipairs {"\x48", "\x4c"} do
        local place = at.TEXT + 0x80 + 16 * ((i + n) % 8)
        assert(k:write(place, rex .. "\x8b" .. string.char(byte) .. ("<i4"):pack(at.DATA + 8 - place - 7)))
        assert.are.same({{addr = place, target = at.DATA + 8, kind = "load"}}, xref.references(k, parts[2], {[at.DATA + 8] = true}))
        assert(k:write(place, ("\0"):rep(7)))
      end
    end
  end)

  it("passes over what can't be read", function()
    parts[2].data = {{addr = memory.UNMAPPED, bytes = 64}}
    parts[2].text = {addr = memory.UNMAPPED, bytes = 64}
    assert.are.same({}, xref.words(k, parts[2], 5))
    assert.are.same({}, (memory.collect(xref.for_each_word(k, parts[2]))))
    assert.are.same({}, xref.references(k, parts[2], {[5] = true}))
  end)
end)
