-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local made = require "spec.support.slub"
local memory = require "spec.support.memory"
local slub = require "kvm.linux.slub"

local object = made.object

for _, layout in ipairs {{name = "7.2", kept = {[object(2)] = 0, [object(3)] = 0, [object(4)] = -1}},
  {name = "5.10", old = true, kept = {[object(2)] = 0, [object(3)] = 0}}} do
  describe("kvm.linux.slub of " .. layout.name, function()
    harness.guard()
    local k, cache, slab
    before_each(function()
      k, cache = made.open(layout.old)
      slab = slub.for_each_slab(cache)()
    end)
    after_each(memory.forget)

    local function fails(addr, form)
      local n, err = slub.validate(cache)
      assert.are.same({nil, "format", addr}, {n, err.code, err.addr})
      assert.matches(form, err.message)
    end

    it("gives slabs and their objects", function()
      assert.are.equal(made.at.SLAB, kvm.addr(slab))
      assert.are.same({[made.at.CACHE] = {made.at.SLAB}}, slub.slabs_by_cache(k))
      assert.are.same({object(0), 64, 8}, {slub.objects(slab)})
      assert.are.same({object(6), object(1)}, slub.free_list(slab))
      assert.are.same(layout.kept, slub.kept(cache))
      local states = memory.collect(slub.for_each_object(slab), function(_, state) return state:sub(1, 1) end)
      assert.are.equal(layout.old and "ufkkuufu" or "ufkkkufu", table.concat(states))
      local kept = 0
      for _ in pairs(layout.kept) do kept = kept + 1 end
      assert.are.same({1, 2 + kept}, {slub.validate(cache)})
    end)

    it("tells what an address is", function()
      local info = slub.object_info(k, object(6) + 5)
      assert.are.same({"a-cache", object(6), 5, 6, 56, "free"}, {info.name, info.object, info.offset, info.index, info.bytes, info.state})
      info = slub.object_info(k, object(3))
      assert.are.same({"kept", 0}, {info.state, info.cpu})
      info = slub.object_info(k, object(8))
      assert.are.same({"a-cache"}, {info.name, info.object})
      assert.is_nil(slub.object_info(k, memory.START))
      local _, err = kvm.try(slub.object_info, k, memory.UNMAPPED)
      assert.are.equal("fault", err.code)
    end)

    it("has no object of an empty list, and none of a full slab", function()
      made.free({}, 8)
      assert.are.same({}, slub.free_list(slab))
    end)

    it("tells of lists that lead elsewhere", function()
      made.free({6, 1}, 6, object(9))
      fails(object(1), "leads from .* to .* which is no object of it")
      made.free({6, 1}, 6, object(5) + 8)
      fails(object(1), "which is no object of it")
      made.free({6, 1}, 6, object(6))
      fails(object(6), "comes to .* again")
      assert(k:write(object(6), ("A"):rep(56))) -- was written to when it was free
      made.free({1, 6}, 6)
      assert(k:write(object(6), ("A"):rep(56)))
      fails(object(6), "which is no object of it")
    end)

    it("tells of counts that differ", function()
      made.free({6, 1}, 5)
      fails(made.at.SLAB, "has 3 free objects, its list 2")
      made.free({6, 1}, 9)
      fails(made.at.SLAB, "has 9 of 8 objects in use")
      made.free({6, 2}, 6)
      fails(object(2), "is free in its slab, and kept as well")
      local info = slub.object_info(k, object(0))
      assert.are.same({object(0)}, {info.object, info.state})
    end)
  end)
end

