-- SPDX-License-Identifier: BSD-2-Clause
-- Slab caches that somebody wrote into: free lists that lead out of their slab or back (the pointers of CONFIG_SLAB_FREELIST_HARDENED are
-- read as the kernel reads them) or that have another length than the slab counts; and of caches that are debugged (slub_debug=Z, P)
-- red zones, padding and the poison of free objects that are overwritten. What a CPU that is inside of the allocator may have left half
-- done in a dump of a running machine is no damage. Checked against Linux 5.10, 6.1, 6.12 and 7.2.
local attempt = require "kvm.linux.check.attempt"
local blame = require "kvm.linux.check.slab_blame"
local in_flight = require "kvm.linux.check.in_flight"
local kvm_error = require "kvm.error"
local object = require "kvm.object"
local poison = require "kvm.linux.poison"
local slab = require "kvm.linux.slab"
local slab_marks = require "kvm.linux.check.slab_marks"
local slub = require "kvm.linux.slub"
local xref = require "kvm.linux.xref"

local M = {name = "slab_corruption", title = "slab caches that somebody wrote into"}

local MOST_SLABS <const> = 40000   -- whose free lists are looked at
local MOST_BYTES <const> = 1 << 27 -- of objects whose marks are looked at
local MOST_TOLD <const> = 3        -- damaged objects of a cache, with all that is known
local MOST_SHOWN <const> = 32      -- bytes of damage

-- Functions of mm/slub.c that change what is compared here.
local ALLOCATOR <const> = {"^_*slab_free", "^_*slab_alloc", "^_*kmem_cache_", "^_*kmalloc", "^kfree", "^_*krealloc", "^get_partial",
  "^deactivate_slab", "^free_to_partial", "^alloc_debug", "^free_debug", "^put_cpu_partial", "^unfreeze_partials", "^__put_partials",
  "^refill_", "^flush_", "^alloc_single_from", "^discard_slab", "^free_slab", "^new_slab", "^allocate_slab", "^init_object", "^barn_",
  "^rcu_free_sheaf", "^kvfree", "^__pcs_"}

local function hex(text)
  return (text:sub(1, MOST_SHOWN):gsub(".", function(c) return ("%02x "):format(c:byte()) end):sub(1, -2))
end

local function readable(text)
  return text:find "^[ -~]+$" and (' ("%s")'):format(text:sub(1, MOST_SHOWN)) or ""
end

-- What is in a cache that is damaged: lists and objects, with lines of evidence.
local function damage_of(cache, name) return {cache = cache, name = name, lists = {}, objects = {}, lines = {}} end

-- Objects of KFENCE lie in pages of their own behind this address, one in each; it has no list of them. 0: there are none.
local function kfence_pool(k)
  local symbol = k:symbol "__kfence_pool"
  return symbol and k:ptr(symbol.value) or 0
end

local function is_in_kfence(pool, slab_of)
  return pool ~= 0 and slab_of.objects == 1 and not math.ult(slub.objects(slab_of), pool)
end

