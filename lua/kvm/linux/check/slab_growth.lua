-- SPDX-License-Identifier: BSD-2-Clause
-- A slab cache that holds an abnormal share of memory, and who allocates from it. What is told of who: most what the kernel noted itself
-- (slub_debug=U), then whose cache it is, which module's variables lead to its objects, what the objects point to, at last which
-- modules from outside of the kernel have code that allocates from it.
local blame = require "kvm.linux.check.slab_blame"
local format = require "kvm.format"
local jiffies = require "kvm.linux.jiffies"
local kvm_error = require "kvm.error"
local mm = require "kvm.linux.mm"
local module = require "kvm.linux.module"
local object = require "kvm.object"
local slab_users = require "kvm.linux.slab_users"
local slub = require "kvm.linux.slub"
local xref = require "kvm.linux.xref"

local M = {name = "slab_growth", title = "slab caches that hold an abnormal share of memory"}

-- Shares of memory from which on one cache is abnormal. Machines at rest have some percent in their largest one; those of many files
-- hold a third in dentries and inodes, which the kernel takes back when it needs memory.
local UNRECLAIMABLE <const>, RECLAIMABLE <const> = 0.15, 0.50
-- Of what can't be taken back: where a quarter is gone, more will be; where half is, little else can run.
local GRAVE <const>, FATAL <const> = 0.25, 0.50
local MOST_CACHES <const> = 3    -- that are told of
local SAMPLE <const> = 512       -- objects, from all over the cache: a share is true within 5 %
local MOST_FOLLOWED <const> = 20000 -- objects of one list
local MOST <const> = 0.5         -- of the sample: what holds for that many holds for the cache
local MANY_REACHED <const> = 0.2 -- of the objects: a variable that leads to them
local MOST_NAMED <const> = 6     -- functions and the like in one line

local function percent(n, of) return ("%.0f %%"):format(100 * n / math.max(of, 1)) end

