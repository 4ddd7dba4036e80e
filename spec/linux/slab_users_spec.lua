-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local made = require "spec.support.leak"
local memory = require "spec.support.memory"
local slub = require "kvm.linux.slub"
local slab_users = require "kvm.linux.slab_users"
local slabs = require "spec.support.slub"

local at, object = made.at, slabs.object

describe("kvm.linux.slab_users", function()
  harness.guard()
  after_each(memory.forget)

  it("names the variable of a cache, and the function that allocates from it", function()
    local k, cache = made.open "own"
    local holders = slab_users.holders(cache)
    assert.are.same({{addr = at.DATA, name = "lab_cache", module = "labfault"}}, holders)
    assert.is_false(slab_users.is_kmalloc(k, holders[1]))
    assert.are.same({{name = "lab_leak", addr = at.LEAK + 5, module = "labfault", variable = "lab_cache", allocator = "kmem_cache_alloc"}},
      slab_users.allocators(cache, holders))
    assert(k:write(at.LEAK + 12, ("\0"):rep(5))) -- it loads the address, and calls nothing
    assert.are.same({}, slab_users.allocators(cache, holders))
  end)

  it("knows kmalloc's caches, and who calls it with any size", function()
    local k, cache, symbols = made.open "kmalloc"
    local holders = slab_users.holders(cache)
    assert.are.same({at.KMALLOC + 8, "kmalloc_caches"}, {holders[1].addr, holders[1].name})
    assert.is_true(slab_users.is_kmalloc(k, holders[1]))
    assert.are.equal("lab_leak", slab_users.allocators(cache, holders)[1].name)
    assert.are.same({}, slab_users.by_size(k))
    symbols.__kmalloc = symbols.kmem_cache_alloc
    assert.are.same({{name = "lab_leak", module = "labfault", addr = at.LEAK + 12, callee = "__kmalloc"}}, slab_users.by_size(k))
  end)

  it("gives used objects", function()
    local k, cache = made.open "own"
    local by_cache = slub.slabs_by_cache(k)
    assert.are.same({object(0), object(5), object(7)}, slab_users.sample(cache, by_cache, 100))
    assert.are.same({object(0), object(5)}, slab_users.sample(cache, by_cache, 2))
    slabs.free({6, 1}, 5) -- damaged
    assert.are.same({}, slab_users.sample(cache, by_cache, 100))
  end)

  it("tells what objects point to", function()
    local k, cache = made.open "own"
    for _, i in ipairs {0, 5} do assert(k:write(object(i) + 16, ("<i8"):pack(at.RELEASE))) end
    assert(k:write(object(7) + 8, ("<i8"):pack(at.LEAK + 3)))
    assert.are.same({{name = "lab_release", module = "labfault", count = 2, offset = 16},
      {name = "lab_leak", module = "labfault", count = 1, offset = 8}}, slab_users.pointers(cache, {object(0), object(5), object(7)}))
    assert.are.same({}, slab_users.pointers(cache, {memory.UNMAPPED}))
  end)

  it("follows the variables that lead to objects", function()
    local k, cache = made.open "own"
    local list = at.DATA + 8
    local function link(from, to) assert(k:write(from, ("<i8"):pack(to))) end
    link(at.DATA, slabs.OBJECTS - 0x1000 * slabs.pfn) -- a page that the map lacks
    link(list, object(0) + 8)
    link(object(0) + 8, object(5) + 8)
    link(object(5) + 8, object(7) + 8)
    link(object(7) + 8, list)
    link(list + 8, object(7) + 8) -- the end of the list
    assert.are.same({{name = "lab_list", addr = list, module = "labfault", count = 3}}, slab_users.variables(cache, 100))
    assert.are.equal(2, slab_users.variables(cache, 2)[1].count)
    link(object(7) + 8, object(0) + 8) -- a circle
    assert.are.equal(3, slab_users.variables(cache, 100)[1].count)
    link(object(5) + 8, object(7) + 16) -- another place: it is no list
    link(list + 8, 0)
    assert.are.equal(2, slab_users.variables(cache, 100)[1].count)
    link(list, memory.UNMAPPED)
    assert.are.same({}, slab_users.variables(cache, 100))
  end)
end)
