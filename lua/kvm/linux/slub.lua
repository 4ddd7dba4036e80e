-- SPDX-License-Identifier: BSD-2-Clause
-- mm/slub.c: the objects of slab caches: which are in use, which are free, which a CPU keeps for its next allocations; whether the lists of
-- free ones are whole; what an address is in a slab. A slab's own list holds objects - inuse of them. CPUs keep those of their slab's
-- list (kmem_cache_cpu, until 6.19), and arrays of objects (sheaves, since 6.18; of all caches since 7.0), of which nodes keep some as
-- well (barns). Checked against Linux 5.10, 6.1, 6.12 and 7.2. Leaves out SLOB and SLAB, the pages of KFENCE, and sheaves that wait
-- for RCU: their objects count as used.
local kvm_error = require "kvm.error"
local list = require "kvm.linux.list"
local mm = require "kvm.linux.mm"
local mmzone = require "kvm.linux.mmzone"
local object = require "kvm.object"
local page_flags = require "kvm.linux.page_flags"
local pagemap = require "kvm.linux.pagemap"
local percpu = require "kvm.linux.percpu"
local slabs = require "kvm.linux.slab"
local stackdepot = require "kvm.linux.stackdepot"
local types = require "kvm.type"

local M = {}

local MOST_SHEAVES <const>, MOST_IN_SHEAF <const> = 1 << 20, 1 << 16

local function fail(addr, form, ...)
  error(kvm_error.new {code = "format", addr = addr, message = form:format(...)}, 0)
end

local function has(o, member) return object.typeof(o):strip():field(member) ~= nil end

local function type_of_slabs(k) return k:type "struct slab" and "struct slab" or "struct page" end -- since 5.17

local function cache_of(slab)
  local cache = slab.slab_cache
  if not cache or cache.size == 0 then fail(object.addr(slab), "the slab of 0x%x has no cache", object.addr(slab)) end
  return cache
end

-- What of a cache all its slabs need, read once.
local function shape_of(cache)
  return {
    k = object.handle(cache), name = slabs.name(cache), size = cache.size, object_size = cache.object_size, offset = cache.offset,
    pad = cache.red_left_pad or 0, random = has(cache, "random") and cache.random or nil, -- CONFIG_SLAB_FREELIST_HARDENED
    most = slabs.objects_per_slab(cache),
  }
end

local function place_of(k, slab)
  return mm.phys_to_virt(k, pagemap.page_to_pfn(k, object.addr(slab)) * k:page_size())
end

local function swapped(word) return (string.unpack(">i8", string.pack("<i8", word))) end

-- The pointer that a free object has: hidden by where it lies and a number of the cache, since 5.7 with its bytes swapped.
local function next_free(shape, at)
  local place = at + shape.offset
  local word = shape.k:u64(place)
  return shape.random and word ~ shape.random ~ swapped(place) or word
end

