-- SPDX-License-Identifier: BSD-2-Clause
-- RCU stalls: a grace period that has run longer than the kernel's own limit, and who holds it up: CPUs that were not seen outside of a
-- reader, and tasks that sleep or were preempted inside of one. Checked against Linux 5.10, 6.1, 6.12 and 7.2 (kernel/rcu/tree_stall.h).
local frames_of = require "kvm.linux.check.frames"
local object = require "kvm.object"
local place = require "kvm.stack".place
local rcupdate = require "kvm.linux.rcupdate"
local sched = require "kvm.linux.sched"

local M = {name = "rcu_stall", title = "a grace period of RCU that does not end"}

local NS <const> = 1000000000
local DEFAULT_SECONDS <const> = 21 -- CONFIG_RCU_CPU_STALL_TIMEOUT
local MOST_TASKS <const> = 8

local function blockers(context)
  local cpus, tasks = rcupdate.holdouts(context.k)
  local list = {}
  for _, task in ipairs(tasks) do
    local t = context:task_at(object.addr(task))
    if t and #list < MOST_TASKS then list[#list + 1] = {task = t, how = "is inside a reader and does not run"} end
  end
  for _, cpu in ipairs(cpus) do
    local t = context:task_at(sched.current(context.k, cpu))
    -- An idle CPU is seen by the next look at it; the one that panicked looks no more.
    if t and not t.idle then list[#list + 1] = {task = t, cpu = cpu,
      how = ("CPU %d, which runs it, has not passed a quiescent state"):format(cpu)} end
  end
  return list
end

local function finding(context, gp, list)
  local evidence = {("the grace period has run for %.1f s; its thread is in %s"):format(gp.age_ns / NS, gp.thread_state)}
  local pids, functions, modules, guilty = {}, {}, {}, nil
  for _, b in ipairs(list) do
    local frames = context:stack(b.task)
    local frame = frames_of.guilty(frames)
    pids[#pids + 1] = b.task.pid
    evidence[#evidence + 1] = ("%s: %s; its stack:"):format(context:task_text(b.task), b.how)
    table.move(frames_of.lines(frames, 8), 1, 9, #evidence + 1, evidence)
    if not guilty then
      guilty = frame
      functions, modules = frames_of.names(frames)
    end
  end
  local who = list[1]
  return {
    severity = "critical", confidence = who and "certain" or "likely", evidence = evidence, pids = pids, functions = functions,
      modules = modules,
    title = who and ("RCU stall: a grace period waits %.0f s for %s in %s"):format(gp.age_ns / NS, context:task_text(who.task)
      .. (who.cpu and (" on CPU %d"):format(who.cpu) or ""), guilty and place(guilty) or "no known function")
      or ("RCU stall: a grace period has run for %.0f s"):format(gp.age_ns / NS),
  }
end

--- Tells of a grace period that does not end.
-- @tparam Context context
-- @tparam function report
-- @raise kvm.Error
-- @usage require "kvm.linux.check.rcu_stall".run(require "kvm.linux.check.context".new(k), function(f) assert(f.severity == "critical")
-- end)
function M.run(context, report)
  local gp = rcupdate.grace_period(context.k)
  local limit = context:setting "rcu_cpu_stall_timeout"
  limit = (limit and limit > 0 and limit or DEFAULT_SECONDS) * NS
  if gp.running and gp.age_ns >= limit then report(finding(context, gp, blockers(context))) end
end

return M
