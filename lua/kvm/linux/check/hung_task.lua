-- SPDX-License-Identifier: BSD-2-Clause
-- Hung tasks: those that sleep where no signal wakes them (D) longer than the kernel's own limit, grouped by what they wait for and in
-- which function; with who holds the lock they all want.
local frames_of = require "kvm.linux.check.frames"
local lock_waits = require "kvm.linux.check.lock_waits"
local place = require "kvm.stack".place

local M = {name = "hung_task", title = "tasks that sleep uninterruptibly for too long"}

local DEFAULT_SECONDS <const> = 120 -- CONFIG_DEFAULT_HUNG_TASK_TIMEOUT, where the kernel's own watch is off
local NS <const> = 1000000000
local MOST_NAMED <const> = 10

-- A task that is frozen, or that says of its sleep that it is no load (I), hangs by intent.
local function limit_ns(context)
  local seconds = context:setting "sysctl_hung_task_timeout_secs"
  return (seconds and seconds > 0 and seconds or DEFAULT_SECONDS) * NS
end

local function key_of(wait, frames)
  if wait then return ("%s 0x%x %d"):format(wait.kind, wait.lock, wait.bit or 0) end
  local frame = frames_of.guilty(frames)
  return frame and frame.name or "?"
end

local function groups_of(context)
  local limit, by_task = limit_ns(context), select(2, lock_waits.all(context))
  local groups, list = {}, {}
  for _, t in ipairs(context:tasks()) do
    local ns = t.state == "D" and context:asleep_ns(t)
    if ns and ns >= limit then
      local wait, frames = by_task[t.addr], context:stack(t)
      local key = key_of(wait, frames)
      local group = groups[key]
      if not group then
        group = {wait = wait, tasks = {}, longest = 0}
        groups[key], list[#list + 1] = group, group
      end
      group.tasks[#group.tasks + 1] = {t = t, ns = ns}
      group.longest = math.max(group.longest, ns)
    end
  end
  table.sort(list, function(a, b)
    if #a.tasks ~= #b.tasks then return #a.tasks > #b.tasks end
    return a.longest > b.longest
  end)
  return list
end

local function add_owner(context, wait, evidence, pids)
  evidence[#evidence + 1] = "they wait for " .. (lock_waits.lock_text(context, wait))
  table.move(lock_waits.holders(context, wait), 1, 2, #evidence + 1, evidence)
  if not wait.owner then return end
  pids[#pids + 1] = wait.owner.pid
  evidence[#evidence + 1] = ("%s is in state %s:"):format(context:task_text(wait.owner), wait.owner.state)
  table.move(frames_of.lines(context:stack(wait.owner)), 1, 12, #evidence + 1, evidence)
end

local function add_once(list, value)
  for _, known in ipairs(list) do
    if known == value then return end
  end
  list[#list + 1] = value
end

-- Besides what is on the first one's stack: which functions of others want the same.
local function names_of(context, group, frames)
  local functions, modules = frames_of.names(frames)
  for i = 2, math.min(#group.tasks, MOST_NAMED) do
    local frame = frames_of.guilty(context:stack(group.tasks[i].t))
    if frame then
      add_once(functions, frames_of.plain(frame.name))
      if frame.module then add_once(modules, frame.module) end
    end
  end
  return functions, modules
end

local function finding(context, group)
  local evidence, pids = {}, {}
  table.sort(group.tasks, function(a, b) return a.ns > b.ns end)
  for i, entry in ipairs(group.tasks) do
    pids[i] = entry.t.pid
    if i <= MOST_NAMED then evidence[i] = ("%s for %.1f s"):format(context:task_text(entry.t), entry.ns / NS) end
  end
  if #group.tasks > MOST_NAMED then evidence[#evidence + 1] = ("and %d more"):format(#group.tasks - MOST_NAMED) end
  if group.wait then add_owner(context, group.wait, evidence, pids) end
  local first = group.tasks[1].t
  local frames = context:stack(first)
  evidence[#evidence + 1] = "stack of the first:"
  table.move(frames_of.lines(frames), 1, 12, #evidence + 1, evidence)
  local functions, modules = names_of(context, group, frames)
  local guilty = frames_of.guilty(frames)
  return {
    severity = "error", confidence = "certain", evidence = evidence, pids = pids, functions = functions, modules = modules,
    title = ("hung: %s%s in uninterruptible sleep for %.0f s in %s%s"):format(context:task_text(first),
      #group.tasks > 1 and (" and %d more"):format(#group.tasks - 1) or "", group.longest / NS, guilty and place(guilty)
        or "no known function", group.wait and ", for " .. select(2, lock_waits.lock_text(context, group.wait)) or ""),
  }
end

--- Tells of each group of hung tasks.
-- @tparam Context context
-- @tparam function report
-- @raise kvm.Error
-- @usage require "kvm.linux.check.hung_task".run(require "kvm.linux.check.context".new(k), function(f) assert(f.pids[1]) end)
function M.run(context, report)
  for _, group in ipairs(groups_of(context)) do report(finding(context, group)) end
end

return M