-- The free objects behind FIRST, in the order in which they would be given out. All are objects of the slab at START, and none comes twice.
local function chain(shape, slab, start, first)
  local out, seen, at, from = {}, {}, first, object.addr(slab)
  local count = slab.objects
  local stop = start + count * shape.size
  while at ~= 0 do
    local offset = at - start - shape.pad
    if math.ult(at, start) or not math.ult(at, stop) or offset % shape.size ~= 0 then
      fail(from, "the free list of the slab at 0x%x of %s leads from 0x%x to 0x%x, which is no object of it", start, shape.name, from, at)
    end
    if seen[at] then fail(at, "the free list of the slab at 0x%x of %s comes to 0x%x again", start, shape.name, at) end
    seen[at] = true
    out[#out + 1] = at
    from, at = at, next_free(shape, at)
  end
  return out
end

local function head_of(slab) return object.handle(slab):ptr(object.addr(slab, "freelist")) end

local function own_list(shape, slab, start)
  local count, used = slab.objects, slab.inuse
  if count > shape.most or used > count then
    fail(object.addr(slab), "the slab at 0x%x of %s has %d of %d objects in use", start, shape.name, used, count)
  end
  local free = chain(shape, slab, start, head_of(slab))
  if #free ~= count - used then
    fail(object.addr(slab), "the slab at 0x%x of %s has %d free objects, its list %d", start, shape.name, count - used, #free)
  end
  return free
end

--- The slabs of all caches: one walk over the map of pages, for what goes over many caches.
-- @param k an open handle
-- @treturn {[integer]={integer,...},...} by the address of a cache `struct slab *` (`struct page *` before 5.17), in order
-- @raise kvm.Error
-- @usage local cache = kvm.linux.slab.find_slab_cache(k, "task_struct")
-- assert(#kvm.linux.slub.slabs_by_cache(k)[kvm.addr(cache)] == kvm.linux.slab.usage(cache).slabs)
function M.slabs_by_cache(k)
  local at, out = types.offsetof(k, type_of_slabs(k), "slab_cache"), {}
  for slab in page_flags.for_each_slab(k) do
    local cache = k:ptr(slab + at)
    local own = out[cache] or {}
    own[#own + 1], out[cache] = slab, own
  end
  return out
end

--- The slabs of a cache, in order: all that memory has, where lists have only those that are not full.
-- @param cache `struct kmem_cache`
-- @tparam[opt] table by_cache what slabs_by_cache gives
-- @treturn function an iterator of `struct slab` (`struct page` before 5.17)
-- @raise kvm.Error
-- @usage local cache = kvm.linux.slab.find_slab_cache(k, "task_struct")
-- for s in kvm.linux.slub.for_each_slab(cache) do assert(s.slab_cache == cache and s.objects > 0) end
function M.for_each_slab(cache, by_cache)
  local k = object.handle(cache)
  local own, t, i = (by_cache or M.slabs_by_cache(k))[object.addr(cache)] or {}, types.of(k, type_of_slabs(k)), 0
  return function()
    i = i + 1
    return own[i] and kvm_error.check(k:object(own[i], t)) or nil
  end
end

--- Where the objects of a slab lie.
-- @param slab `struct slab` (`struct page` before 5.17)
-- @treturn integer address of the first
-- @treturn integer bytes from one to the next
-- @treturn integer how many
-- @raise kvm.Error
-- @usage local s = kvm.linux.slub.for_each_slab(kvm.linux.slab.find_slab_cache(k, "task_struct"))()
-- local first, step, count = kvm.linux.slub.objects(s) assert(first ~= 0 and step > 0 and count == s.objects)
function M.objects(slab)
  local cache = cache_of(slab)
  return place_of(object.handle(slab), slab) + (cache.red_left_pad or 0), cache.size, slab.objects
end

--- The free objects in a slab's own list, in the order in which they would be given out.
-- @param slab `struct slab` (`struct page` before 5.17)
-- @treturn {integer,...} addresses
-- @raise kvm.Error `format` where the list leads out of the slab, comes back, or has another length than the slab tells
-- @usage local s = kvm.linux.slub.for_each_slab(kvm.linux.slab.find_slab_cache(k, "task_struct"))()
-- local free, err = kvm.try(kvm.linux.slub.free_list, s) assert(err and err.code == "excluded" or #free == s.objects - s.inuse)
function M.free_list(slab)
  return own_list(shape_of(cache_of(slab)), slab, place_of(object.handle(slab), slab))
end

-- What the CPUs keep of the lists of the slabs they take objects from.
local function from_cpu_slabs(shape, cache, add)
  local _, member = types.first(shape.k, "struct kmem_cache_cpu", {"slab", "page"}) -- 5.17 renamed it
  for cpu, own in percpu.for_each_copy(cache.cpu_slab) do
    local slab, first = own[member], shape.k:ptr(object.addr(own, "freelist"))
    if slab and first ~= 0 then
      for _, at in ipairs(chain(shape, slab, place_of(shape.k, slab), first)) do add(at, cpu) end
    end
  end
end

local function from_sheaf(shape, sheaf, capacity, add, cpu)
  if not sheaf then return end
  local at, n = object.addr(sheaf, "objects"), sheaf.size
  if n > math.min(capacity, MOST_IN_SHEAF) then
    fail(object.addr(sheaf), "the sheaf at 0x%x of %s has %d objects, room for %d", object.addr(sheaf), shape.name, n, capacity)
  end
  for i = 0, n - 1 do add(shape.k:ptr(at + 8 * i), cpu) end
end

local function from_sheaves(shape, cache, add)
  local capacity = cache.sheaf_capacity
  if capacity == 0 then return end -- kmem_cache, kmem_cache_node and caches that are being debugged have none
  for cpu, own in percpu.for_each_copy(cache.cpu_sheaves) do
    for _, name in ipairs {"main", "spare", "rcu_free"} do from_sheaf(shape, own[name], capacity, add, cpu) end
  end
  for node in mmzone.for_each_node(shape.k) do
    local barn = slabs.barn(cache, node.node_id)
    if barn then
      for sheaf in list.for_each_entry("struct slab_sheaf", barn.sheaves_full, "barn_list", MOST_SHEAVES) do
        from_sheaf(shape, sheaf, capacity, add, -1)
      end
    end
  end
end

--- The free objects that CPUs and nodes keep for allocations to come; slabs count them as used.
-- @param cache `struct kmem_cache`
-- @treturn {[integer]=integer,...} CPU by address; of a node's -1
-- @raise kvm.Error `format` where a list is damaged; `fault`, `excluded`
-- @usage local kept, err = kvm.try(kvm.linux.slub.kept, kvm.linux.slab.find_slab_cache(k, "task_struct"))
-- assert(kept or err.code == "excluded")
function M.kept(cache)
  local shape, out = shape_of(cache), {}
  local function add(at, cpu)
    if out[at] then fail(at, "the free object at 0x%x of %s is kept twice", at, shape.name) end
    out[at] = cpu
  end
  if has(cache, "cpu_sheaves") and cache.cpu_sheaves then from_sheaves(shape, cache, add) end
  if has(cache, "cpu_slab") and cache.cpu_slab then from_cpu_slabs(shape, cache, add) end
  return out
end

-- The free list of a slab, of which nothing may be kept.
local function free_but(shape, slab, kept)
  local free = own_list(shape, slab, place_of(shape.k, slab))
  for _, at in ipairs(free) do
    if kept[at] then fail(at, "the object at 0x%x is free in its slab, and kept as well", at) end
  end
  return free
end

--- The objects of a slab, in order.
-- @param slab `struct slab` (`struct page` before 5.17)
-- @tparam[opt] table kept what `kept` gives for its cache
-- @treturn function an iterator of address, state ("used", "free", "kept": by a CPU or a node) and of a kept one the CPU (-1: the node)
-- @raise kvm.Error as free_list and kept
-- @usage local cache = kvm.linux.slab.find_slab_cache(k, "task_struct") local s = kvm.linux.slub.for_each_slab(cache)()
-- local step = kvm.try(kvm.linux.slub.for_each_object, s) for at, state in step or next, {} do assert(at and state) end
function M.for_each_object(slab, kept)
  kept = kept or M.kept(cache_of(slab))
  local free = {}
  for _, at in ipairs(free_but(shape_of(cache_of(slab)), slab, kept)) do free[at] = true end
  local first, step, count = M.objects(slab)
  local i = -1
  return function()
    i = i + 1
    if i >= count then return nil end
    local at = first + i * step
    if free[at] then return at, "free" end
    return at, kept[at] and "kept" or "used", kept[at]
  end
end

--- The slabs of a cache with the free list of each; one that is damaged does not end the walk.
-- @param cache `struct kmem_cache`
-- @tparam table kept what `kept` gives for the cache; none may be in a list as well
-- @tparam[opt] table by_cache what slabs_by_cache gives
-- @treturn function an iterator of `struct slab` (`struct page` before 5.17), the addresses of its free objects in order (nil: damaged),
--  and the kvm.Error that says how
-- @raise kvm.Error
-- @usage local cache = kvm.linux.slab.find_slab_cache(k, "task_struct")
-- for s, free, err in kvm.linux.slub.for_each_free_list(cache, {}) do assert(s and (free or err)) end
function M.for_each_free_list(cache, kept, by_cache)
  local k, shape = object.handle(cache), shape_of(cache)
  local t = types.of(k, type_of_slabs(k))
  local own, i = (by_cache or M.slabs_by_cache(k))[object.addr(cache)] or {}, 0
  local counts, head = object.reader(t, {"objects", "inuse"}), types.offsetof(k, type_of_slabs(k), "freelist")
  return function()
    i = i + 1
    local at = own[i]
    if not at then return nil end
    local slab = kvm_error.check(k:object(at, t))
    local count, used = counts(at)
    if count and count == used and used <= shape.most and k:ptr(at + head) == 0 then return slab, {} end -- most slabs are full
    local free, err = kvm_error.try(free_but, shape, slab, kept)
    return slab, free, err
  end
end

--- Goes over all free objects of a cache and tells what is wrong with the lists of them.
-- @param cache `struct kmem_cache`
-- @tparam[opt] table by_cache what slabs_by_cache gives
-- @treturn[1] integer its slabs
-- @treturn[1] integer its free objects, those included that CPUs and nodes keep
-- @return[2] nil
-- @treturn[2] kvm.Error
-- @usage local n, err = kvm.linux.slub.validate(kvm.linux.slab.find_slab_cache(k, "task_struct")) assert(n or err.code == "excluded")
function M.validate(cache, by_cache)
  local function check()
    local kept, count, free = M.kept(cache), 0, 0
    for _ in pairs(kept) do free = free + 1 end
    for _, own, err in M.for_each_free_list(cache, kept, by_cache) do
      if err then error(err, 0) end
      count = count + 1
      free = free + #own
    end
    return {count, free}
  end
  local found, err = kvm_error.try(check)
  if not found then return nil, err end
  return found[1], found[2]
end

--- Whether a cache notes who allocated and who freed each object (slub_debug=U).
-- @param cache `struct kmem_cache`
-- @treturn boolean
-- @raise kvm.Error
-- @usage assert(type(kvm.linux.slub.has_tracks(kvm.linux.slab.find_slab_cache(k, "task_struct"))) == "boolean")
function M.has_tracks(cache)
  return slabs.has_flag(cache, "STORE_USER")
end

local function track_of(cache, at, number)
  local inuse = cache.inuse
  local k = object.handle(cache)
  local place = at + inuse + (cache.offset >= inuse and 8 or 0) + number * types.sizeof(k, "struct track")
  local track = kvm_error.check(k:object(place, "struct track"))
  local stack = {}
  if has(track, "handle") then
    stack = kvm_error.try(stackdepot.fetch, k, track.handle) or stack
  elseif has(track, "addrs") then -- CONFIG_STACKTRACE, until 5.18
    for i = 0, #track.addrs - 1 do
      if track.addrs[i] == 0 then break end
      stack[i + 1] = track.addrs[i]
    end
  end
  return {addr = track.addr, pid = track.pid, cpu = track.cpu, jiffies = track.when, stack = stack}
end

--- Who allocated an object, of a cache that notes it. Behind the object, and behind the pointer to the next free one where that is not in
-- the object, lie two tracks (get_track): of its allocation and of its freeing.
-- @param cache `struct kmem_cache` for which has_tracks holds
-- @tparam integer at address of the object
-- @treturn table addr (where the allocator was called from; 0: nothing was noted), pid, cpu, jiffies (when), stack ({integer,...}:
--  addresses of return, the innermost first; of 5.19 and later from the stack depot; empty where the kernel keeps none)
-- @raise kvm.Error `fault`, `excluded`
-- @usage local cache = kvm.linux.slab.find_slab_cache(k, "task_struct")
-- if kvm.linux.slub.has_tracks(cache) then
-- assert(kvm.linux.slub.allocated_by(cache, (kvm.linux.slub.objects(kvm.linux.slub.for_each_slab(cache)()))).pid >= 0) end
function M.allocated_by(cache, at) return track_of(cache, at, 0) end

--- Who freed an object the last time, of a cache that notes it.
-- @param cache `struct kmem_cache` for which has_tracks holds
-- @tparam integer at address of the object
-- @treturn table as allocated_by; addr 0: it was never freed
-- @raise kvm.Error `fault`, `excluded`
-- @usage local cache = kvm.linux.slab.find_slab_cache(k, "task_struct")
-- if kvm.linux.slub.has_tracks(cache) then
-- assert(kvm.linux.slub.freed_by(cache, (kvm.linux.slub.objects(kvm.linux.slub.for_each_slab(cache)()))).stack) end
function M.freed_by(cache, at) return track_of(cache, at, 1) end

--- What an address is in a slab.
-- @param k an open handle
-- @tparam integer addr virtual
-- @treturn table cache (`struct kmem_cache`), slab (`struct slab`), name (of the cache), object (address of the object; nil: behind the
--  last), offset (in the object), index, bytes (of an object), state (as for_each_object; nil where lists can't be read); nil where the
--  memory is no slab
-- @raise kvm.Error `fault`, `excluded`
-- @usage local info = kvm.linux.slub.object_info(k, kvm.addr(kvm.linux.list.first_entry("struct task_struct",
-- k:object("init_task").tasks, "tasks"))) assert(info.name == "task_struct" and info.offset == 0)
function M.object_info(k, addr)
  local page = pagemap.pfn_to_page(k, kvm_error.check(k:translate(addr)) // k:page_size())
  local head = page_flags.page_slab(k, page)
  if not head then return nil end
  local slab = kvm_error.check(k:object(head, type_of_slabs(k)))
  local cache = cache_of(slab)
  local first, step, count = M.objects(slab)
  local rec = {cache = cache, slab = slab, name = slabs.name(cache), bytes = cache.object_size, index = (addr - first) // step}
  if rec.index < 0 or rec.index >= count then
    rec.index = nil
    return rec
  end
  rec.object = first + rec.index * step
  rec.offset = addr - rec.object
  local ok, states = pcall(M.for_each_object, slab)
  for at, state, cpu in ok and states or next, {} do
    if at == rec.object then rec.state, rec.cpu = state, cpu end
  end
  return rec
end

return M
