-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm kmem: the kernel's memory: /proc/meminfo remade, zones with their free blocks, slab caches, counters.
local kvm_error = require "kvm.error"
local object = require "kvm.object"
local walk = require "kvm.cmd.walk"
local words = require "kvm.cmd.words"

local M = {
  name = "kmem",
  summary = "kernel memory: meminfo, zones, slab caches, counters",
  operands = {},
  options = {
    {flags = "-i --info", help = "/proc/meminfo remade (the default)"},
    {flags = "-s --slab", help = "slab caches"},
    {flags = "-n --name", value = "NAME", help = "with --slab: only this cache; * stands for any text"},
    {flags = "-z --zones", help = "zones, with watermarks and free blocks by order"},
    {flags = "-V --events", help = "counters of events, as /proc/vmstat has them"},
  },
  columns = {
    {name = "kind", kind = "string"},
    {name = "name", kind = "string", title = "NAME", width = 26, left = true},
    {name = "bytes", kind = "size", title = "SIZE", width = 8},
    {name = "count", kind = "integer", title = "COUNT", width = 10},
    {name = "node", kind = "integer"},
    {name = "free_pages", kind = "integer"},
    {name = "managed_pages", kind = "integer"},
    {name = "present_pages", kind = "integer"},
    {name = "spanned_pages", kind = "integer"},
    {name = "start_pfn", kind = "integer"},
    {name = "min_pages", kind = "integer"},
    {name = "low_pages", kind = "integer"},
    {name = "high_pages", kind = "integer"},
    {name = "free_blocks", kind = "numbers"},
    {name = "objects", kind = "integer"},
    {name = "active", kind = "integer"},
    {name = "slabs", kind = "integer"},
    {name = "partial_slabs", kind = "integer"},
    {name = "object_bytes", kind = "integer"},
    {name = "slot_bytes", kind = "integer"},
    {name = "objects_per_slab", kind = "integer"},
    {name = "pages_per_slab", kind = "integer"},
    {name = "addr", kind = "hex", title = "ADDRESS", width = 18, left = true},
    {name = "partial", kind = "strings"},
    {name = "what", kind = "string", title = "DETAILS", left = true, width = 0, json = false},
  },
  no_match = "there is none",
}

local function info(k, emit)
  for name, value, err in require "kvm.linux.meminfo".for_each(k) do
    local is_count = name:find "^HugePages_" ~= nil
    emit {kind = "meminfo", name = name, bytes = not is_count and value or nil, count = is_count and value or nil,
      partial = err and {is_count and "count" or "bytes"} or nil, what = err and tostring(err) or ""}
  end
end

local function zone_record(zone, node)
  local mmzone = require "kvm.linux.mmzone"
  local rec = {kind = "zone", name = object.string(zone.name), node = node, addr = object.addr(zone)}
  rec.managed_pages, rec.present_pages, rec.spanned_pages = zone.managed_pages.counter, zone.present_pages, zone.spanned_pages
  rec.start_pfn, rec.free_pages = zone.zone_start_pfn, mmzone.page_state(zone, "NR_FREE_PAGES")
  rec.min_pages, rec.low_pages, rec.high_pages = mmzone.watermarks(zone)
  rec.free_blocks = mmzone.free_blocks(zone)
  rec.bytes = rec.managed_pages * object.handle(zone):info().page_size
  rec.what = ("node %d, %d of %d pages free (min %d low %d high %d), blocks %s"):format(node, rec.free_pages, rec.managed_pages,
    rec.min_pages,
    rec.low_pages, rec.high_pages, table.concat(rec.free_blocks, " "))
  return rec
end

local function zones(k, emit)
  for zone, node in require "kvm.linux.mmzone".for_each_populated_zone(k) do
    walk.part(emit, function() emit(zone_record(zone, node)) end)
  end
end

local function cache_record(k, cache)
  local slab = require "kvm.linux.slab"
  local rec = {kind = "slab", name = slab.name(cache), addr = object.addr(cache), object_bytes = cache.object_size, slot_bytes = cache.size}
  local per_slab, order = slab.objects_per_slab(cache)
  rec.objects_per_slab, rec.pages_per_slab = per_slab, 1 << order
  local usage, err = kvm_error.try(slab.usage, cache)
  if err then
    rec.partial = {"objects", "active", "slabs", "partial_slabs"}
    rec.what = tostring(err)
    return rec
  end
  rec.objects, rec.active, rec.slabs, rec.partial_slabs = usage.objects, usage.active, usage.slabs, usage.partial
  rec.bytes = usage.slabs * rec.pages_per_slab * k:info().page_size
  rec.count = usage.active
  rec.what = ("%d of %d objects of %d bytes, %d slabs of %d pages"):format(usage.active, usage.objects, rec.object_bytes, usage.slabs,
    rec.pages_per_slab)
  return rec
end

local function caches(k, emit, opts)
  local pattern = opts.name and words.glob(opts.name)
  for cache in require "kvm.linux.slab".for_each_slab_cache(k) do
    walk.part(emit, function()
      local rec = cache_record(k, cache)
      if not pattern or rec.name:find(pattern) then emit(rec) end
    end)
  end
end

local function events(k, emit)
  local names, values = {}, require "kvm.linux.vmstat".events(k)
  for name in pairs(values) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do emit {kind = "event", name = name, count = values[name]} end
end

--- The kernel's memory.
-- @param k an open handle
-- @tparam[opt] table opts slab, name (of caches), zones, events; none of them, or info: meminfo
-- @treturn function an iterator of records, by kind: "meminfo" (name, bytes, or count of huge pages), "zone" (name, node, bytes that it
--  manages, free_pages, managed_pages, present_pages, spanned_pages, start_pfn, min_pages, low_pages, high_pages, free_blocks by order),
--  "slab" (name, bytes, objects, active, slabs, partial_slabs, object_bytes, slot_bytes, objects_per_slab, pages_per_slab), "event"
--  (name, count); addr (of `struct zone` or `struct kmem_cache`), partial (keys that could not be read); what is damaged as kvm.cmd.walk
--  tells it
-- @raise kvm.Error
-- @usage for r in require "kvm.cmd.kmem".run(k) do assert(r.stopped or r.name) end
function M.run(k, opts)
  opts = opts or {}
  return walk.records(function(emit)
    if opts.slab or opts.name then walk.part(emit, caches, k, emit, opts) end
    if opts.zones then walk.part(emit, zones, k, emit) end
    if opts.events then walk.part(emit, events, k, emit) end
    if opts.info or not (opts.slab or opts.name or opts.zones or opts.events) then walk.part(emit, info, k, emit) end
  end)
end

return M
