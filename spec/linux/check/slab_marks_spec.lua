-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local made = require "spec.support.slub"
local marks = require "kvm.linux.check.slab_marks"
local memory = require "spec.support.memory"

local RED <const>, POISON <const>, USER <const>, FILLED <const>, KMALLOC <const> = 0x400, 0x800, 0x10000, 0x80000000, 0x1000

describe("kvm.linux.check.slab_marks", function()
  harness.guard()
  after_each(memory.forget)

  local function of(flags, fields)
    local k, cache = made.open(true, "struct track { unsigned long addr; int cpu, pid; unsigned long when; };")
    local all = {flags = flags, object_size = 20, inuse = 24, offset = 24, size = 128, red_left_pad = 8}
    for name, v in pairs(fields or {}) do all[name] = v end
    memory.set(k, "struct kmem_cache", made.at.CACHE, all)
    return marks.of(cache)
  end
  local function brief(list)
    local out = {}
    for i, m in ipairs(list) do out[i] = ("%s %d+%d %02x"):format(m.what, m.from, m.bytes, m.expected:byte()) end
    return out
  end

  it("knows what is marked", function()
    assert.is_nil(of(USER))
    local m = of(RED | POISON | USER | FILLED)
    -- Behind the pointer (24 to 32) and two tracks (80) up to 128 - 8.
    assert.are.same({"red zone before -8+8 cc", "red zone behind 20+4 cc", "padding behind 80+40 5a"}, brief(m.used))
    assert.are.same({"red zone before -8+8 bb", "red zone behind 20+4 bb", "padding behind 80+40 5a", "poison of 0+19 6b",
      "poison of 19+1 a5"}, brief(m.free))
    m = of(POISON)
    assert.are.same({"alignment behind 20+4 5a", "padding behind 32+96 5a"}, brief(m.free)) -- of a cache with a constructor
    assert.are.same({"red zone before -8+8 cc", "red zone behind 20+4 cc"}, brief(of(RED | POISON | USER | KMALLOC).used))
  end)

  it("finds what is overwritten", function()
    local list = of(RED | POISON | FILLED).free
    local good = ("\xbb"):rep(8) .. ("\x6b"):rep(19) .. "\xa5" .. ("\xbb"):rep(4) .. ("\0"):rep(8) .. ("\x5a"):rep(88)
    assert.is_nil(marks.damage(list, good, 9))
    local bad = good:sub(1, 8 + 4) .. "abc" .. good:sub(8 + 8)
    assert.are.same({{what = "poison of", offset = 4, found = "abc", expected = "kkk"}}, marks.damage(list, bad, 9))
    bad = good:sub(1, 8 + 18) .. "xyz" .. good:sub(8 + 22)
    local what = {}
    for i, d in ipairs(marks.damage(list, bad, 9)) do what[i] = d.what .. d.offset end
    assert.are.same({"red zone behind20", "poison of18", "poison of19"}, what)
  end)
end)