local function names(list, form)
  local out = {}
  for i, item in ipairs(list) do
    if i > MOST_NAMED then
      out[#out + 1] = ("%d more"):format(#list - MOST_NAMED)
      break
    end
    out[i] = form and form(item) or item
  end
  return table.concat(out, ", ")
end

local source_name, with_module, culprit = blame.source_name, blame.with_module, blame.culprit

local function abnormal(context, total)
  local out = {}
  for _, c in ipairs(context:slab_caches()) do
    local share = c.bytes / total
    if share >= (c.is_reclaimable and RECLAIMABLE or UNRECLAIMABLE) then
      out[#out + 1] = setmetatable({share = share}, {__index = c})
    end
  end
  table.sort(out, function(a, b) return a.bytes > b.bytes end)
  return out
end

-- --- who: each gives {confidence=, who= (a part of the title), modules=, functions=, pids=} or nil, and adds lines of evidence

local function most_frequent(counts)
  local best
  for key, n in pairs(counts) do
    if not best or n > counts[best] then best = key end
  end
  return best
end

local function by_tracks(c, add)
  if not slub.has_tracks(c.cache) then
    add("who allocated the objects was not noted (slub_debug=U)")
    return nil
  end
  local counts, pids, first = {}, {}, {}
  local oldest, newest, now, tick_ns = nil, nil, jiffies.now(c.k), jiffies.tick_ns(c.k)
  for _, at in ipairs(c.sample) do
    local track = slub.allocated_by(c.cache, at)
    local symbol = culprit(c.k, track)
    if symbol then
      local key = with_module(symbol.name, symbol.module)
      counts[key], pids[track.pid] = (counts[key] or 0) + 1, (pids[track.pid] or 0) + 1
      first[key] = first[key] or {symbol = symbol, track = track, at = at}
      local age = now - track.jiffies
      oldest, newest = math.max(oldest or age, age), math.min(newest or age, age)
    end
  end
  local best = most_frequent(counts)
  if not best then return nil end
  local found, n = first[best], counts[best]
  add("noted of %d objects: %s allocated %d of them", #c.sample, best, n)
  add("as the one at 0x%x: %s", found.at, names(found.track.stack, c.place))
  add("they were allocated between %s and %s before the dump, %s of them by pid %d", format.duration(oldest * tick_ns),
    format.duration(newest * tick_ns), percent(pids[most_frequent(pids)], #c.sample), most_frequent(pids))
  if n < MOST * #c.sample then return nil end
  return {confidence = "certain", who = ("%s allocated %s of its objects"):format(best, percent(n, #c.sample)),
    functions = {source_name(found.symbol.name)}, modules = {found.symbol.module}, pids = {most_frequent(pids)}}
end

-- The functions of a module that allocate from the cache.
local function functions_of(c, owner)
  local out = {}
  for _, f in ipairs(c.allocators) do
    if f.module == owner then out[#out + 1] = source_name(f.name) end
  end
  return out
end

-- A module is named on some evidence, and with it those of its functions that allocate from the cache.
local function charge(c, confidence, form, what, owner)
  local own = functions_of(c, owner)
  local who = form:format(with_module(what, owner))
  if own[1] then who = ("%s; %s allocates from it"):format(who, names(own)) end
  return {confidence = confidence, who = who, functions = own, modules = {owner}}
end

local function by_holder(c, add)
  local owners, first = {}, nil
  for _, holder in ipairs(c.holders) do
    if holder.module then
      add("%s at 0x%x holds the cache's address", with_module(holder.name or "?", holder.module), holder.addr)
      if not owners[holder.module] then owners[#owners + 1] = holder.module end
      owners[holder.module], first = true, first or holder
    end
  end
  if #owners ~= 1 then return nil end -- caches of the same size are merged
  return charge(c, "likely", "%s refers to it", first.name or "a variable", first.module)
end

local function by_variable(c, add)
  local best = slab_users.variables(c.cache, MOST_FOLLOWED, c.parts)[1]
  if not best or best.count < MANY_REACHED * math.min(c.objects, MOST_FOLLOWED) then return nil end
  add("%s, at 0x%x, leads to %s%d of the objects", with_module(best.name or "a variable", best.module), best.addr,
    best.count == MOST_FOLLOWED and "at least " or "", best.count)
  return charge(c, "likely", "%s leads to its objects", best.name or "a variable", best.module)
end

local function by_pointer(c, add)
  local found
  for _, p in ipairs(slab_users.pointers(c.cache, c.sample)) do
    if p.count < MOST * #c.sample then break end
    add("%d of %d objects have a pointer to %s, at their byte %d", p.count, #c.sample, with_module(p.name, p.module), p.offset)
    found = found or p.module and p
  end
  return found and charge(c, "likely", "its objects point to %s", found.name, found.module)
end

-- Whether a frame of a task is in a function that allocates from the cache.
local function on_stack(context, functions)
  for _, t in ipairs(context:tasks()) do
    for _, frame in ipairs(kvm_error.try(context.stack, context, t) or {}) do
      for _, f in ipairs(functions) do
        if frame.name == f.name and frame.module == f.module then return t, f end
      end
    end
  end
  return nil
end

-- Functions of modules from outside of the kernel's tree.
local function from_outside(k, functions)
  local outside, out = {}, {}
  for m in k:modules() do outside[m.name] = module.taints(k, m.addr):find "O" ~= nil end
  for _, f in ipairs(functions) do
    if f.module and outside[f.module] then out[#out + 1] = f end
  end
  return out
end

local function text_of(f) return with_module(f.name, f.module) end

local function by_code(c, add, context)
  local suspects, how = from_outside(c.k, c.allocators), "allocate from it"
  local is_kmalloc = c.holders[1] and slab_users.is_kmalloc(c.k, c.holders[1])
  if not suspects[1] and is_kmalloc then
    suspects, how = from_outside(c.k, slab_users.by_size(c.k, c.parts)), "call kmalloc, of a size that is known at run time"
  end
  if not suspects[1] then return nil end
  add("of modules from outside of the kernel's tree these functions %s: %s", how, names(suspects, text_of))
  local t, f = on_stack(context, suspects)
  if t then
    add("task %d (%s) is in %s", t.pid, t.comm, text_of(f))
    return {confidence = "likely", who = ("task %d (%s) is in %s, one of those that %s"):format(t.pid, t.comm, text_of(f), how),
      functions = {source_name(f.name)}, modules = {f.module}, pids = {t.pid}}
  end
  local functions, owners, seen = {}, {}, {}
  for i, suspect in ipairs(suspects) do
    functions[i] = source_name(suspect.name)
    if not seen[suspect.module] then owners[#owners + 1], seen[suspect.module] = suspect.module, true end
  end
  return {confidence = "possible", who = ("of modules from outside of the tree these %s: %s"):format(how, names(suspects, text_of)),
    functions = functions, modules = owners}
end

local FINDERS <const> = {by_tracks, by_holder, by_variable, by_pointer, by_code}

-- What the finders need; a part that can't be had is empty, and the finding says why.
local function prepare(c, shared, add)
  local function ask(what, f, ...)
    local value, err = kvm_error.try(f, ...)
    if err then add("%s: %s", what, err) end
    return value or {}
  end
  shared.parts = shared.parts or ask("code and data could not be found", xref.parts, c.k)
  shared.by_cache = shared.by_cache or ask("slabs could not be found", slub.slabs_by_cache, c.k)
  c.parts = shared.parts
  c.sample = ask("the objects could not be looked at", slab_users.sample, c.cache, shared.by_cache, SAMPLE)
  c.holders = ask("variables could not be looked at", slab_users.holders, c.cache, c.parts)
  c.allocators = ask("code could not be looked at", slab_users.allocators, c.cache, c.holders, c.parts)
end

local function investigate(context, c, shared, add)
  c.k, c.place = context.k, function(addr) return context:symbol_text(addr) end
  prepare(c, shared, add)
  for _, find in ipairs(FINDERS) do
    local found, err = kvm_error.try(find, c, add, context)
    if found then return found end
    if err then add("not all could be asked: %s", err) end
  end
  return {confidence = "certain", who = "who allocated its objects is not known"}
end

local function severity_of(c)
  if c.is_reclaimable or c.share < GRAVE then return "warning" end
  return c.share < FATAL and "error" or "critical"
end

--- Tells of slab caches that hold an abnormal share of memory.
-- @tparam table context what kvm.linux.check.context makes
-- @tparam function report called with each finding
-- @raise kvm.Error `format` where the list of caches is damaged; `fault`, `excluded`
-- @usage local context = require "kvm.linux.check.context".new(k)
-- require "kvm.linux.check.slab_growth".run(context, function(f) assert(f.title) end)
function M.run(context, report)
  local k = context.k
  local total = mm.totalram_bytes(k)
  local caches = abnormal(context, total)
  local shared = {}
  for i = 1, math.min(#caches, MOST_CACHES) do
    local c, evidence = caches[i], {}
    local function add(form, ...) evidence[#evidence + 1] = form:format(...) end
    add("kmem_cache %s at 0x%x: %d objects of %d bytes in %s of slabs, of %s of memory; %s", c.name, object.addr(c.cache),
      c.objects, c.cache.object_size, format.size(c.bytes), format.size(total), c.is_reclaimable and "reclaimable" or "not reclaimable")
    local found = investigate(context, c, shared, add)
    report {
      severity = severity_of(c), confidence = found.confidence,
      title = ("slab cache %s holds %s, %s of memory: %s"):format(c.name, format.size(c.bytes), percent(c.bytes, total), found.who),
      evidence = evidence, pids = found.pids, modules = found.modules, functions = found.functions,
    }
  end
end

return M
