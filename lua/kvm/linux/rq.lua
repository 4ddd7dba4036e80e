-- SPDX-License-Identifier: BSD-2-Clause
-- kernel/sched/sched.h: the run queues of the CPUs, with the tasks that wait on them: CFS (EEVDF since 6.6), real time, deadline. The
-- running task is in no queue. A task that sleeps but was not yet taken off (since 6.12, sched_delayed) is told as delayed. Checked
-- against Linux 5.10, 6.1, 6.12 and 7.2.
local cpumask = require "kvm.linux.cpumask"
local kvm_error = require "kvm.error"
local list = require "kvm.linux.list"
local object = require "kvm.object"
local percpu = require "kvm.linux.percpu"
local rbtree = require "kvm.linux.rbtree"
local types = require "kvm.type"

local M = {}

local MOST <const>, MAX_DEPTH <const> = 1 << 22, 64 -- tasks of a queue; groups in groups
local TASK <const> = "struct task_struct"

--- The run queue of a CPU.
-- @param k an open handle
-- @tparam integer cpu
-- @return `struct rq`
-- @raise kvm.Error `inval` for a CPU that the kernel can't have
-- @usage assert(kvm.linux.rq.of(k, 0).cpu == 0)
function M.of(k, cpu)
  return percpu.per_cpu(k, "runqueues", cpu, "struct rq")
end

local function has(o, member) return object.typeof(o):strip():field(member) ~= nil end

local function check_depth(queue, depth)
  if depth > MAX_DEPTH then
    error(kvm_error.new {code = "format", addr = object.addr(queue),
      message = ("run queue 0x%x: groups are nested deeper than %d"):format(object.addr(queue), MAX_DEPTH)}, 0)
  end
end

local fair
function fair(queue, depth)
  check_depth(queue, depth)
  local function visit(entity)
    local group = has(entity, "my_q") and entity.my_q -- CONFIG_FAIR_GROUP_SCHED
    if group then return fair(group, depth + 1) end
    coroutine.yield(object.container_of(entity, TASK, "se"), "cfs", has(entity, "sched_delayed") and entity.sched_delayed ~= 0)
  end
  for entity in rbtree.for_each_entry("struct sched_entity", queue.tasks_timeline, "run_node", MOST) do visit(entity) end
  -- The running task's groups are in no tree, but others of them wait.
  local current = queue.curr
  if current and has(current, "my_q") and current.my_q then fair(current.my_q, depth + 1) end
end

local realtime
function realtime(queue, depth)
  check_depth(queue, depth)
  local heads = queue.active.queue
  for i = 0, #heads - 1 do
    if not list.empty(heads[i]) then
      for entity in list.for_each_entry("struct sched_rt_entity", heads[i], "run_list", MOST) do
        local group = has(entity, "my_q") and entity.my_q -- CONFIG_RT_GROUP_SCHED
        if group then
          realtime(group, depth + 1)
        else
          coroutine.yield(object.container_of(entity, TASK, "rt"), "rt", false)
        end
      end
    end
  end
end

local function deadline(queue)
  for entity in rbtree.for_each_entry("struct sched_dl_entity", queue.root, "rb_node", MOST) do
    -- Since 6.8 a queue can be served by a deadline entity, which is no task.
    if not has(entity, "dl_server") or entity.dl_server == 0 then
      coroutine.yield(object.container_of(entity, TASK, "dl"), "dl", false)
    end
  end
end

--- The tasks that wait on a run queue, in the order of their queues; of CFS in that of its tree.
-- @param rq `struct rq`
-- @treturn function an iterator of `struct task_struct`, class ("dl", "rt", "cfs") and whether it is delayed (it sleeps)
-- @raise kvm.Error `format` where a queue is damaged; `fault`, `excluded`
-- @usage for task, class in kvm.linux.rq.for_each_task(kvm.linux.rq.of(k, 0)) do assert(task.pid and class) end
function M.for_each_task(rq)
  return coroutine.wrap(function()
    deadline(rq.dl)
    realtime(rq.rt, 1)
    fair(rq.cfs, 1)
  end)
end

--- The clock of the run queues: that of the CPU which has looked at it last.
-- @param k an open handle
-- @treturn integer nanoseconds (rq.clock, with what interrupts took)
-- @raise kvm.Error
-- @usage assert(kvm.linux.rq.latest(k) > 0)
function M.latest(k)
  local latest = 0
  for _, cpu in ipairs(cpumask.of(k, "online")) do latest = math.max(latest, M.of(k, cpu).clock) end
  return latest
end

