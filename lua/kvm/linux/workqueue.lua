-- SPDX-License-Identifier: BSD-2-Clause
-- linux/workqueue.h, kernel/workqueue.c: workqueues, the pools of workers that serve them, what workers run, what waits. A workqueue has a
-- pool_workqueue for each pool that serves it: those of its CPUs, or of groups of CPUs (unbound). Checked against Linux 5.10, 6.1, 6.12
-- and 7.2.
local idr = require "kvm.linux.idr"
local jiffies = require "kvm.linux.jiffies"
local kallsyms = require "kvm.linux.kallsyms"
local kvm_error = require "kvm.error"
local list = require "kvm.linux.list"
local object = require "kvm.object"
local timer = require "kvm.linux.timer"
local types = require "kvm.type"

local M = {}

local MOST <const> = 1 << 20
local IDLE <const> = 1 << 2 -- WORKER_IDLE: macros and enum alike
-- WORK_STRUCT_PWQ, and how many bits are below the address of a pool_workqueue where no enum tells (WORK_STRUCT_FLAG_BITS until 6.8,
-- without CONFIG_DEBUG_OBJECTS_WORK, which takes one more).
local DATA_IS_PWQ <const>, PWQ_SHIFT_OF_OLD <const> = 1 << 2, 8

-- Bits of flags by name (include/linux/workqueue.h): an enum in BTF since 6.12, where those of internal use begin with "__".
local FLAGS_OF_OLD <const> = {WQ_UNBOUND = 1 << 1, WQ_FREEZABLE = 1 << 2, WQ_MEM_RECLAIM = 1 << 3, WQ_HIGHPRI = 1 << 4,
  WQ_CPU_INTENSIVE = 1 << 5, WQ_SYSFS = 1 << 6, WQ_POWER_EFFICIENT = 1 << 7, __WQ_DRAINING = 1 << 16, __WQ_ORDERED = 1 << 17,
  __WQ_LEGACY = 1 << 18}

--- The workqueues, in the order in which they were made.
-- @param k an open handle
-- @treturn function an iterator of `struct workqueue_struct`
-- @raise kvm.Error `format`: a broken link; `fault`, `excluded`
-- @usage for wq in kvm.linux.workqueue.for_each(k) do assert(kvm.linux.workqueue.name(wq)) end
function M.for_each(k)
  local head = kvm_error.check(k:object(kallsyms.address(k, "workqueues"), "struct list_head"))
  return list.for_each_entry("struct workqueue_struct", head, "list", MOST)
end

