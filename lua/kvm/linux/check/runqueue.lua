-- SPDX-License-Identifier: BSD-2-Clause
-- CPUs that do not get on: tasks that are ready to run and do not get to, very long queues, and CPUs that have not looked at their clock
-- while others have: they take no interrupts. What a task waits is what the scheduler keeps of it (sched_info.last_queued) against the
-- clock of the CPU that looked at it last. Checked against Linux 5.10, 6.1, 6.12 and 7.2. Leaves out tasks of groups that have used up
-- their quota, which are in no queue.
local attempt = require "kvm.linux.check.attempt"
local cpumask = require "kvm.linux.cpumask"
local object = require "kvm.object"
local panic = require "kvm.linux.panic"
local rq = require "kvm.linux.rq"

local M = {name = "runqueue", title = "tasks that wait for a CPU"}

local S <const> = 1000000000
-- The scheduler lets every task of a normal queue run within fractions of a second; the lockup detector speaks after 20 s, that of hung
-- tasks after 120 s.
local WARNING_NS <const>, ERROR_NS <const> = 5 * S, 20 * S
local LONG_QUEUE <const> = 100  -- with slices of 3 ms each task runs three times a second at best
-- A running CPU looks at its clock at each tick, at least once a second (sched_tick_remote).
local STILL_NS <const>, STILL_ERROR_NS <const> = 5 * S, 10 * S
local MOST_LINES <const> = 10
-- include/uapi/linux/sched.h
local SCHED_IDLE <const>, POLICIES <const> = 5, {[0] = "normal", "FIFO", "round robin", "batch", "4", "idle", "deadline", "ext"}


local function text_of(task)
  return ("pid %d (%s), policy %s, prio %d"):format(task.pid, task.comm, POLICIES[task.policy] or tostring(task.policy), task.prio)
end

-- What a CPU runs and since when.
local function current_text(queue, now)
  local current = queue.curr
  local _, since = pcall(function() return current.sched_info.last_arrival end)
  local run = math.type(since) == "integer" and since ~= 0 and (" since %.1f s"):format(math.max(now - since, 0) / S) or ""
  return "it runs " .. text_of(current) .. run
end

local function is_idle(queue) return object.addr(queue.curr) == object.addr(queue.idle) end

-- A CPU that panics prints with interrupts off, which takes long on a slow console: of that one it is no news.
local function check_clock(report, cpu, queue, now, panicked)
  local behind = now - queue.clock
  if behind < STILL_NS or is_idle(queue) then return end
  local severity = cpu == panicked and "info" or behind >= STILL_ERROR_NS and "error" or "warning"
  report {severity = severity, confidence = "certain", pids = {queue.curr.pid},
    title = ("the clock of CPU %d has stood still for %.1f s, while it runs pid %d (%s)"):format(cpu, behind / S, queue.curr.pid,
      queue.curr.comm), evidence = {("its run queue's clock is %.3f s, the latest of all CPUs %.3f s"):format(queue.clock / S, now / S),
      current_text(queue, now)}}
end

local function check_length(report, cpu, queue, now)
  local count = queue.nr_running
  if count < LONG_QUEUE then return end
  report {severity = "warning", confidence = "certain", title = ("CPU %d has %d tasks that want to run"):format(cpu, count),
    evidence = {("nr_running of the run queue at 0x%x is %d"):format(object.addr(queue), count), current_text(queue, now)}}
end

-- The tasks of a queue that have waited too long, the longest first. Tasks of SCHED_IDLE may have to wait for all others.
local function starved(queue, now)
  local out = {}
  for task, class, is_delayed in rq.for_each_task(queue) do
    local ns = not is_delayed and rq.delay(task, now)
    if ns and ns >= WARNING_NS and task.policy ~= SCHED_IDLE then out[#out + 1] = {task = task, class = class, ns = ns} end
  end
  table.sort(out, function(a, b) return a.ns > b.ns end)
  return out
end

local function check_waits(report, cpu, queue, now)
  local waiting = starved(queue, now)
  if #waiting == 0 then return end
  local lines, pids = {current_text(queue, now)}, {queue.curr.pid}
  for i, w in ipairs(waiting) do
    pids[i + 1] = w.task.pid
    if i <= MOST_LINES then lines[#lines + 1] = ("%s has waited in queue %s for %.1f s"):format(text_of(w.task), w.class, w.ns / S) end
  end
  local first = waiting[1]
  report {severity = first.ns >= ERROR_NS and "error" or "warning", confidence = "certain", pids = pids, evidence = lines,
    title = ("%d tasks do not get to run on CPU %d, pid %d (%s) for %.1f s; pid %d (%s) runs"):format(#waiting, cpu, first.task.pid,
      first.task.comm, first.ns / S, queue.curr.pid, queue.curr.comm)}
end

--- Looks at the run queues of all CPUs.
-- @param context of the checks
-- @tparam function report takes findings
-- @raise kvm.Error what was damaged, behind what was found
function M.run(context, report)
  local k, attempts = context.k, attempt.new()
  local now, panicked = rq.latest(k), attempts:call(panic.cpu, k)
  for _, cpu in ipairs(cpumask.of(k, "online")) do
    local queue = attempts:call(rq.of, k, cpu)
    for _, check in ipairs(queue and {check_clock, check_length, check_waits} or {}) do
      attempts:call(check, report, cpu, queue, now, panicked)
    end
  end
  attempts:finish()
end

return M
