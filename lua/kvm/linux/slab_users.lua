-- SPDX-License-Identifier: BSD-2-Clause
-- Who uses a slab cache: the variables that lead to it, the functions that allocate from it, what its objects point to, and the variables
-- that lead to its objects. A function allocates from a cache where it loads the cache's address from a variable and calls an allocator;
-- of kmalloc's caches (kmalloc_caches) it does so where the compiler knew the size. Checked against Linux 5.10, 6.1, 6.12 and 7.2.
-- Leaves out code that has the cache's address from elsewhere: of a size known at run time only, or from a struct.
local kvm_error = require "kvm.error"
local kallsyms = require "kvm.linux.kallsyms"
local object = require "kvm.object"
local page_flags = require "kvm.linux.page_flags"
local pagemap = require "kvm.linux.pagemap"
local slub = require "kvm.linux.slub"
local types = require "kvm.type"
local xref = require "kvm.linux.xref"

local M = {}

-- What a cache is handed to, newest first; 6.10 gave all of them a second name (7bd230a26648).
local ALLOCATORS <const> = {"__kmalloc_cache", "__kmalloc_cache_node", "kmalloc_trace", "kmalloc_node_trace", "kmem_cache_alloc",
  "kmem_cache_alloc_node", "kmem_cache_alloc_lru", "kmem_cache_alloc_bulk", "kmem_cache_alloc_trace", "kmem_cache_alloc_node_trace"}
-- Those of kmalloc that are handed a size alone.
local BY_SIZE <const> = {"__kmalloc", "__kmalloc_noprof", "__kmalloc_node", "__kmalloc_node_noprof", "__kmalloc_track_caller",
  "__kmalloc_node_track_caller", "__kmalloc_node_track_caller_noprof", "__kvmalloc_node_noprof", "kvmalloc_node", "kmemdup",
  "kmemdup_noprof"}
local OBJECT_MOST <const> = 4096 -- bytes of an object that are looked at

local function allocators(k)
  local out = {}
  for _, name in ipairs(ALLOCATORS) do
    for _, suffix in ipairs {"", "_noprof"} do
      local symbol = k:symbol(name .. suffix)
      if symbol then out[symbol.value] = symbol.name end
    end
  end
  return out
end

local function within(addr, symbol) return symbol and math.ult(addr - symbol.value, symbol.size) end