--- The clock of tasks: that of the CPU which has looked at it last; a CPU that sleeps leaves its own behind.
-- @param k an open handle
-- @treturn integer nanoseconds (rq.clock_task: without what interrupts took)
-- @raise kvm.Error
-- @usage assert(kvm.linux.rq.clock(k) > 0)
function M.clock(k)
  local latest = 0
  for _, cpu in ipairs(cpumask.of(k, "online")) do latest = math.max(latest, M.of(k, cpu).clock_task) end
  return latest
end

--- How long a task has not run.
-- @param task `struct task_struct`
-- @tparam integer now what clock gives
-- @treturn ?integer nanoseconds; nil of one that is running or in a run queue, or never ran
-- @raise kvm.Error
-- @usage local ns = kvm.linux.rq.asleep(k:object("init_task"), kvm.linux.rq.clock(k)) assert(not ns or ns >= 0)
function M.asleep(task, now)
  local last = task.se.exec_start
  if task.on_rq ~= 0 or last == 0 then return nil end
  return math.max(now - last, 0)
end

--- What load there is of a task or a CPU, as the scheduler decays it (kernel/sched/pelt.c).
-- @param of `struct sched_entity` (of a task: `task.se`) or `struct cfs_rq` (of a CPU: `rq.cfs`)
-- @treturn integer load_avg: 1024 is a task of nice 0 that always wants to run
-- @treturn integer util_avg: 1024 is all of a CPU
-- @raise kvm.Error `notfound`: this kernel keeps none (CONFIG_SMP)
-- @usage local load, util = kvm.linux.rq.load(kvm.linux.rq.of(k, 0).cfs) assert(load >= 0 and util >= 0)
function M.load(of)
  if not has(of, "avg") then kvm_error.fail("notfound", "this kernel keeps no load (CONFIG_SMP)") end
  return of.avg.load_avg, of.avg.util_avg
end

--- How long a task has waited for a CPU, and how long it did so in its life.
-- @param task `struct task_struct`
-- @tparam integer clock the run queue's clock (rq.clock), nanoseconds
-- @treturn integer nanoseconds since it was queued; nil when it runs or sleeps
-- @treturn integer nanoseconds in all (run_delay)
-- @raise kvm.Error `notfound`: this kernel keeps none (CONFIG_SCHED_INFO)
-- @usage assert(select(2, kvm.linux.rq.delay(k:object("init_task"), 0)) >= 0)
function M.delay(task, clock)
  if types.of(object.handle(task), "struct sched_info"):size() == 0 then
    kvm_error.fail("notfound", "this kernel has no delays of tasks (CONFIG_SCHED_INFO)")
  end
  local info = task.sched_info
  local since = info.last_queued
  return since ~= 0 and math.max(clock - since, 0) or nil, info.run_delay
end

--- Makes a function that tells when a task was last on a CPU, as far as the scheduler keeps it: from sched_info.last_arrival (when it came
-- to the CPU; kernel/sched/stats.h, sched_info_arrive) until se.exec_start (when its time was last counted, which is also done when it
-- leaves; kernel/sched/fair.c, update_curr). The former is by the clock of the run queue, the latter by clock_task, which leaves out what
-- interrupts took: it is moved by how far the two clocks of that CPU are apart at the end. So a moment long ago can be late by what
-- interrupts took since.
-- @param k an open handle
-- @treturn function takes a task (`struct task_struct`) and its CPU (number); returns two integers, nanoseconds by the clock of that CPU's
-- run queue (rq.clock), the second nil of one that is on the CPU; nil of one that never ran. It raises kvm.Error, `notfound` where this
-- kernel keeps no such times (CONFIG_SCHED_INFO)
-- @raise kvm.Error
-- @usage local read = kvm.linux.rq.last_run_reader(k)
-- local from, to = read(k:object "init_task", 0) assert(not to or from <= to)
function M.last_run_reader(k)
  local queues = {}
  for _, cpu in ipairs(cpumask.of(k, "online")) do
    local queue = M.of(k, cpu)
    queues[cpu] = {clock = queue.clock, behind = queue.clock - queue.clock_task, curr = object.addr(queue.curr)}
  end
  return function(task, cpu)
    if types.of(object.handle(task), "struct sched_info"):size() == 0 then
      kvm_error.fail("notfound", "this kernel does not keep when tasks ran (CONFIG_SCHED_INFO)")
    end
    local queue, from = queues[cpu], task.sched_info.last_arrival
    if from == 0 or not queue then return nil end
    if object.addr(task) == queue.curr then return from, nil end
    return from, math.max(from, math.min(task.se.exec_start + queue.behind, queue.clock))
  end
end

return M
