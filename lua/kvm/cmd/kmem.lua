-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm kmem: the kernel's memory: /proc/meminfo remade, zones and nodes, slab caches and their objects, areas of vmalloc, pages by their
-- flags, huge pages, counters; what an address is.
local parts = require "kvm.cmd.kmem_parts"
local walk = require "kvm.cmd.walk"

local M = {
  name = "kmem",
  summary = "kernel memory: meminfo, zones, slabs, vmalloc, pages; what an address is",
  operands = {{key = "addrs", name = "ADDR|SYMBOL", many = true, optional = true}},
  options = {
    {flags = "-p --process", value = "PID", type = "integer", help = "ADDR is of this process's user space"},
    {flags = "-i --info", help = "/proc/meminfo remade (the default)"},
    {flags = "-s --slab", help = "slab caches"},
    {flags = "-S --objects", value = "CACHE", help = "the objects of a slab cache, used and free; * stands for any text"},
    {flags = "-c --check", help = "whether the lists of free objects of the slab caches are whole"},
    {flags = "-n --name", value = "NAME", help = "with --slab or --check: only this cache; * stands for any text"},
    {flags = "-v --vmalloc", help = "areas of vmalloc, as /proc/vmallocinfo has them"},
    {flags = "-g --page-flags", help = "how many pages have each flag and each type"},
    {flags = "-F --flag-names", value = "FLAGS", help = "what the bits of a struct page's flags are called"},
    {flags = "-z --zones", help = "zones, with watermarks and free blocks by order"},
    {flags = "--nodes", help = "nodes, with what they are used for"},
    {flags = "--hugepages", help = "pools of huge pages"},
    {flags = "-V --events", help = "counters of events, as /proc/vmstat has them"},
  },
  columns = {
    {name = "kind", kind = "string", title = "KIND", width = 11, left = true},
    {name = "name", kind = "string", title = "NAME", width = 26, left = true},
    {name = "virtual", kind = "hex"},
    {name = "bytes", kind = "size", title = "SIZE", width = 8},
    {name = "count", kind = "integer", title = "COUNT", width = 10},
    {name = "node", kind = "integer"},
    {name = "cpu", kind = "integer"},
    {name = "free_pages", kind = "integer"},
    {name = "reserved_pages", kind = "integer"},
    {name = "surplus_pages", kind = "integer"},
    {name = "managed_pages", kind = "integer"},
    {name = "present_pages", kind = "integer"},
    {name = "spanned_pages", kind = "integer"},
    {name = "start_pfn", kind = "integer"},
    {name = "min_pages", kind = "integer"},
    {name = "low_pages", kind = "integer"},
    {name = "high_pages", kind = "integer"},
    {name = "free_blocks", kind = "numbers"},
    {name = "pages", kind = "counts"},
    {name = "events", kind = "counts"},
    {name = "objects", kind = "integer"},
    {name = "active", kind = "integer"},
    {name = "slabs", kind = "integer"},
    {name = "partial_slabs", kind = "integer"},
    {name = "object_bytes", kind = "integer"},
    {name = "slot_bytes", kind = "integer"},
    {name = "objects_per_slab", kind = "integer"},
    {name = "pages_per_slab", kind = "integer"},
    {name = "state", kind = "string"},
    {name = "slab", kind = "hex"},
    {name = "offset", kind = "integer"},
    {name = "index", kind = "integer"},
    {name = "module", kind = "string"},
    {name = "task", kind = "hex"},
    {name = "pid", kind = "integer"},
    {name = "comm", kind = "string"},
    {name = "pids", kind = "numbers"},
    {name = "places", kind = "hexes"},
    {name = "kinds", kind = "strings"},
    {name = "permissions", kind = "string"},
    {name = "phys", kind = "hex"},
    {name = "pfn", kind = "integer"},
    {name = "flags", kind = "strings"},
    {name = "type", kind = "string"},
    {name = "refcount", kind = "integer"},
    {name = "mapcount", kind = "integer"},
    {name = "mapping", kind = "hex"},
    {name = "anon", kind = "boolean"},
    {name = "head", kind = "hex"},
    {name = "page_bytes", kind = "integer"},
    {name = "entry", kind = "hex"},
    {name = "addr", kind = "hex", title = "ADDRESS", width = 18, left = true},
    {name = "partial", kind = "strings"},
    {name = "what", kind = "string", title = "DETAILS", left = true, width = 0, json = false},
  },
  no_match = "there is none",
}

-- In the order in which they are told.
local PARTS <const> = {{"addrs", parts.addresses}, {"slab", parts.caches}, {"objects", parts.objects}, {"check", parts.check},
  {"vmalloc", parts.areas}, {"page_flags", parts.page_flags}, {"flag_names", parts.flag_names}, {"zones", parts.zones},
  {"nodes", parts.nodes}, {"hugepages", parts.hugepages}, {"events", parts.events}, {"info", parts.info}}

local function is_asked(value) return value and (type(value) ~= "table" or value[1] ~= nil) end

--- The kernel's memory.
-- @param k an open handle
-- @tparam[opt] table opts addrs ({integer|string,...}: as a person types them), process (id: whose they are), slab, objects (a cache),
--  check, name (of caches), vmalloc, page_flags, flag_names (hexadecimal), zones, nodes, hugepages, events; none of them, or info: meminfo
-- @treturn function an iterator of records, by kind: "meminfo" (name, bytes, or count of huge pages), "zone" (name, node, bytes that it
--  manages, free_pages, managed_pages, present_pages, spanned_pages, start_pfn, min_pages, low_pages, high_pages, free_blocks by order),
--  "node" (as a zone, without marks; pages: numbers by what they are used for, events: numbers by the name of enum numa_stat_item),
--  "slab" (name, bytes, objects, active, slabs, partial_slabs, object_bytes, slot_bytes, objects_per_slab, pages_per_slab), "object"
--  (name of the cache, addr, bytes, slab, state: "used", "free", or "kept" by cpu or, -1, a node), "check" (name, slabs, count of free
--  objects), "area" (name: who made it, addr, bytes, count of pages, kinds, phys, state: "used", "lazy", "unready"), "pages", "page_type"
--  and "page_flag" (name, count), "flags" (flags: names), "hugepages" (name, node, count, free_pages, reserved_pages, surplus_pages,
--  object_bytes: of a page), "event" (name, count); of an address (virtual) what kvm.linux.identify tells, or "unknown"; addr (of `struct
--  zone`, `struct kmem_cache` ...), partial (keys that could not be read); what is damaged as kvm.cmd.walk tells it
-- @raise kvm.Error
-- @usage for r in require "kvm.cmd.kmem".run(k) do assert(r.stopped or r.name) end
-- @usage for r in require "kvm.cmd.kmem".run(k, {addrs = {"linux_banner"}}) do assert(r.kind == "symbol") break end
function M.run(k, opts)
  opts = opts or {}
  if opts.name and not opts.check then opts = setmetatable({slab = true}, {__index = opts}) end
  local asked = {}
  for _, part in ipairs(PARTS) do
    if is_asked(opts[part[1]]) then asked[#asked + 1] = part[2] end
  end
  if not asked[1] then asked[1] = parts.info end
  return walk.records(function(emit)
    for _, part in ipairs(asked) do walk.part(emit, part, k, emit, opts) end
  end)
end

return M