local function note_object(found, at, state, marks)
  for _, damage in ipairs(marks) do
    found.objects[#found.objects + 1] = {at = at, state = state, damage = damage}
  end
end

-- The marks of all objects of a slab.
local function check_marks(found, marks, slab_of, free, kept, budget)
  local first, step, count = slub.objects(slab_of)
  local bytes_of = count * step
  if budget.bytes < bytes_of then
    budget.unlooked = budget.unlooked + count
    return
  end
  budget.bytes = budget.bytes - bytes_of
  local before = found.cache.red_left_pad or 0
  local bytes = kvm_error.check(object.handle(slab_of):read(first - before, bytes_of))
  local is_free = {}
  for _, at in ipairs(free) do is_free[at] = true end
  for i = 0, count - 1 do
    local at = first + i * step
    local state = (is_free[at] or kept[at]) and "free" or "used"
    local damage = slab_marks.damage(marks[state], bytes, i * step + before + 1)
    if damage then note_object(found, at, state, damage) end
  end
end

local function look_at(pool, found, by_cache, budget, attempts)
  local cache = found.cache
  local marks = slab_marks.of(cache)
  local kept, err = kvm_error.try(slub.kept, cache)
  if not kept then
    if err.code ~= "format" then error(err, 0) end
    found.lists[1] = err
  end
  for slab_of, free, why in slub.for_each_free_list(cache, kept or {}, by_cache) do
    budget.slabs = budget.slabs - 1
    if budget.slabs < 0 then
      budget.unlisted = budget.unlisted + 1
    elseif why and not is_in_kfence(pool, slab_of) then
      if why.code == "format" then found.lists[#found.lists + 1] = why else attempts:call(error, why, 0) end
    elseif marks and free and not is_in_kfence(pool, slab_of) then
      attempts:call(check_marks, found, marks, slab_of, free, kept or {}, budget)
    end
  end
end

-- --- words

local STATES <const> = {used = "in use", free = "free"}

local function kind_of(o)
  local what = o.damage.what
  if what == "poison of" then return ("freed object of %%s written to (use after free), %d bytes"):format(#o.damage.found) end
  return ("%s an object of %%s overwritten, %d bytes"):format(what, #o.damage.found)
end

local function object_lines(context, found, o, who)
  local lines, damage = found.lines, o.damage
  lines[#lines + 1] = ("object 0x%x of %s, %s: at 0x%x (its byte %d) there is %s%s instead of %s"):format(o.at, found.name, STATES[o.state],
    o.at + damage.offset, damage.offset, hex(damage.found), readable(damage.found), hex(damage.expected:sub(1, 1)))
  local own = slub.has_tracks(found.cache) and kvm_error.try(blame.of_object, context, found.cache, o.at, o.state == "free")
  if not own then return end
  table.move(own.evidence, 1, #own.evidence, #lines + 1, lines)
  for _, key in ipairs {"functions", "modules", "pids"} do
    for _, v in ipairs(own[key]) do
      if not who.seen[key .. tostring(v)] then
        who.seen[key .. tostring(v)] = true
        who[key][#who[key] + 1] = v
      end
    end
  end
  who.allocated, who.freed = who.allocated or own.allocated, who.freed or own.freed
end

-- What the word says that a list was led astray by: poison, or text.
local function list_lines(context, found, err)
  local lines = found.lines
  lines[#lines + 1] = tostring(err)
  local at = err.addr
  local bytes = at and context.k:read(at, math.min(found.cache.object_size, MOST_SHOWN))
  if bytes then lines[#lines + 1] = ("at 0x%x there is %s%s"):format(at, hex(bytes), readable(bytes)) end
  local value = bytes and #bytes >= 8 and poison.meaning((("<i8"):unpack(bytes)))
  if value then lines[#lines + 1] = value end
end

local function owner_of(context, found, shared, who)
  shared.parts = shared.parts or kvm_error.try(xref.parts, context.k) or {}
  local own = kvm_error.try(blame.of_cache, found.cache, shared.parts)
  if not own then return end
  who.functions, who.modules, who.variable = own.functions, own.modules, own.variable
  table.move(own.evidence, 1, #own.evidence, #found.lines + 1, found.lines)
end

local function by_whom(who, is_free)
  if is_free and who.freed then return (", freed by %s"):format(who.freed) end
  if who.allocated then return (", allocated by %s"):format(who.allocated) end
  return who.variable and (": the cache of %s"):format(who.variable) or ""
end

local function title_of(found, who)
  local first = found.objects[1]
  if first then
    local more = #found.objects > 1 and (" (and %d more)"):format(#found.objects - 1) or ""
    return "slab corruption: " .. kind_of(first):format(found.name) .. by_whom(who, first.state == "free") .. more
  end
  local lists = #found.lists == 1 and "the free list of a slab of %s is damaged%s"
    or ("the free lists of %d slabs of %%s are damaged%%s"):format(#found.lists)
  return "slab corruption: " .. lists:format(found.name, by_whom(who))
end

-- Whether all the damage may be what running CPUs have not finished: each can have left one list, or one object.
local function may_be_unfinished(context, found)
  if context:is_panic() then return nil end
  for _, err in ipairs(found.lists) do
    if not err.message:find "objects in use$" and not err.message:find "free objects, its list" then return nil end
  end
  local inside = in_flight.inside(context, ALLOCATOR)
  return #found.lists + #found.objects <= #inside and inside[1] or nil
end

local function tell(context, found, shared, report)
  local who = {functions = {}, modules = {}, pids = {}, seen = {}}
  for i = 1, math.min(#found.objects, MOST_TOLD) do object_lines(context, found, found.objects[i], who) end
  for i = 1, math.min(#found.lists, MOST_TOLD) do list_lines(context, found, found.lists[i]) end
  if not who.functions[1] then owner_of(context, found, shared, who) end
  local busy = may_be_unfinished(context, found)
  if busy then
    found.lines[#found.lines + 1] = ("%s is in %s on CPU %d, and may not have finished"):format(context:task_text(busy.task), busy.name,
      busy.task.on_cpu)
  end
  report {severity = busy and "info" or "critical", confidence = busy and "possible" or "certain", title = title_of(found, who),
    evidence = found.lines, functions = who.functions, modules = who.modules, pids = who.pids}
end

local LEFT_OUT <const> = {
  {"unlisted", "the free lists of %d slabs were not looked at: %d of them are the most", MOST_SLABS},
  {"unlooked", "the marks of %d objects were not looked at: %d bytes of them are the most", MOST_BYTES},
}

--- Tells of each cache that is damaged.
-- @tparam Context context
-- @tparam function report
-- @raise kvm.Error `format` where the list of caches is damaged; `fault`, `excluded`
-- @usage require "kvm.linux.check.slab_corruption".run(require "kvm.linux.check.context".new(k), function(f) assert(f.title) end)
function M.run(context, report)
  local by_cache, attempts, shared = slub.slabs_by_cache(context.k), attempt.new(), {}
  local pool = kfence_pool(context.k)
  local budget = {slabs = MOST_SLABS, bytes = MOST_BYTES, unlisted = 0, unlooked = 0}
  for cache in slab.for_each_slab_cache(context.k) do
    local found = damage_of(cache, slab.name(cache))
    attempts:call(look_at, pool, found, by_cache, budget, attempts)
    if found.lists[1] or found.objects[1] then attempts:call(tell, context, found, shared, report) end
  end
  for _, left in ipairs(LEFT_OUT) do
    if budget[left[1]] > 0 then
      report {severity = "info", confidence = "certain", title = left[2]:format(budget[left[1]], left[3]), evidence = {}}
    end
  end
  attempts:finish()
end

return M
