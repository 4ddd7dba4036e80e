-- SPDX-License-Identifier: BSD-2-Clause
-- What the kernel has warned of and survived: WARNINGs and oopses in its log, each with its function, the module it was in and how often;
-- those that tell of damage (reference counts that saturated or fell below zero, lists) weigh more.
local frames_of = require "kvm.linux.check.frames"
local place = require "kvm.stack".place

local M = {name = "warning", title = "warnings and oopses in the log"}

local NS <const> = 1000000000
local MOST <const> = 20

-- What a reason or a kind means: severity and words.
local DAMAGE = {
  {"^refcount_t: saturated", "reference count overflow"}, {"^refcount_t: underflow", "reference count underflow"},
  {"^refcount_t: addition on 0", "use after free of a counted object"}, {"^refcount_t: ", "reference count damaged"},
  {"^list_%a+ corruption", "list corruption"}, {"^list_%a+ double add", "list corruption"}, {"^detected buffer overflow",
    "buffer overflow"},
}

local function damage_of(r)
  for _, d in ipairs(DAMAGE) do
    if (r.reason or ""):find(d[1]) then return d[2] end
  end
  if r.kind == "oops" or r.kind == "bug" or r.kind == "stack overflow" then return r.kind end
  return nil
end

local function stack_of(r)
  local frames = table.move(r.frames, 1, #r.frames, 1, {})
  if r.rip and (not frames[1] or frames[1].name ~= r.rip.name) then table.insert(frames, 1, r.rip) end
  return frames
end

local function groups_of(reports, is_panic)
  local list, by_key = {}, {}
  for i, r in ipairs(reports) do
    -- The last one is what the kernel died of: it has a finding of its own.
    local died = is_panic and i == #reports and r.kind ~= "warning"
    if not died and (r.kind == "warning" or damage_of(r)) then
      local frames = stack_of(r)
      local guilty = frames_of.guilty(frames)
      local key = (r.place or r.title) .. "\n" .. (guilty and guilty.name or "")
      local group = by_key[key]
      if not group then
        group = {first = r, frames = frames, guilty = guilty, count = 0}
        by_key[key], list[#list + 1] = group, group
      end
      group.count, group.last = group.count + 1, r
    end
  end
  return list
end

local function finding(group)
  local r, damage = group.first, damage_of(group.first)
  local functions, modules = frames_of.names(group.frames)
  local evidence = {("[%.6f] %s"):format(r.time_ns / NS, r.title)}
  if r.reason then table.insert(evidence, 1, ("[%.6f] %s"):format(r.time_ns / NS, r.reason)) end
  if group.count > 1 then evidence[#evidence + 1] = ("%d times, the last at %.6f s"):format(group.count, group.last.time_ns / NS) end
  table.move(frames_of.lines(group.frames), 1, 13, #evidence + 1, evidence)
  local where = group.guilty and place(group.guilty) or r.func or r.place or "?"
  local who = r.pid and ("pid %d%s"):format(r.pid, r.comm and (" (%s)"):format(r.comm) or "")
  return {
    severity = damage and "error" or "warning", confidence = "certain", evidence = evidence,
    pids = r.pid and {r.pid} or nil, functions = functions, modules = modules,
    title = ("%s in %s%s%s"):format(damage and damage .. (r.reason and ": " .. r.reason or "") or "kernel warning at " .. (r.place or "?"),
      where,
      who and ", " .. who or "", group.count > 1 and (", %d times"):format(group.count) or ""),
  }
end

--- Tells of each place that warned.
-- @tparam Context context
-- @tparam function report
-- @raise kvm.Error
-- @usage require "kvm.linux.check.warning".run(require "kvm.linux.check.context".new(k), function(f) assert(f.title) end)
function M.run(context, report)
  for i, group in ipairs(groups_of(context:reports(), context:is_panic())) do
    if i > MOST then return end
    report(finding(group))
  end
end

return M
