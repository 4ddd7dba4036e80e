-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local memory = require "spec.support.memory"
local ring = require "kvm.linux.check.ring"

local function node(i) return memory.START + 16 * i end

describe("kvm.linux.check.ring", function()
  harness.guard()
  local k
  local function set(i, next, back) assert(k:write(node(i), ("<i8i8"):pack(next, back))) end
  before_each(function()
    k = memory.open()
    for i = 0, 3 do set(i, node((i + 1) % 4), node((i - 1) % 4)) end -- 0 is the head
  end)

  it("goes over whole rings", function()
    local seen = {}
    assert.are.same({3, {}, false}, {ring.walk(k, node(0), 10, function(at) seen[#seen + 1] = at end)})
    assert.are.same({node(1), node(2), node(3)}, seen)
    assert.are.same({2, {}, true}, {ring.walk(k, node(0), 2)})
    assert.are.same({0, {}, true}, {ring.walk(k, memory.UNMAPPED, 2)})
  end)

  it("goes on behind a wrong link back, and tells poison", function()
    set(2, node(3), 0xdead000000000122)
    local count, faults, more = ring.walk(k, node(0), 10)
    assert.are.same({3, 1, false}, {count, #faults, more})
    assert.are.same({node(2) + 8, node(2), "deleted list entry (LIST_POISON2)"}, {faults[1].at, faults[1].node, faults[1].meaning})
    assert.is_false(faults[1].is_unfinished)
  end)

  it("tells cleared words, and what leads nowhere", function()
    set(2, 0, node(1))
    local count, faults = ring.walk(k, node(0), 10)
    assert.are.same({2, 1, "0"}, {count, #faults, faults[1].meaning})
    set(2, memory.UNMAPPED, node(1))
    count, faults = ring.walk(k, node(0), 10)
    assert.are.same({2, node(2), memory.UNMAPPED, nil}, {count, faults[1].node, faults[1].value, faults[1].meaning})
  end)

  it("knows a deletion and an addition that are not finished", function()
    set(3, node(0), node(1)) -- the first half of list_del(2)
    local _, faults = ring.walk(k, node(0), 10)
    assert.are.same({1, true}, {#faults, faults[1].is_unfinished})
    set(3, node(0), node(5)) -- 5 is being put before 3
    set(5, node(3), node(2))
    _, faults = ring.walk(k, node(0), 10)
    assert.is_true(faults[1].is_unfinished)
    set(5, node(0), node(1))
    _, faults = ring.walk(k, node(0), 10)
    assert.is_false(faults[1].is_unfinished)
  end)

  it("does not run in a circle", function()
    set(3, node(2), node(2))
    local count, faults = ring.walk(k, node(0), 1000)
    assert.are.same({5, 1, node(2)}, {count, #faults, faults[1].node}) -- two of them twice
  end)

  it("looks at the head's own link back", function()
    set(0, node(1), node(2))
    local _, faults = ring.walk(k, node(0), 10)
    assert.are.same({1, node(0)}, {#faults, faults[1].node})
  end)

  it("stops where many are wrong", function()
    for i = 0, 40 do set(i, node(i + 1), memory.UNMAPPED) end
    local _, faults, more = ring.walk(k, node(0), 1000)
    assert.are.same({4, true}, {#faults, more})
  end)
end)
