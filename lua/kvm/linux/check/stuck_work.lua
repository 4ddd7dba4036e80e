-- SPDX-License-Identifier: BSD-2-Clause
-- Works that do not end while others wait for them: behind them in a workqueue that runs no more of its works at once (max_active), or in
-- a pool that makes no progress. Checked against Linux 5.10, 6.1, 6.12 and 7.2 (kernel/workqueue.c).
local frames_of = require "kvm.linux.check.frames"
local object = require "kvm.object"
local workqueue = require "kvm.linux.workqueue"

local M = {name = "stuck_work", title = "works that do not end"}

local NS <const> = 1000000000
local LATE_NS <const> = 10 * NS  -- works are for what ends soon
local STUCK_NS <const> = 30 * NS -- wq_watchdog_thresh, after which the kernel itself complains
local MOST_WAITING <const> = 1000

-- The functions of what a step gives, and their number.
local function waiting(step, out)
  for work in step do
    out.count = out.count + 1
    if out.count > MOST_WAITING then return end
    local func = workqueue.func(work)
    out.by_func[func] = (out.by_func[func] or 0) + 1
  end
end

-- What waits in the worker's own workqueue until it has done its work.
local function behind(worker)
  local out = {count = 0, by_func = {}}
  local pwq = worker.current_pwq
  if pwq then waiting(workqueue.for_each_inactive(pwq), out) end
  return out
end

local function words(out)
  local list = {}
  for func, n in pairs(out.by_func) do list[#list + 1] = n > 1 and ("%s (%d)"):format(func, n) or func end
  table.sort(list)
  return table.concat(list, ", ", 1, math.min(#list, 10))
end

local function waiting_text(n)
  return n == 1 and "1 work waits behind it" or ("%d works wait behind it"):format(n)
end

local function module_of(context, worker)
  local symbol = context.k:symbol(context.k:ptr(object.addr(worker, "current_func")))
  return symbol and symbol.module
end

local function finding(context, t, worker, run, age, queued)
  local frames = context:stack(t)
  local name = run.wq and workqueue.name(run.wq) or "?"
  local evidence = {
    ("workqueue %s: %s has run for %.1f s in %s (state %s)"):format(name, run.func, age / NS, context:task_text(t), t.state),
    ("%s: %s"):format(waiting_text(queued.count), words(queued)), "stack:",
  }
  table.move(frames_of.lines(frames), 1, 12, #evidence + 1, evidence)
  local functions, modules = frames_of.names(frames)
  local own = module_of(context, worker)
  if functions[1] ~= run.func then table.insert(functions, 1, run.func) end
  if own and modules[1] ~= own then table.insert(modules, 1, own) end
  return {
    severity = age >= STUCK_NS and "error" or "warning", confidence = "certain", evidence = evidence, pids = {t.pid}, functions = functions,
    modules = modules,
    title = ("stuck work: %s%s on workqueue %s has not ended for %.0f s, %s"):format(run.func, own and (" [%s]"):format(own) or "", name,
      age / NS, waiting_text(queued.count)),
  }
end

--- Tells of each work that others wait for.
-- @tparam Context context
-- @tparam function report
-- @raise kvm.Error
-- @usage require "kvm.linux.check.stuck_work".run(require "kvm.linux.check.context".new(k), function(f) assert(f.functions[1]) end)
function M.run(context, report)
  for pool in workqueue.for_each_pool(context.k) do
    if not workqueue.is_bh(pool) then
      for worker in workqueue.for_each_worker(pool) do
        local run, task = workqueue.running(worker), worker.task
        local t = run and task and context:task_at(object.addr(task))
        local age = t and (run.age_ns or context:asleep_ns(t))
        if age and age >= LATE_NS then
          local queued = behind(worker)
          if queued.count > 0 then report(finding(context, t, worker, run, age, queued)) end
        end
      end
    end
  end
end

return M
