-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm runq: what each CPU runs, and which tasks wait for it.
local cpumask = require "kvm.linux.cpumask"
local object = require "kvm.object"
local rq = require "kvm.linux.rq"
local walk = require "kvm.cmd.walk"

local M = {
  name = "runq",
  summary = "what CPUs run, and the tasks that wait for them",
  operands = {},
  options = {{flags = "-C --cpu", value = "CPU", type = "integer", help = "only this CPU"}},
  columns = {
    {name = "cpu", kind = "integer", title = "CPU", width = 4},
    {name = "class", kind = "string", title = "CLASS", width = 7, left = true},
    {name = "pid", kind = "integer", title = "PID", width = 7},
    {name = "comm", kind = "string", title = "COMM", width = 16, left = true},
    {name = "prio", kind = "integer", title = "PRIO", width = 4},
    {name = "delayed", kind = "boolean"},
    {name = "vruntime_ns", kind = "integer", title = "VRUNTIME", width = 16},
    {name = "deadline_ns", kind = "integer"},
    {name = "waiting_ns", kind = "integer", title = "WAITING", width = 12},
    {name = "run_delay_ns", kind = "integer"},
    {name = "load_avg", kind = "integer", title = "LOAD", width = 6},
    {name = "util_avg", kind = "integer", title = "UTIL", width = 5},
    {name = "cpu_load_avg", kind = "integer"},
    {name = "cpu_util_avg", kind = "integer"},
    {name = "uninterruptible", kind = "integer"},
    {name = "running", kind = "integer"},
    {name = "clock_ns", kind = "integer"},
    {name = "rq", kind = "hex"},
    {name = "addr", kind = "hex", title = "TASK", left = true, width = 18},
    {name = "partial", kind = "strings"},
  },
  no_match = "no CPU runs anything",
}

-- A number that goes below 0: an int since 6.14, a long that is not signed before.
local function uninterruptible(queue)
  return (queue.nr_uninterruptible + (1 << 31) & 0xffffffff) - (1 << 31)
end

local function record(cpu, queue, task, class, delayed, clock)
  local rec = {cpu = cpu, class = class, delayed = delayed, rq = object.addr(queue), addr = object.addr(task)}
  rec.pid = walk.field(rec, "pid", function() return task.pid end)
  rec.comm = walk.field(rec, "comm", function() return task.comm end)
  rec.prio = walk.field(rec, "prio", function() return task.prio end)
  rec.vruntime_ns = walk.field(rec, "vruntime_ns", function() return task.se.vruntime end)
  rec.waiting_ns, rec.run_delay_ns = walk.field(rec, "waiting_ns", function() return rq.delay(task, clock) end)
  rec.load_avg, rec.util_avg = walk.field(rec, "load_avg", function() return rq.load(task.se) end)
  if class == "dl" then rec.deadline_ns = walk.field(rec, "deadline_ns", function() return task.dl.deadline end) end
  return rec
end

--- What CPUs run, and who waits.
-- @param k an open handle
-- @tparam[opt] table opts cpu (number)
-- @treturn function an iterator of records: cpu, class ("current": it runs; "dl", "rt", "cfs": it waits), pid, comm, prio (0 to 139),
--  delayed (boolean: it sleeps, and will be taken off), vruntime_ns, deadline_ns (dl), waiting_ns (nil: it does not wait), run_delay_ns
--  (in all its life), load_avg (1024: a task of nice 0 that always wants to run), util_avg
--  (1024: all of a CPU), rq (`struct rq *`), addr (`struct task_struct *`); of the current one also running (tasks of the queue),
--  clock_ns (the queue's), cpu_load_avg, cpu_util_avg, uninterruptible (whose sum over all CPUs is a number of tasks); partial (keys that
--  could not be read); what is damaged as kvm.cmd.walk tells it
-- @raise kvm.Error
-- @usage for r in require "kvm.cmd.runq".run(k) do assert(r.stopped or r.cpu >= 0) end
function M.run(k, opts)
  opts = opts or {}
  return walk.records(function(emit)
    for _, cpu in ipairs(opts.cpu and {opts.cpu} or cpumask.of(k, "online")) do
      walk.part(emit, function()
        local queue = rq.of(k, cpu)
        local clock = queue.clock
        local current = record(cpu, queue, queue.curr, "current", false, clock)
        current.running, current.clock_ns = queue.nr_running, clock
        current.cpu_load_avg, current.cpu_util_avg = walk.field(current, "cpu_load_avg", rq.load, queue.cfs)
        -- how many more went to sleep uninterruptibly on this CPU than woke up here: only the sum over CPUs is a number of tasks
        current.uninterruptible = walk.field(current, "uninterruptible", uninterruptible, queue)
        emit(current)
        for task, class, delayed in rq.for_each_task(queue) do emit(record(cpu, queue, task, class, delayed, clock)) end
      end)
    end
  end)
end

return M
