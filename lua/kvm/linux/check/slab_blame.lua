-- SPDX-License-Identifier: BSD-2-Clause
-- Who has to do with an object of a slab cache: who allocated and who freed it, where the kernel notes that (slub_debug=U); else whose
-- cache it is: the module whose variables hold its address, and the functions that allocate from it.
local format = require "kvm.format"
local jiffies = require "kvm.linux.jiffies"
local kvm_error = require "kvm.error"
local object = require "kvm.object"
local slab_users = require "kvm.linux.slab_users"
local slub = require "kvm.linux.slub"

local M = {}

local MOST_FRAMES <const> = 6 -- of a stack in one line

--- The name in the source of what the compiler made a copy of.
-- @tparam string name "f.constprop.0", "f.isra.0", "f.cold"
-- @treturn string "f"
-- @usage assert(require "kvm.linux.check.slab_blame".source_name "f.isra.0" == "f")
function M.source_name(name) return name:match "^[^.]+" or name end

--- A name with its module.
-- @tparam string name
-- @tparam ?string owner nil: the kernel itself
-- @treturn string "f [module]"
-- @usage assert(require "kvm.linux.check.slab_blame".with_module("f", "m") == "f [m]")
function M.with_module(name, owner) return owner and ("%s [%s]"):format(name, owner) or name end

--- The function that an allocation was for.
-- @param k an open handle
-- @tparam table track what kvm.linux.slub.allocated_by gives
-- @treturn ?table symbol: of the caller of the allocator where a module has it, else the innermost function of a module, else the caller
-- @usage assert(require "kvm.linux.check.slab_blame".culprit(k, {stack = {}, addr = 0}) == nil)
function M.culprit(k, track)
  local caller = k:symbol(track.addr)
  if caller and caller.module then return caller end
  for _, addr in ipairs(track.stack) do
    local symbol = k:symbol(addr)
    if symbol and symbol.module then return symbol end
  end
  return caller
end

local function track_line(context, verb, track)
  local k, stack = context.k, {}
  for i, addr in ipairs(track.stack) do
    if i > MOST_FRAMES then break end
    stack[i] = context:symbol_text(addr)
  end
  local ns = (jiffies.now(k) - track.jiffies) * jiffies.tick_ns(k)
  return ("%s by %s, pid %d on CPU %d, %s before the dump%s"):format(verb, context:symbol_text(track.addr), track.pid, track.cpu,
    format.duration(ns), stack[1] and ": " .. table.concat(stack, ", ") or "")
end

local function add_new(out, value)
  for _, v in ipairs(out) do
    if v == value then return end
  end
  out[#out + 1] = value
end

local TRACKS <const> = {{"allocated", slub.allocated_by, "allocated"}, {"freed", slub.freed_by, "freed, before it was allocated again,"}}

--- Who allocated and freed an object, of a cache that notes it (kvm.linux.slub.has_tracks).
-- @tparam Context context
-- @param cache `struct kmem_cache`
-- @tparam integer at address of the object
-- @tparam boolean is_free who freed one that is in use again is told, as evidence alone
-- @treturn table functions, modules (of the culprits), pids, evidence (lines), allocated and freed (text: "f [module]"; nil: not noted)
-- @raise kvm.Error
-- @usage local cache = kvm.linux.slab.find_slab_cache(k, "task_struct")
-- if kvm.linux.slub.has_tracks(cache) then assert(require "kvm.linux.check.slab_blame".of_object) end
function M.of_object(context, cache, at, is_free)
  local who = {functions = {}, modules = {}, pids = {}, evidence = {}}
  for _, entry in ipairs(TRACKS) do
    local verb, track = entry[1], entry[2](cache, at)
    local symbol = track.addr ~= 0 and M.culprit(context.k, track)
    if symbol then
      who.evidence[#who.evidence + 1] = track_line(context, is_free and verb or entry[3], track)
      if is_free or verb == "allocated" then
        who[verb] = M.with_module(symbol.name, symbol.module)
        add_new(who.functions, M.source_name(symbol.name))
        if symbol.module then add_new(who.modules, symbol.module) end
        add_new(who.pids, track.pid)
      end
    end
  end
  return who
end

--- Whose cache it is.
-- @param cache `struct kmem_cache`
-- @tparam {table,...} parts what kvm.linux.xref.parts gives
-- @treturn table functions (that allocate from it), modules, evidence (lines), variable (text: "v [module]"): all empty where all the
--  kernel uses it, or only the kernel itself
-- @raise kvm.Error
-- @usage local cache = kvm.linux.slab.find_slab_cache(k, "task_struct")
-- assert(#require "kvm.linux.check.slab_blame".of_cache(cache, kvm.linux.xref.parts(k)).modules == 0)
function M.of_cache(cache, parts)
  local k, who = object.handle(cache), {functions = {}, modules = {}, evidence = {}}
  local holders = slab_users.holders(cache, parts)
  for _, holder in ipairs(holders) do
    if holder.module then
      who.variable = who.variable or M.with_module(holder.name or "a variable", holder.module)
      add_new(who.modules, holder.module)
    end
  end
  if not who.variable or slab_users.is_kmalloc(k, holders[1]) then return {functions = {}, modules = {}, evidence = {}} end
  who.evidence[1] = ("%s holds the cache's address"):format(who.variable)
  for _, f in ipairs(kvm_error.try(slab_users.allocators, cache, holders, parts) or {}) do
    if f.module then add_new(who.functions, M.source_name(f.name)) end
  end
  if who.functions[1] then who.evidence[2] = table.concat(who.functions, ", ") .. " allocates from it" end
  return who
end

return M
