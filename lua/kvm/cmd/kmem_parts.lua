-- SPDX-License-Identifier: BSD-2-Clause
-- What kmem tells when asked to: a part for each option, which emits its records. No command: a helper of kmem.
local kvm_error = require "kvm.error"
local mmzone = require "kvm.linux.mmzone"
local object = require "kvm.object"
local slab = require "kvm.linux.slab"
local slub = require "kvm.linux.slub"
local tasks = require "kvm.cmd.tasks"
local walk = require "kvm.cmd.walk"
local words = require "kvm.cmd.words"

local M = {}

local function sorted(map)
  local names = {}
  for name in pairs(map) do names[#names + 1] = name end
  table.sort(names)
  return ipairs(names)
end

--- /proc/meminfo, line by line.
function M.info(k, emit)
  for name, value, err in require "kvm.linux.meminfo".for_each(k) do
    local is_count = name:find "^HugePages_" ~= nil
    emit {kind = "meminfo", name = name, bytes = not is_count and value or nil, count = is_count and value or nil,
      partial = err and {is_count and "count" or "bytes"} or nil, what = err and tostring(err) or ""}
  end
end

local function zone_record(zone, node)
  local rec = {kind = "zone", name = object.string(zone.name), node = node, addr = object.addr(zone)}
  rec.managed_pages, rec.present_pages, rec.spanned_pages = zone.managed_pages.counter, zone.present_pages, zone.spanned_pages
  rec.start_pfn, rec.free_pages = zone.zone_start_pfn, mmzone.page_state(zone, "NR_FREE_PAGES")
  rec.min_pages, rec.low_pages, rec.high_pages = mmzone.watermarks(zone)
  rec.free_blocks = mmzone.free_blocks(zone)
  rec.bytes = rec.managed_pages * object.handle(zone):page_size()
  rec.what = ("node %d, %d of %d pages free (min %d low %d high %d), blocks %s"):format(node, rec.free_pages, rec.managed_pages,
    rec.min_pages, rec.low_pages, rec.high_pages, table.concat(rec.free_blocks, " "))
  return rec
end

--- The zones that have memory.
function M.zones(k, emit)
  for zone, node in mmzone.for_each_populated_zone(k) do
    walk.part(emit, function() emit(zone_record(zone, node)) end)
  end
end

-- Counters of a node in pages, by the key of its record.
local NODE_COUNTERS <const> = {{"file", "NR_FILE_PAGES"}, {"anon", "NR_ANON_MAPPED"}, {"shmem", "NR_SHMEM"}, {"dirty", "NR_FILE_DIRTY"},
  {"slab_reclaimable", "NR_SLAB_RECLAIMABLE_B"}, {"slab_unreclaimable", "NR_SLAB_UNRECLAIMABLE_B"}}

local function add(sums, counts)
  for name, n in pairs(counts) do sums[name:lower()] = (sums[name:lower()] or 0) + n end
end

local function node_record(k, node)
  local number, list = node.node_id, {}
  local rec = {kind = "node", name = ("node %d"):format(number), node = number, addr = object.addr(node), pages = {}}
  rec.events = k:symbol "node_data" and {} -- CONFIG_NUMA
  rec.present_pages, rec.spanned_pages, rec.start_pfn = node.node_present_pages, node.node_spanned_pages, node.node_start_pfn
  rec.managed_pages, rec.free_pages = 0, 0
  for zone, its_node in mmzone.for_each_populated_zone(k) do
    if its_node == number then
      rec.managed_pages = rec.managed_pages + zone.managed_pages.counter
      rec.free_pages = rec.free_pages + mmzone.page_state(zone, "NR_FREE_PAGES")
      if rec.events then add(rec.events, mmzone.numa_events(zone)) end
    end
  end
  for _, counter in ipairs(NODE_COUNTERS) do rec.pages[counter[1]] = mmzone.node_state(node, counter[2]) end
  rec.bytes, rec.count = rec.managed_pages * k:page_size(), rec.free_pages
  for _, name in sorted(rec.pages) do list[#list + 1] = ("%s %d"):format(name, rec.pages[name]) end
  for _, name in sorted(rec.events or {}) do list[#list + 1] = ("%s %d"):format(name, rec.events[name]) end
  rec.what = ("%d of %d pages free, %s"):format(rec.free_pages, rec.managed_pages, table.concat(list, ", "))
  return rec
end

--- The nodes of memory.
function M.nodes(k, emit)
  for node in mmzone.for_each_node(k) do
    walk.part(emit, function() emit(node_record(k, node)) end)
  end
end

local function cache_record(k, cache)
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
  rec.bytes = usage.slabs * rec.pages_per_slab * k:page_size()
  rec.count = usage.active
  rec.what = ("%d of %d objects of %d bytes, %d slabs of %d pages"):format(usage.active, usage.objects, rec.object_bytes, usage.slabs,
    rec.pages_per_slab)
  return rec
end

-- Calls fn with each cache whose name matches a word, and its name.
local function with_caches(k, emit, word, fn)
  local pattern = word and words.glob(word)
  for cache in slab.for_each_slab_cache(k) do
    walk.part(emit, function()
      local name = slab.name(cache)
      if not pattern or name:find(pattern) then fn(cache, name) end
    end)
  end
end

--- The slab caches.
function M.caches(k, emit, opts)
  with_caches(k, emit, opts.name, function(cache) emit(cache_record(k, cache)) end)
end

local function object_words(state, cpu)
  if state ~= "kept" then return state end
  return cpu >= 0 and ("kept by CPU %d"):format(cpu) or "kept by its node"
end

--- The objects of the caches that match opts.objects.
function M.objects(k, emit, opts)
  local by_cache = slub.slabs_by_cache(k)
  with_caches(k, emit, opts.objects, function(cache, name)
    local bytes, kept = cache.object_size, slub.kept(cache)
    for s in slub.for_each_slab(cache, by_cache) do
      walk.part(emit, function()
        for at, state, cpu in slub.for_each_object(s, kept) do
          emit {kind = "object", name = name, addr = at, bytes = bytes, slab = object.addr(s), state = state, cpu = cpu,
            what = object_words(state, cpu)}
        end
      end)
    end
  end)
end

--- Whether the lists of free objects are whole, cache by cache.
function M.check(k, emit, opts)
  local by_cache = slub.slabs_by_cache(k)
  with_caches(k, emit, opts.name, function(cache, name)
    local slabs, free = slub.validate(cache, by_cache)
    if not slabs then error(free, 0) end
    emit {kind = "check", name = name, addr = object.addr(cache), slabs = slabs, count = free,
      what = ("%d slabs, %d free objects: whole"):format(slabs, free)}
  end)
end

--- The areas of vmalloc.
function M.areas(k, emit)
  local vmalloc = require "kvm.linux.vmalloc"
  local function each(step, state)
    for area in step do
      walk.part(emit, function()
        local rec = vmalloc.describe(area, state == "lazy")
        rec.kind, rec.name, rec.state = "area", rec.caller, rec.unready and "unready" or state
        rec.count = rec.pages
        rec.pages, rec.caller, rec.unready, rec.vm = nil, nil, nil, nil
        local made = table.concat(rec.kinds, " ") .. (rec.phys and (" of 0x%x"):format(rec.phys) or "")
        rec.what = rec.state == "used" and made or made == "" and rec.state or ("%s, %s"):format(made, rec.state)
        emit(rec)
      end)
    end
  end
  each(vmalloc.for_each_vmap_area(k), "used")
  each(vmalloc.for_each_lazy_area(k), "lazy")
end

--- How many pages have each flag and each type.
function M.page_flags(k, emit)
  local flags, kinds, total = require "kvm.linux.page_flags".count(k)
  emit {kind = "pages", name = "all", count = total, bytes = total * k:page_size()}
  for _, name in sorted(kinds) do emit {kind = "page_type", name = name, count = kinds[name]} end
  for _, name in sorted(flags) do emit {kind = "page_flag", name = name, count = flags[name]} end
end

--- What the bits of page flags are called: opts.flag_names.
function M.flag_names(k, emit, opts)
  for flags in words.each_number({opts.flag_names}, function(n) return n end) do
    local names = require "kvm.linux.page_flags".names(k, flags)
    emit {kind = "flags", name = ("0x%x"):format(flags), flags = names, what = table.concat(names, " ")}
  end
end

local function pool_record(pool, node)
  local usage = require "kvm.linux.hugetlb".usage(pool, node)
  local rec = {kind = "hugepages", name = pool.name, node = node, addr = object.addr(pool), count = usage.total,
    free_pages = usage.free, reserved_pages = usage.reserved, surplus_pages = usage.surplus, object_bytes = usage.bytes,
    bytes = usage.total * usage.bytes}
  rec.what = ("%s%d of %d free, %d surplus%s"):format(node and ("node %d, "):format(node) or "", usage.free, usage.total, usage.surplus,
    usage.reserved and (", %d reserved"):format(usage.reserved) or "")
  return rec
end

--- The pools of huge pages, of all nodes and of each.
function M.hugepages(k, emit)
  for pool in require "kvm.linux.hugetlb".for_each_hstate(k) do
    walk.part(emit, function()
      emit(pool_record(pool))
      for node in mmzone.for_each_node(k) do emit(pool_record(pool, node.node_id)) end
    end)
  end
end

--- The counters of events.
function M.events(k, emit)
  local values = require "kvm.linux.vmstat".events(k)
  for _, name in sorted(values) do emit {kind = "event", name = name, count = values[name]} end
end

local function page_words(r)
  local list = {("pfn 0x%x"):format(r.pfn)}
  if r.type then list[2] = r.type end
  if r.flags and r.flags[1] then list[#list + 1] = table.concat(r.flags, " ") end
  if r.mapping then list[#list + 1] = ("%s 0x%x, index %d"):format(r.anon and "anonymous" or "mapping", r.mapping, r.index) end
  if r.refcount then list[#list + 1] = ("%d references"):format(r.refcount) end
  return table.concat(list, " ")
end

-- What identify found, in words.
local IN_WORDS <const> = {
  symbol = function(r) return r.module and ("of module %s"):format(r.module) or "" end,
  module = function(r) return ("%d bytes of it"):format(r.bytes) end,
  percpu = function(r) return ("of CPU %d"):format(r.cpu) end,
  stack = function(r) return ("stack of %d %s"):format(r.pid, r.comm) end,
  slab = function(r)
    local state = r.state and object_words(r.state, r.cpu) or r.addr and "unknown" or "behind the last object"
    return ("slab 0x%x, %s%s"):format(r.slab, state, r.pid and (": %d %s"):format(r.pid, r.comm) or "")
  end,
  area = function(r) return ("%s, %d bytes"):format(table.concat(r.kinds, " "), r.bytes) end,
  ["user area"] = function(r) return ("%s, %d bytes"):format(r.permissions, r.bytes) end,
  mapped = function(r)
    local list = {}
    for i, pid in ipairs(r.pids) do list[i] = ("%d at 0x%x"):format(pid, r.places[i]) end
    return ("by %s"):format(table.concat(list, ", "))
  end,
  page = page_words,
  ["struct page"] = page_words,
}

--- What addresses are: opts.addrs, of the kernel or of opts.process.
function M.addresses(k, emit, opts)
  local identify, task = require "kvm.linux.identify", nil
  if opts.process then
    task = tasks.each(k, {opts.process})()
    if not task then kvm_error.fail("notfound", "there is no process %d", opts.process) end
  end
  for _, word in ipairs(opts.addrs) do
    local addr = math.type(word) == "integer" and word or words.address(k, word)
    local found, failed = (task and identify.user_address or identify.address)(k, addr, task)
    for _, r in ipairs(found) do
      r.what = ("+0x%x %s"):format(r.offset or 0, IN_WORDS[r.kind](r)):gsub(" +$", "")
      r.virtual, r.name = addr, r.name or ""
      emit(r)
    end
    for _, f in ipairs(failed) do emit {kind = f.kind, virtual = addr, name = "", what = tostring(f.error), partial = {"addr"}} end
    if not found[1] and not failed[1] then
      emit {kind = "unknown", virtual = addr, name = "", addr = addr, what = "nothing is known of it"}
    end
  end
end

return M
