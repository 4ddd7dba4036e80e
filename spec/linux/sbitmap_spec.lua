-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local memory = require "spec.support.memory"
local sbitmap = require "kvm.linux.sbitmap"

local DECLARATIONS = [[
  struct sbitmap_word { unsigned long word; unsigned long cleared; } __attribute__((aligned(64)));
  struct sbitmap { unsigned int depth, shift, map_nr; struct sbitmap_word *map; };
  struct sbq_counter { int counter; };
  struct sbitmap_queue { struct sbitmap sb; unsigned int wake_batch; struct sbq_counter ws_active; unsigned int min_shallow_depth; };
]]
local SB, MAP = memory.START, memory.START + 0x100

describe("kvm.linux.sbitmap", function()
  harness.guard()
  local k, sb

  local function set(members) memory.set(k, "struct sbitmap", SB, members) end
  before_each(function()
    k = memory.open(DECLARATIONS)
    sb = k:object(SB, "struct sbitmap")
    set {depth = 20, shift = 3, map_nr = 3, map = MAP}
    for i, m in ipairs {{0x81, 0}, {0x0f, 0x06}, {0xff, 0}} do
      memory.set(k, "struct sbitmap_word", MAP + 64 * (i - 1), {word = m[1], cleared = m[2]})
    end
  end)

  it("gives the bits in use, and those given back", function()
    assert.are.same({0, 7, 8, 11, 16, 17, 18, 19}, (memory.collect(sbitmap.for_each_set(sb))))
    assert.are.same({9, 10}, (memory.collect(sbitmap.for_each_cleared(sb))))
    assert.are.equal(8, sbitmap.weight(sb))
    for bit, want in pairs {[0] = true, [1] = false, [8] = true, [9] = false, [19] = true} do
      assert.are.equal(want, sbitmap.test_bit(sb, bit))
    end
    for _, bit in ipairs {-1, 20} do assert.are.equal("inval", select(2, kvm.try(sbitmap.test_bit, sb, bit)).code) end
    set {depth = 0, map_nr = 0}
    assert.are.same({}, (memory.collect(sbitmap.for_each_set(sb))))
  end)

  it("reads queues", function()
    memory.set(k, "struct sbitmap_queue", SB, {wake_batch = 8, ["ws_active.counter"] = 2, min_shallow_depth = 5})
    local queue = k:object(SB, "struct sbitmap_queue")
    assert.are.same({depth = 20, busy = 8, cleared = 2, bits_per_word = 8, wake_batch = 8, waiting = 2, min_shallow_depth = 5},
      sbitmap.queue(queue))
    assert.are.equal(8, sbitmap.weight(queue))
  end)

  it("refuses sizes that can't be, and what is no sbitmap", function()
    for _, damage in ipairs {{depth = 1 << 29}, {shift = 7}, {map_nr = 4}, {map_nr = 2}} do
      local before = k:read(SB, 32)
      set(damage)
      local _, err = kvm.try(sbitmap.weight, sb)
      assert.are.same({"format", SB}, {err.code, err.addr})
      assert(k:write(SB, before))
    end
    set {map = memory.UNMAPPED}
    assert.are.equal("fault", select(2, kvm.try(sbitmap.weight, sb)).code)
    assert.has_error(function() sbitmap.weight(1) end)
    assert.has_error(function() sbitmap.for_each_set(k:object(SB, "struct sbitmap_word")) end)
  end)
end)
