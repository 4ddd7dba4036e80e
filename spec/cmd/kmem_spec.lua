-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local harness = require "spec.support.harness"
local kmem = require "kvm.cmd.kmem"
local made = require "spec.support.slab"
local memory = require "spec.support.memory"

describe("kvm.cmd.kmem", function()
  harness.guard()
  local k
  before_each(function() k = made.open() end)
  after_each(memory.forget)

  local function records(opts) return fake.collect(kmem.run(k, opts)) end

  it("tells of slab caches", function()
    local r = records {slab = true}
    assert.are.same({{kind = "slab", name = "a-cache", addr = made.at.CACHE, object_bytes = 56, slot_bytes = 64, objects_per_slab = 128,
      pages_per_slab = 2, objects = 384, active = 284, slabs = 3, partial_slabs = 1, bytes = 3 * 2 * 4096, count = 284,
      what = "284 of 384 objects of 56 bytes, 3 slabs of 2 pages"}}, r)
    assert.are.equal(1, #records {name = "a-*"})
    assert.are.equal(0, #records {name = "b-*"})
  end)

  it("names what can't be read, and where it stopped", function()
    assert(k:write(made.at.SLAB, ("<I8"):pack(memory.UNMAPPED)))
    local r = records {slab = true}
    assert.are.same({{"objects", "active", "slabs", "partial_slabs"}, 64}, {r[1].partial, r[1].slot_bytes})
    assert(k:write(made.at.CACHE, ("<I8"):pack(memory.UNMAPPED)))
    r = records {slab = true}
    assert.are.same({2, "fault"}, {#r, r[2].code})
  end)

  it("goes on behind what a kernel lacks", function()
    local r = records {events = true, zones = true}
    assert.are.equal(2, #r)
    assert.matches("CONFIG_VM_EVENT_COUNTERS", r[2].stopped)
    assert.is_string(r[1].stopped)
  end)

  it("tells what of meminfo it can't", function()
    local own = records()
    assert.is_true(#own > 15)
    for _, rec in ipairs(own) do
      assert.are.same({"meminfo", {"bytes"}}, {rec.kind, rec.partial}) -- this kernel has no counters at all
      assert.is_true((rec.what:find "no symbol" or rec.what:find "no member" or rec.what:find "unknown type") ~= nil, rec.what)
    end
  end)
end)
