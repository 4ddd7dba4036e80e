-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local ioport = require "kvm.linux.ioport"
local memory = require "spec.support.memory"

local DECLARATIONS = [[
  struct resource { unsigned long start, end; const char *name; unsigned long flags, desc; struct resource *parent, *sibling, *child; };
]]
local function at(i) return memory.START + 0x40 * i end

describe("kvm.linux.ioport", function()
  harness.guard()
  local k

  -- Each with its parent, next sibling, first child.
  local TREE = {[0] = {0, 0xffff, nil, nil, 1}, [1] = {0, 0xfff, 0, 2, nil}, [2] = {0x1000, 0x8fff, 0, nil, 3}, [3] = {0x2000, 0x2fff, 2,
    nil, nil}}
  before_each(function()
    k = memory.open(DECLARATIONS)
    for i, r in pairs(TREE) do
      memory.set(k, "struct resource", at(i), {start = r[1], ["end"] = r[2], flags = i, name = memory.START + 0x800 + 16 * i,
        parent = r[3] and at(r[3]) or 0, sibling = r[4] and at(r[4]) or 0, child = r[5] and at(r[5]) or 0})
      assert(k:write(memory.START + 0x800 + 16 * i, "r" .. i .. "\0"))
    end
  end)

  local function walk()
    return memory.collect(ioport.for_each_resource(setmetatable({}, {__index = function(_, key)
      if key == "symbol" then return function() return {value = at(0)} end end
      return function(_, ...) return k[key](k, ...) end
    end}), "memory"))
  end

  it("gives each resource before those within it", function()
    local got = walk()
    local short = {}
    for i, r in ipairs(got) do short[i] = {r.name, r.start, r.last, r.depth, r.flags, r.addr} end
    assert.are.same({{"r1", 0, 0xfff, 0, 1, at(1)}, {"r2", 0x1000, 0x8fff, 0, 2, at(2)}, {"r3", 0x2000, 0x2fff, 1, 3, at(3)}}, short)
  end)

  it("stops where the tree is damaged", function()
    memory.set(k, "struct resource", at(3), {parent = at(1)})
    local got, err = walk()
    assert.are.same({2, "format", at(3)}, {#got, err.code, err.addr})
    memory.set(k, "struct resource", at(3), {parent = at(2), ["end"] = 0x9000})
    got, err = walk()
    assert.are.same({2, "format", at(3)}, {#got, err.code, err.addr})
    memory.set(k, "struct resource", at(3), {["end"] = 0x2fff, sibling = memory.UNMAPPED})
    got, err = walk()
    assert.are.same({3, "fault"}, {#got, err.code})
  end)

  it("does not run in a circle", function()
    memory.set(k, "struct resource", at(3), {child = at(2)})
    local got, err = walk()
    assert.are.same({3, "format", at(2)}, {#got, err.code, err.addr})
    memory.set(k, "struct resource", at(3), {child = 0, sibling = at(3)})
    got, err = walk()
    assert.are.same({3, "format", at(3)}, {#got, err.code, err.addr})
  end)
end)
