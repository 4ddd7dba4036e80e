-- SPDX-License-Identifier: BSD-2-Clause
-- mm/slab.h: the slab caches of SLUB and how much is in them, as /proc/slabinfo has it (get_slabinfo, mm/slub.c): objects that CPUs keep
-- for themselves count as used. A slab is a struct slab since 5.17, a struct page before. Checked against Linux 5.10, 6.1, 6.12
-- and 7.2.
local kvm_error = require "kvm.error"
local kallsyms = require "kvm.linux.kallsyms"
local list = require "kvm.linux.list"
local mmzone = require "kvm.linux.mmzone"
local object = require "kvm.object"
local types = require "kvm.type"

local M = {}

local MOST_CACHES <const>, MOST_SLABS <const> = 1 << 20, 1 << 24
local OO_SHIFT <const>, OO_MASK <const> = 16, 0xffff

--- The slab caches.
-- @param k an open handle
-- @return iterator of objects `struct kmem_cache`, in the order of /proc/slabinfo
-- @raise kvm.Error `format` where the list is damaged; `fault`, `excluded`
-- @usage for cache in kvm.linux.slab.for_each_slab_cache(k) do assert(cache.object_size > 0) end
function M.for_each_slab_cache(k)
  local head = kvm_error.check(k:object(kallsyms.address(k, "slab_caches"), "struct list_head"))
  return list.for_each_entry("struct kmem_cache", head, "list", MOST_CACHES)
end

