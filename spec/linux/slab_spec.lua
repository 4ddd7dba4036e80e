-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local made = require "spec.support.slab"
local memory = require "spec.support.memory"
local slab = require "kvm.linux.slab"

local CACHE, SLAB = made.at.CACHE, made.at.SLAB

describe("kvm.linux.slab", function()
  harness.guard()
  local k, cache

  before_each(function() k, cache = made.open() end)
  after_each(memory.forget)

  it("gives caches and what is in them", function()
    assert.are.same({"a-cache"}, (memory.collect(slab.for_each_slab_cache(k), slab.name)))
    assert.are.equal(CACHE, kvm.addr(slab.find_slab_cache(k, "a-cache")))
    assert.is_nil(slab.find_slab_cache(k, "b-cache"))
    assert.are.same({128, 1}, {slab.objects_per_slab(cache)})
    assert.are.same({slabs = 3, objects = 384, active = 284, partial = 1}, slab.usage(cache))
  end)

  it("tells how much memory they have, and whether it may be taken back", function()
    assert.are.same({3 * 8192, 384}, {slab.bytes(cache)})
    memory.set(k, "struct kmem_cache_node", made.at.NODE, {["total_objects.counter"] = 256}) -- two of the slabs are small ones
    assert.are.same({8192 + 2 * 4096, 256}, {slab.bytes(cache)})
    assert.is_false(slab.is_reclaimable(cache))
    memory.set(k, "struct kmem_cache", CACHE, {flags = 0x20000})
    assert.is_true(slab.is_reclaimable(cache))
    k, cache = made.open()
    kvm.cdef(k, "enum _slab_flag_bits { _SLAB_POISON, _SLAB_RECLAIM_ACCOUNT };")
    memory.set(k, "struct kmem_cache", CACHE, {flags = 0x20000})
    assert.is_false(slab.is_reclaimable(cache))
    memory.set(k, "struct kmem_cache", CACHE, {flags = 2})
    assert.is_true(slab.is_reclaimable(cache))
    assert.are.same({false, false}, {slab.has_flag(cache, "POISON"), slab.has_flag(cache, "RED_ZONE")}) -- of the second there is no bit
  end)

  it("stops where a list is damaged", function()
    assert(k:write(SLAB, ("<I8"):pack(memory.UNMAPPED)))
    local _, err = kvm.try(slab.usage, cache)
    assert.are.equal("fault", err.code)
    assert(k:write(CACHE + 8, ("<I8"):pack(0)))
    local got
    got, err = memory.collect(slab.for_each_slab_cache(k), slab.name)
    assert.are.same({{}, "format"}, {got, err.code})
  end)
end)
