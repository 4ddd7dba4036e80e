-- SPDX-License-Identifier: BSD-2-Clause
-- Memory that is short, or that one holder has too much of: how much is free, against the marks at which the kernel reclaims and fails,
-- and who holds the rest, by the counters of /proc/meminfo. Of each kind the largest are named.
local format = require "kvm.format"
local kvm_error = require "kvm.error"
local memory_holders = require "kvm.linux.check.memory_holders"
local meminfo = require "kvm.linux.meminfo"
local mmzone = require "kvm.linux.mmzone"
local object = require "kvm.object"

local M = {name = "memory", title = "memory that is short, or held by one"}

-- MemAvailable of all memory. What the kernel keeps for itself (totalreserve_pages) is not in it: at none, allocations fail or kill.
local EXHAUSTED <const>, SCARCE <const> = 0.02, 0.05
-- A share of memory that can be swapped out yet: it is slow, but not exhausted.
local SWAP_HELPS <const> = 0.10
local MOST_NAMED <const> = 3    -- of a kind

local function percent(n, of) return ("%.0f %%"):format(100 * n / math.max(of, 1)) end

local function named_text(item)
  if not item.bytes then return item.name end
  return ("%s %s%s"):format(item.name, format.size(item.bytes), item.count and (" in %d areas"):format(item.count) or "")
end

local function list_text(named)
  local out = {}
  for i, item in ipairs(named) do out[i] = named_text(item) end
  return table.concat(out, ", ")
end

-- The largest of a holder; why not, where they can't be read.
local function name_them(context, holder)
  local named, err = memory_holders.named(context, holder)
  holder.named, holder.err = {}, err
  for i, item in ipairs(named) do
    if i <= MOST_NAMED or not item.bytes then holder.named[i] = item end
  end
end

local function marks_of(k)
  local page, free, marks, lines = k:page_size(), 0, {min = 0, low = 0}, {}
  for zone, node in mmzone.for_each_populated_zone(k) do
    local own = mmzone.page_state(zone, "NR_FREE_PAGES")
    local min, low, high = mmzone.watermarks(zone)
    free, marks.min, marks.low = free + own, marks.min + min * page, marks.low + low * page
    lines[#lines + 1] = ("zone %s of node %d: %s free; marks: min %s, low %s, high %s"):format(object.string(zone.name), node,
      format.size(own * page), format.size(min * page), format.size(low * page), format.size(high * page))
  end
  return marks, lines
end

local function free_text(info)
  return ("%s of %s free, %s available"):format(format.size(info.MemFree), format.size(info.MemTotal), format.size(info.MemAvailable))
end

local function evidence_of(info, holders, zones)
  local out = {free_text(info)}
  if (info.SwapTotal or 0) > 0 then
    out[#out + 1] = ("%s of %s of swap free"):format(format.size(info.SwapFree or 0), format.size(info.SwapTotal))
  end
  table.move(zones, 1, #zones, #out + 1, out)
  for _, h in ipairs(holders) do
    local named = h.named[1] and ": " .. list_text(h.named) or h.err and (": not known who: %s"):format(h.err) or ""
    out[#out + 1] = ("%s, %s: %s%s"):format(format.size(h.bytes), percent(h.bytes, info.MemTotal), h.kind.what, named)
  end
  return out
end

-- Whose memory a holder's is, as lists of a finding, and a text of it: the largest one, or all of whom only the code tells.
local function blame(holder)
  local out, guilty = {pids = {}, modules = {}, functions = {}}, {}
  for i, item in ipairs(holder.named) do
    if i == 1 or i <= MOST_NAMED and not item.bytes then
      guilty[#guilty + 1] = named_text(item)
      for list, value in pairs {pids = item.pid or false, modules = item.module or false, functions = item.func or false} do
        if value then table.insert(out[list], value) end
      end
    end
  end
  return out, guilty[1] and ": " .. table.concat(guilty, "; ") or ""
end

local function shortage(info, marks)
  local share = info.MemAvailable / info.MemTotal
  if share >= SCARCE then return nil end
  local is_exhausted, below = share < EXHAUSTED and (info.SwapFree or 0) < SWAP_HELPS * info.MemTotal, ""
  if info.MemFree < marks.low then below = ", below the marks where it is reclaimed" end
  if info.MemFree < marks.min then below = ", below the marks where allocations must wait" end
  return is_exhausted and "error" or "warning", is_exhausted and "memory is exhausted" or "memory is short", below
end

local function say(report, fields, severity, confidence, title, evidence)
  fields.severity, fields.confidence, fields.title, fields.evidence = severity, confidence, title, evidence
  report(fields)
end

--- Tells of memory that is short, of one holder that has too much of it, or else where memory is.
-- @tparam table context what kvm.linux.check.context makes
-- @tparam function report called with each finding
-- @raise kvm.Error where the counters or the zones can't be read
-- @usage local context = require "kvm.linux.check.context".new(k)
-- require "kvm.linux.check.memory".run(context, function(f) assert(f.title) end)
function M.run(context, report)
  local k, info = context.k, meminfo.all(context.k)
  for _, name in ipairs {"MemTotal", "MemFree", "MemAvailable"} do
    if not info[name] then kvm_error.fail("notfound", "this kernel has no counters for %s", name) end
  end
  local marks, zones = marks_of(k)
  local holders = memory_holders.all(k, info)
  for _, h in ipairs(holders) do
    if h.kind ~= memory_holders.UNACCOUNTED or h.bytes >= h.kind.dominates * info.MemTotal then name_them(context, h) else h.named = {} end
  end
  local evidence = evidence_of(info, holders, zones)
  local has_told = false
  local severity, what, below = shortage(info, marks)
  if severity then
    local fields, first = blame(holders[1])
    say(report, fields, severity, "certain", ("%s: %s%s; most is %s, %s%s"):format(what, free_text(info), below,
      holders[1].kind.what, percent(holders[1].bytes, info.MemTotal), first), evidence)
    has_told = true
  end
  for _, h in ipairs(holders) do
    if h.kind.dominates and h.bytes >= h.kind.dominates * info.MemTotal then
      local fields, first = blame(h)
      say(report, fields, "warning", h.kind == memory_holders.UNACCOUNTED and "possible" or "certain",
        ("%s: %s, %s of all memory%s"):format(h.kind.what, format.size(h.bytes), percent(h.bytes, info.MemTotal), first), evidence)
      has_told = true
    end
  end
  if has_told then return end
  say(report, {}, "info", "certain", ("%s of %s of memory available (%s); most of the rest is %s"):format(format.size(info.MemAvailable),
    format.size(info.MemTotal), percent(info.MemAvailable, info.MemTotal), holders[1].kind.what), evidence)
end

return M
