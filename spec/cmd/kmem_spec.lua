-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local harness = require "spec.support.harness"
local kmem = require "kvm.cmd.kmem"
local made = require "spec.support.slab"
local memory = require "spec.support.memory"
local objects = require "spec.support.slub"
local areas = require "spec.support.vmalloc"

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

describe("kvm.cmd.kmem on slabs, areas and pages", function()
  harness.guard()
  local k
  before_each(function()
    local _, symbols
    k, _, symbols = objects.open(false, areas.TYPES)
    areas.fill(k, symbols)
  end)
  after_each(memory.forget)

  local function records(opts) return fake.collect(kmem.run(k, opts)) end

  it("tells of objects", function()
    local r = records {objects = "a-*"}
    assert.are.equal(8, #r)
    assert.are.same({kind = "object", name = "a-cache", addr = objects.object(0), bytes = 56, slab = objects.at.SLAB, state = "used",
      what = "used"}, r[1])
    assert.are.same({"free", "kept by CPU 0", "kept by its node"}, {r[2].what, r[3].what, r[5].what})
    assert.are.same({}, records {objects = "b-*"})
  end)

  it("checks lists of free objects", function()
    assert.are.same({{kind = "check", name = "a-cache", addr = objects.at.CACHE, slabs = 1, count = 5,
      what = "1 slabs, 5 free objects: whole"}}, records {check = true, name = "a-cache"})
    objects.free({6, 1}, 6, memory.UNMAPPED)
    local r = records {check = true}
    assert.are.same({1, "format", objects.object(1)}, {#r, r[1].code, r[1].addr})
    assert.are.equal("format", records({objects = "a-cache"})[1].code)
  end)

  it("tells of areas", function()
    local r = records {vmalloc = true}
    assert.are.same({kind = "area", name = "a_caller+0x0", addr = areas.at.START, bytes = 0x3000, count = 2, kinds = {"vmalloc", "user"},
      state = "used", what = "vmalloc user"}, r[1])
    assert.are.same({"vm_map_ram", "lazy"}, {r[2].what, r[3].state})
  end)

  it("counts pages", function()
    local r = records {page_flags = true}
    assert.are.same({"pages", 64}, {r[1].kind, r[1].count})
    assert.are.same({kind = "page_type", name = "slab", count = 1}, r[2])
    assert.are.same({"page_flag", "locked"}, {r[3].kind, r[3].name})
  end)

  it("names the bits of flags", function()
    assert.are.same({{kind = "flags", name = "0x5", flags = {"locked", "referenced"}, what = "locked referenced"}},
      records {flag_names = "5"})
    assert.are.equal("inval", records({flag_names = "x"})[1].code)
  end)

  it("tells what addresses are", function()
    local r = records {addrs = {("%x"):format(objects.object(1) + 3), areas.at.START + 1}}
    local seen = {}
    for _, rec in ipairs(r) do seen[rec.kind] = seen[rec.kind] or rec end
    assert.are.same({"a-cache", objects.object(1), 3, "free"}, {seen.slab.name, seen.slab.addr, seen.slab.offset, seen.slab.state})
    assert.are.equal(("+0x3 slab 0x%x, free"):format(objects.at.SLAB), seen.slab.what)
    assert.are.same({areas.at.START, 1, "+0x1 vmalloc user, 12288 bytes"}, {seen.area.addr, seen.area.offset, seen.area.what})
    assert.matches("^%+0x43 pfn 0x%x+ slab locked referenced", seen.page.what)
    assert.are.same({"addr"}, seen.stack.partial) -- this kernel has no tasks
    local ok, err = pcall(function() return records {addrs = {"no_such"}} end)
    assert.are.same({true, "notfound"}, {ok, err[1].code})
  end)
end)