--- The variables that hold a cache's address.
-- @param cache `struct kmem_cache`
-- @tparam[opt] {table,...} parts what kvm.linux.xref.parts gives
-- @treturn {table,...} addr, name (of the variable; nil: no symbol is there), module (nil: the kernel itself)
-- @raise kvm.Error
-- @usage local found = kvm.linux.slab_users.holders(kvm.linux.slab.find_slab_cache(k, "task_struct"))
-- for _, holder in ipairs(found) do assert(k:ptr(holder.addr) ~= 0) end
function M.holders(cache, parts)
  local k, out = object.handle(cache), {}
  for _, part in ipairs(parts or xref.parts(k)) do
    for _, at in ipairs(xref.words(k, part, object.addr(cache))) do
      local symbol = k:symbol(at)
      out[#out + 1] = {addr = at, name = symbol and symbol.name, module = part.module}
    end
  end
  return out
end

-- The loads of wanted variables, and the calls of allocators, in a part's code; by the address where their function starts.
local function by_function(k, part, variables, called)
  local targets, out = {}, {}
  for addr in pairs(variables) do targets[addr] = "load" end
  for addr in pairs(called) do targets[addr] = "branch" end
  local found = xref.references(k, part, targets)
  table.sort(found, function(a, b) return a.addr < b.addr end)
  for _, r in ipairs(found) do
    local symbol = targets[r.target] == r.kind and k:symbol(r.addr)
    if symbol then
      local f = out[symbol.value] or {name = symbol.name, module = part.module}
      out[symbol.value] = f
      if r.kind == "load" then
        f.addr, f.variable = f.addr or r.addr, f.variable or variables[r.target].name
      elseif f.addr then
        f.allocator = f.allocator or called[r.target] -- the first one behind the load
      end
    end
  end
  return out
end

--- The functions that allocate from a cache.
-- @param cache `struct kmem_cache`
-- @tparam {table,...} holders what `holders` gives
-- @tparam[opt] {table,...} parts what kvm.linux.xref.parts gives
-- @treturn {table,...} name (of the function), addr (of the load in it), module (nil: the kernel itself), variable (that the cache's
--  address comes from), allocator (that it calls behind that); by address
-- @raise kvm.Error `unsupported` on other machines than x86-64
-- @usage local cache = kvm.linux.slab.find_slab_cache(k, "task_struct")
-- for _, f in ipairs(kvm.linux.slab_users.allocators(cache, kvm.linux.slab_users.holders(cache))) do assert(f.name and f.allocator) end
function M.allocators(cache, holders, parts)
  local k = object.handle(cache)
  local variables, called, out = {}, allocators(k), {}
  for _, holder in ipairs(holders) do variables[holder.addr] = holder end
  for _, part in ipairs(parts or xref.parts(k)) do
    for _, f in pairs(by_function(k, part, variables, called)) do
      if f.allocator then out[#out + 1] = f end
    end
  end
  table.sort(out, function(a, b) return math.ult(a.addr, b.addr) end)
  return out
end

--- The functions of modules that call kmalloc with a size that the compiler did not know, and so may allocate from any cache of it.
-- @param k an open handle
-- @tparam[opt] {table,...} parts what kvm.linux.xref.parts gives
-- @treturn {table,...} as kvm.linux.xref.callers gives them
-- @raise kvm.Error `unsupported` on other machines than x86-64
-- @usage for _, f in ipairs(kvm.linux.slab_users.by_size(k)) do assert(f.module and f.callee) end
function M.by_size(k, parts)
  local out = {}
  for _, part in ipairs(parts or xref.parts(k)) do
    for _, f in ipairs(part.module and xref.callers(k, part, BY_SIZE) or {}) do out[#out + 1] = f end
  end
  return out
end

--- Whether a variable is one of kmalloc's, which all code shares.
-- @param k an open handle
-- @tparam table holder one of `holders`
-- @treturn boolean
-- @usage assert(kvm.linux.slab_users.is_kmalloc(k, {addr = k:symbol("kmalloc_caches").value}))
function M.is_kmalloc(k, holder)
  return within(holder.addr, k:symbol "kmalloc_caches") or within(holder.addr, k:symbol "kmalloc_buckets") or false
end

--- Used objects of a cache, from all over its slabs.
-- @param cache `struct kmem_cache`
-- @tparam table by_cache what kvm.linux.slub.slabs_by_cache gives
-- @tparam integer most how many
-- @treturn {integer,...} addresses. Of slabs whose lists can't be read none are given
-- @raise kvm.Error `fault`, `excluded`
-- @usage local cache = kvm.linux.slab.find_slab_cache(k, "task_struct")
-- assert(#kvm.linux.slab_users.sample(cache, kvm.linux.slub.slabs_by_cache(k), 5) <= 5)
function M.sample(cache, by_cache, most)
  local k = object.handle(cache)
  local own, t, out = by_cache[object.addr(cache)] or {}, types.of(k, k:type "struct slab" and "struct slab" or "struct page"), {}
  local kept = slub.kept(cache)
  local wanted = math.min(#own, most)
  local each = math.max(1, most // math.max(wanted, 1))
  for i = 0, wanted - 1 do
    local slab = k:object(own[1 + i * #own // wanted], t)
    local ok, step = pcall(slub.for_each_object, slab, kept)
    local n = 0
    for at, state in ok and step or next, {} do
      if state == "used" and n < each then
        n = n + 1
        out[#out + 1] = at
      end
    end
  end
  return out
end

-- The symbol or the module's memory that an address is in.
local function named(k, addr)
  local symbol, offset = k:symbol(addr)
  if not symbol then return nil end
  return symbol.name, symbol.module, offset
end

--- What objects point to in the kernel's and its modules' code and data.
-- @param cache `struct kmem_cache`
-- @tparam {integer,...} objects addresses, as `sample` gives them
-- @treturn {table,...} name (of a symbol), module (nil: the kernel itself), count (of objects that point there), offset (where the first
--  one does, in the object); the most frequent first
-- @raise kvm.Error
-- @usage local cache = kvm.linux.slab.find_slab_cache(k, "task_struct")
-- for _, p in ipairs(kvm.linux.slab_users.pointers(cache, {})) do assert(p.count > 0) end
function M.pointers(cache, objects)
  local k, by_name, out = object.handle(cache), {}, {}
  local bytes, first = math.min(cache.object_size, OBJECT_MOST), kallsyms.address(k, "_text")
  for _, at in ipairs(objects) do
    local contents, seen = k:read(at, bytes), {}
    for place = 1, contents and bytes - 7 or 0, 8 do
      local word = string.unpack("<i8", contents, place)
      local name, module
      if word < 0 and word >= first and word < -4096 then name, module = named(k, word) end -- the kernel's text and modules lie on top
      local key = name and name .. " " .. (module or "")
      if key and not seen[key] then
        seen[key] = true
        local rec = by_name[key]
        if not rec then
          rec = {name = name, module = module, count = 0, offset = place - 1}
          by_name[key], out[#out + 1] = rec, rec
        end
        rec.count = rec.count + 1
      end
    end
  end
  table.sort(out, function(a, b)
    if a.count ~= b.count then return a.count > b.count end
    return a.name < b.name
  end)
  return out
end

-- Whether an address is in an object of a cache, and where in it: a function, that remembers what all calls need.
local function member_of(cache)
  local k, wanted = object.handle(cache), object.addr(cache)
  local base = k:u64(kallsyms.address(k, "page_offset_base"))
  local pages, page_size = k:u64(kallsyms.address(k, "max_pfn")), k:page_size()
  local slab_cache = types.offsetof(k, k:type "struct slab" and "struct slab" or "struct page", "slab_cache")
  local cached, size, pad = {}, cache.size, cache.red_left_pad or 0
  return function(addr)
    local pfn = (addr - base) // page_size
    if addr >= 0 or addr & 7 ~= 0 or addr < base or pfn >= pages then return nil end
    local start = cached[pfn]
    if start == nil then
      local head = kvm_error.try(page_flags.page_slab, k, pagemap.pfn_to_page(k, pfn)) -- the map of pages has holes
      start = head and k:ptr(head + slab_cache) == wanted and base + pagemap.page_to_pfn(k, head) * page_size + pad
      cached[pfn] = start
    end
    return start and (addr - start) % size
  end
end

-- How many objects can be reached from one by the word at the same place of each; at most MOST.
local function chain(k, first, offset_of, most)
  local place, seen, n, at = offset_of(first), {}, 0, first
  while at and n < most and not seen[at] and offset_of(at) == place do
    seen[at], n = true, n + 1
    local bytes = k:read(at, 8)
    at = bytes and string.unpack("<i8", bytes)
  end
  return n
end

--- The variables of modules that lead to objects of a cache: heads of lists, tables of them, single pointers.
-- @param cache `struct kmem_cache`
-- @tparam integer most of objects that are followed from one variable
-- @tparam[opt] {table,...} parts what kvm.linux.xref.parts gives
-- @treturn {table,...} name (of the variable; nil: no symbol is there), addr (of its first pointer to an object), module, count (of
--  objects, at least), the most first
-- @raise kvm.Error
-- @usage local cache = kvm.linux.slab.find_slab_cache(k, "task_struct")
-- for _, v in ipairs(kvm.linux.slab_users.variables(cache, 10)) do assert(v.count > 0) end
function M.variables(cache, most, parts)
  local k, out = object.handle(cache), {}
  local offset_of = member_of(cache)
  for _, part in ipairs(parts or xref.parts(k)) do
    local by_name = {}
    for at, word in part.module and xref.for_each_word(k, part) or next, {} do
      if word < 0 and offset_of(word) then
        local name = named(k, at)
        local rec = by_name[name or ""]
        if not rec then
          rec = {name = name, addr = at, module = part.module, count = 0}
          by_name[name or ""], out[#out + 1] = rec, rec
        end
        -- A list has two ends, which lead to the same objects.
        local n = chain(k, word, offset_of, most)
        rec.count = at == rec.addr + 8 and math.max(rec.count, n) or math.min(rec.count + n, most)
      end
    end
  end
  table.sort(out, function(a, b)
    if a.count ~= b.count then return a.count > b.count end
    return a.addr < b.addr
  end)
  return out
end

return M