describe("kvm.linux.slub with tracks", function()
  harness.guard()
  after_each(memory.forget)

  local function tracked(types, flags)
    local k, cache, symbols = made.open(false, types)
    memory.set(k, "struct kmem_cache", made.at.CACHE, {inuse = 16, flags = flags})
    return k, cache, symbols
  end

  it("tells who allocated an object", function()
    local k, cache = tracked("struct track { unsigned long addr, addrs[2]; int cpu, pid; unsigned long when; };", 0x10000)
    assert.is_true(slub.has_tracks(cache))
    -- behind what is in use, and the pointer that lies behind that
    assert(k:write(object(0) + 24, ("<i8i8i8i4i4i8"):pack(0x1111, 0x2222, 0, 3, 77, 5000)))
    assert.are.same({addr = 0x1111, cpu = 3, pid = 77, jiffies = 5000, stack = {0x2222}}, slub.allocated_by(cache, object(0)))
    memory.set(k, "struct kmem_cache", made.at.CACHE, {inuse = 40}) -- the pointer is in the object
    assert(k:write(object(0) + 40, ("<i8"):pack(0x3333)))
    assert.are.equal(0x3333, slub.allocated_by(cache, object(0)).addr)
  end)

  it("tells who freed it", function()
    local _, cache = tracked("struct track { unsigned long addr; int cpu, pid; unsigned long when; };", 0x10000)
    local k = kvm.handle(cache)
    assert(k:write(object(0) + 24 + 24, ("<i8i4i4i8"):pack(0x4444, 1, 78, 6000)))
    assert.are.same({addr = 0x4444, cpu = 1, pid = 78, jiffies = 6000, stack = {}}, slub.freed_by(cache, object(0)))
  end)

  it("gives the lists of all slabs, with what is wrong", function()
    local _, cache = made.open()
    local slab, free, err = slub.for_each_free_list(cache, {})()
    assert.are.same({made.at.SLAB, {object(6), object(1)}, nil}, {kvm.addr(slab), free, err})
    _, free, err = slub.for_each_free_list(cache, {[object(1)] = 0})()
    assert.are.same({nil, "format", object(1)}, {free, err.code, err.addr})
  end)

  it("takes stacks from the depot, where it has them", function()
    local k, cache, symbols = tracked([[struct track { unsigned long addr; unsigned int handle; int cpu, pid; unsigned long when; };
      union handle_parts { unsigned int handle; struct { unsigned int pool_index_plus_1:17, offset:10, extra:5; }; };
      struct stack_record { unsigned int hash, size; union handle_parts handle; unsigned long entries[4]; };
      enum _slab_flag_bits { _SLAB_POISON, _SLAB_STORE_USER };]], 2)
    assert.is_true(slub.has_tracks(cache))
    memory.set(k, "struct track", object(0) + 24, {addr = 0x1111, handle = 1 | 2 << 17, pid = 7})
    assert.are.same({}, slub.allocated_by(cache, object(0)).stack)
    symbols.stack_pools = memory.START + 0x400
    assert(k:write(memory.START + 0x400, ("<i8"):pack(memory.START + 0x500)))
    memory.set(k, "struct stack_record", memory.START + 0x520,
      {size = 2, handle = 1 | 2 << 17, ["entries[0]"] = 0x11, ["entries[1]"] = 0x22})
    assert.are.same({0x11, 0x22}, slub.allocated_by(cache, object(0)).stack)
    memory.set(k, "struct kmem_cache", made.at.CACHE, {flags = 0x10000})
    assert.is_false(slub.has_tracks(cache))
  end)
end)

describe("kvm.linux.slub of slabs without a cache", function()
  harness.guard()
  after_each(memory.forget)

  it("tells of them", function()
    local k, _, symbols = made.open()
    memory.set(k, "struct slab", made.at.SLAB, {slab_cache = 0})
    local _, err = kvm.try(slub.object_info, k, object(1))
    assert.are.same({"format", made.at.SLAB}, {err.code, err.addr})
    memory.set(k, "struct slab", made.at.SLAB, {slab_cache = made.at.CACHE})
    memory.set(k, "struct kmem_cache", made.at.CACHE, {size = 0})
    _, err = kvm.try(slub.object_info, k, object(1))
    assert.are.same({"format", made.at.SLAB}, {err.code, err.addr})
    assert(k:write(symbols.max_pfn, ("<i8"):pack(-1)))
    _, err = kvm.try(slub.slabs_by_cache, k)
    assert.are.equal("format", err.code)
  end)
end)

describe("kvm.linux.slub with sheaves", function()
  harness.guard()
  after_each(memory.forget)

  it("tells of sheaves that are damaged", function()
    local k, cache = made.open()
    memory.set(k, "struct slab_sheaf", made.at.SHEAF, {size = 5})
    local _, err = slub.validate(cache)
    assert.are.same({"format", made.at.SHEAF}, {err.code, err.addr})
    memory.set(k, "struct slab_sheaf", made.at.SHEAF, {size = 2})
    assert(k:write(made.at.FULL + k:type("struct slab_sheaf"):size(), ("<i8"):pack(made.object(2))))
    _, err = slub.validate(cache)
    assert.are.same({"format", made.object(2)}, {err.code, err.addr})
    assert(k:write(made.at.BARN + 8, ("<i8"):pack(0)))
    _, err = slub.validate(cache)
    assert.are.equal("format", err.code)
  end)
end)