--- The name of a cache.
-- @param cache `struct kmem_cache`
-- @treturn string
-- @raise kvm.Error
-- @usage for cache in kvm.linux.slab.for_each_slab_cache(k) do assert(#kvm.linux.slab.name(cache) > 0) end
function M.name(cache)
  return object.string(cache.name)
end

--- A cache by its name.
-- @param k an open handle
-- @tparam string name
-- @return `struct kmem_cache`; nil when there is none (several caches can be merged into one, under one's name)
-- @raise kvm.Error as for_each_slab_cache
-- @usage assert(kvm.linux.slab.find_slab_cache(k, "task_struct"))
function M.find_slab_cache(k, name)
  for cache in M.for_each_slab_cache(k) do
    if M.name(cache) == name then return cache end
  end
  return nil
end

--- How a cache cuts its slabs.
-- @param cache `struct kmem_cache`
-- @treturn integer objects of a slab
-- @treturn integer order: a slab has 2^order pages
-- @raise kvm.Error
-- @usage for cache in kvm.linux.slab.for_each_slab_cache(k) do assert(kvm.linux.slab.objects_per_slab(cache) > 0) end
function M.objects_per_slab(cache)
  local x = cache.oo.x
  return x & OO_MASK, x >> OO_SHIFT
end

-- The part of a cache that is of a node; until 7.0 an array of pointers, since 7.1 of structs with one.
local function node_of(cache, number)
  local t = object.typeof(cache):strip()
  if t:field "per_node" then return cache.per_node[number].node end
  return cache.node[number]
end

--- The full and empty sheaves that a cache keeps on a node.
-- @param cache `struct kmem_cache`
-- @tparam integer number of the node
-- @return `struct node_barn`; nil where the cache has none (all before 6.18)
-- @raise kvm.Error
-- @usage local barn = kvm.linux.slab.barn(kvm.linux.slab.find_slab_cache(k, "task_struct"), 0) assert(not barn or barn.nr_full >= 0)
function M.barn(cache, number)
  if object.typeof(cache):strip():field "per_node" then return cache.per_node[number].barn end
  local node = node_of(cache, number)
  return node and object.typeof(node):strip():field "barn" and node.barn or nil -- in 6.18 to 7.0
end

-- What each node has of a cache.
local function nodes_of(cache, numbers)
  numbers = numbers or mmzone.node_numbers(object.handle(cache))
  local i = 0
  return function()
    while numbers[i + 1] do
      i = i + 1
      local own = node_of(cache, numbers[i])
      if own then return own end
    end
  end
end

--- How much memory a cache has, by its counters alone. Where pages are short, slabs have the least order that an object fits in (min in
-- place of oo): how many do follows from the number of objects.
-- @param cache `struct kmem_cache`
-- @tparam[opt] {integer,...} nodes numbers of those online, where many caches are asked one after another
-- @treturn integer bytes
-- @treturn integer objects that there is room for
-- @raise kvm.Error `fault`, `excluded`
-- @usage for cache in kvm.linux.slab.for_each_slab_cache(k) do assert(kvm.linux.slab.bytes(cache) >= 0) end
function M.bytes(cache, nodes)
  local slabs, objects = 0, 0
  for own in nodes_of(cache, nodes) do slabs, objects = slabs + own.nr_slabs.counter, objects + own.total_objects.counter end
  local page, many, order = object.handle(cache):page_size(), M.objects_per_slab(cache)
  local few, least = cache.min.x & OO_MASK, cache.min.x >> OO_SHIFT
  local small = many > few and math.max(0, math.min(slabs, (slabs * many - objects) // (many - few))) or 0
  return (slabs - small) * (page << order) + small * (page << least), objects
end

-- Flags of caches (linux/slab.h, mm/slab.h, mm/slub.c) until 6.8; since 6.9 enum _slab_flag_bits has their bits.
local FLAGS <const> = {
  RED_ZONE = 0x400, POISON = 0x800, KMALLOC = 0x1000, STORE_USER = 0x10000, RECLAIM_ACCOUNT = 0x20000, OBJECT_POISON = 0x80000000,
}

--- Whether a cache has a flag.
-- @param cache `struct kmem_cache`
-- @tparam string name "RED_ZONE", "POISON", "KMALLOC", "STORE_USER", "RECLAIM_ACCOUNT" or "OBJECT_POISON" (free objects are filled)
-- @treturn boolean
-- @raise kvm.Error
-- @usage assert(type(kvm.linux.slab.has_flag(kvm.linux.slab.find_slab_cache(k, "dentry"), "POISON")) == "boolean")
function M.has_flag(cache, name)
  local bits = types.enumerators(object.handle(cache), "enum _slab_flag_bits")
  if not bits then return cache.flags & FLAGS[name] ~= 0 end
  local bit = bits["_SLAB_" .. name] -- some are only there with CONFIG_SLUB_DEBUG
  return bit ~= nil and cache.flags & 1 << bit ~= 0
end

--- Whether the kernel counts on getting a cache's memory back (SReclaimable).
-- @param cache `struct kmem_cache`
-- @treturn boolean
-- @raise kvm.Error
-- @usage assert(kvm.linux.slab.is_reclaimable(kvm.linux.slab.find_slab_cache(k, "dentry")))
function M.is_reclaimable(cache) return M.has_flag(cache, "RECLAIM_ACCOUNT") end

--- How much is in a cache.
-- @param cache `struct kmem_cache`
-- @treturn table slabs, objects (that there is room for), active (of these in use, or kept by a CPU), partial (slabs with room)
-- @raise kvm.Error `format` where a list is damaged; `fault`, `excluded`
-- @usage for cache in kvm.linux.slab.for_each_slab_cache(k) do assert(kvm.linux.slab.usage(cache).objects >= 0) end
function M.usage(cache)
  local k = object.handle(cache)
  local t = k:type "struct slab" and "struct slab" or "struct page" -- since 5.17
  local member = types.of(k, t):strip():field "slab_list" and "slab_list" or "lru"
  local total = {slabs = 0, objects = 0, active = 0, partial = 0}
  local free = 0
  for own in nodes_of(cache) do
    total.slabs = total.slabs + own.nr_slabs.counter
    total.objects = total.objects + own.total_objects.counter
    total.partial = total.partial + own.nr_partial
    for slab in list.for_each_entry(t, own.partial, member, MOST_SLABS) do free = free + slab.objects - slab.inuse end
  end
  total.active = total.objects - free
  return total
end

return M