--- The name of a workqueue.
-- @param wq `struct workqueue_struct`
-- @treturn string
-- @raise kvm.Error
-- @usage assert(#kvm.linux.workqueue.name(kvm.linux.workqueue.for_each(k)()) > 0)
function M.name(wq) return wq.name end

--- The flags of a workqueue.
-- @param wq `struct workqueue_struct`
-- @treturn {string,...} in small letters without WQ_, sorted: "unbound", "mem_reclaim", "ordered", ...
-- @raise kvm.Error
-- @usage assert(type(kvm.linux.workqueue.flags(kvm.linux.workqueue.for_each(k)())) == "table")
function M.flags(wq)
  local names, out = types.enumerators(object.handle(wq), "enum wq_flags") or FLAGS_OF_OLD, {}
  for name, bit in pairs(names) do
    local is_one = bit & bit - 1 == 0
    if is_one and wq.flags & bit ~= 0 then out[#out + 1] = name:gsub("^_*WQ_", ""):lower() end
  end
  table.sort(out)
  return out
end

--- The pools that serve a workqueue, with what is of that workqueue there.
-- @param wq `struct workqueue_struct`
-- @treturn function an iterator of `struct pool_workqueue`
-- @raise kvm.Error as for_each
-- @usage for pwq in kvm.linux.workqueue.for_each_pwq(kvm.linux.workqueue.for_each(k)()) do assert(pwq.pool.id >= 0) end
function M.for_each_pwq(wq)
  return list.for_each_entry("struct pool_workqueue", wq.pwqs, "pwqs_node", MOST)
end

--- The pools of workers.
-- @param k an open handle
-- @treturn function an iterator of `struct worker_pool`
-- @raise kvm.Error `format` where the table of them is damaged; `fault`, `excluded`
-- @usage for pool in kvm.linux.workqueue.for_each_pool(k) do assert(pool.nr_workers >= pool.nr_idle) end
function M.for_each_pool(k)
  local table_ = kvm_error.check(k:object(kallsyms.address(k, "worker_pool_idr"), "struct idr"))
  local step = idr.for_each_entry("struct worker_pool", table_)
  return function()
    local _, pool = step()
    return pool
  end
end

--- Whether a pool's works run in softirqs (WQ_BH, since 6.9).
-- @param pool `struct worker_pool`
-- @treturn boolean
-- @raise kvm.Error
-- @usage assert(not kvm.linux.workqueue.is_bh(kvm.linux.workqueue.for_each_pool(k)()) or k:type "enum worker_pool_flags")
function M.is_bh(pool)
  local flags = types.enumerators(object.handle(pool), "enum worker_pool_flags")
  return flags ~= nil and flags.POOL_BH ~= nil and pool.flags & flags.POOL_BH ~= 0
end

--- The workers of a pool. Rescuers are of no pool: see workqueue_struct.rescuer. Those of a pool that is_bh are no tasks.
-- @param pool `struct worker_pool`
-- @treturn function an iterator of `struct worker`
-- @raise kvm.Error as for_each
-- @usage for pool in kvm.linux.workqueue.for_each_pool(k) do for w in kvm.linux.workqueue.for_each_worker(pool) do
-- assert(kvm.linux.workqueue.is_bh(pool) == (w.task == nil)) end end
function M.for_each_worker(pool)
  return list.for_each_entry("struct worker", pool.workers, "node", MOST)
end

--- What waits for a worker of a pool, the next first.
-- @param pool `struct worker_pool`
-- @treturn function an iterator of `struct work_struct`
-- @raise kvm.Error as for_each
-- @usage for w in kvm.linux.workqueue.for_each_pending(kvm.linux.workqueue.for_each_pool(k)()) do assert(kvm.linux.workqueue.func(w)) end
function M.for_each_pending(pool)
  return list.for_each_entry("struct work_struct", pool.worklist, "entry", MOST)
end

--- What waits because its workqueue has as many at work as it may (max_active).
-- @param pwq `struct pool_workqueue`
-- @treturn function an iterator of `struct work_struct`
-- @raise kvm.Error as for_each
-- @usage local pwq = kvm.linux.workqueue.for_each_pwq(kvm.linux.workqueue.for_each(k)())()
-- for w in kvm.linux.workqueue.for_each_inactive(pwq) do assert(kvm.linux.workqueue.func(w)) end
function M.for_each_inactive(pwq)
  local name = object.typeof(pwq):strip():field "inactive_works" and "inactive_works" or "delayed_works" -- called so until 5.14
  return list.for_each_entry("struct work_struct", pwq[name], "entry", MOST)
end

--- The function that does a work.
-- @param work `struct work_struct`
-- @treturn string its name
-- @raise kvm.Error
-- @usage local pool = kvm.linux.workqueue.for_each_pool(k)()
-- for w in kvm.linux.workqueue.for_each_pending(pool) do assert(#kvm.linux.workqueue.func(w) > 0) end
function M.func(work)
  local k = object.handle(work)
  return kallsyms.symbol_name(k, k:ptr(object.addr(work, "func")))
end

--- The workqueue that a work is in.
-- @param work `struct work_struct`
-- @return `struct workqueue_struct`; nil when it is in none
-- @raise kvm.Error
-- @usage local pool = kvm.linux.workqueue.for_each_pool(k)()
-- for w in kvm.linux.workqueue.for_each_pending(pool) do assert(kvm.linux.workqueue.of_work(w)) end
function M.of_work(work)
  local data = work.data.counter
  if data & DATA_IS_PWQ == 0 then return nil end -- the number of its last pool
  local k = object.handle(work)
  local bits = types.enumerators(k, "enum work_bits")
  local below = (1 << (bits and bits.WORK_STRUCT_PWQ_SHIFT or PWQ_SHIFT_OF_OLD)) - 1
  return kvm_error.check(k:object(data & ~below, "struct pool_workqueue")).wq
end

--- Whether a worker has nothing to do.
-- @param worker `struct worker`
-- @treturn boolean
-- @raise kvm.Error
-- @usage local pool = kvm.linux.workqueue.for_each_pool(k)()
-- for w in kvm.linux.workqueue.for_each_worker(pool) do assert(not kvm.linux.workqueue.is_idle(w) or not w.current_work) end
function M.is_idle(worker)
  return worker.flags & IDLE ~= 0
end

--- What a worker runs.
-- @param worker `struct worker`
-- @treturn ?table func (name of the function), work (`struct work_struct`, whose memory may have been freed by then), wq (`struct
--  workqueue_struct`), age_ns (since when; kept since 7.0), cpu_ns (CPU time that it has used; since 6.5); nil when it runs nothing
-- @raise kvm.Error
-- @usage local pool = kvm.linux.workqueue.for_each_pool(k)()
-- for w in kvm.linux.workqueue.for_each_worker(pool) do assert(w.current_work or not kvm.linux.workqueue.running(w)) end
function M.running(worker)
  local work = worker.current_work
  if not work then return nil end
  local k, t = object.handle(worker), object.typeof(worker):strip()
  local pwq, out = worker.current_pwq, {work = work}
  out.func = kallsyms.symbol_name(k, k:ptr(object.addr(worker, "current_func")))
  out.wq = pwq and pwq.wq
  if t:field "current_start" then out.age_ns = math.max(jiffies.now(k) - worker.current_start, 0) * jiffies.tick_ns(k) end
  if t:field "current_at" and worker.task then
    out.cpu_ns = math.max(worker.task.se.sum_exec_runtime - worker.current_at, 0)
  end
  return out
end

--- How long a pool whose works wait has made no progress, as the kernel's watchdog sees it (CONFIG_WQ_WATCHDOG).
-- @param pool `struct worker_pool`
-- @treturn ?integer ns; nil when nothing waits, and in kernels without the watchdog
-- @raise kvm.Error
-- @usage for pool in kvm.linux.workqueue.for_each_pool(k) do assert((kvm.linux.workqueue.stalled_ns(pool) or 0) >= 0) end
function M.stalled_ns(pool)
  local k, t = object.handle(pool), object.typeof(pool):strip()
  local name = t:field "last_progress_ts" and "last_progress_ts" or t:field "watchdog_ts" and "watchdog_ts" -- renamed in 7.0
  if not name or not M.for_each_pending(pool)() then return nil end
  return math.max(jiffies.now(k) - pool[name], 0) * jiffies.tick_ns(k)
end

--- The works that wait for a time, of a CPU.
-- @param k an open handle
-- @tparam integer cpu whose timers
-- @treturn function an iterator of `struct delayed_work` and the jiffies that are left (negative: it is due)
-- @raise kvm.Error as kvm.linux.timer.for_each_timer
-- @usage for d in kvm.linux.workqueue.for_each_delayed(k, 0) do assert(kvm.linux.workqueue.func(d.work)) end
function M.for_each_delayed(k, cpu)
  local step = timer.for_each_timer(k, cpu)
  local offset = types.offsetof(k, "struct delayed_work", "timer")
  return function()
    for t in step do
      if t.func == "delayed_work_timer_fn" then return kvm_error.check(k:object(t.addr - offset, "struct delayed_work")), t.remaining end
    end
  end
end

return M
