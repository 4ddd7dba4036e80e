-- SPDX-License-Identifier: BSD-2-Clause
-- linux/kthread.h: threads of the kernel: what they run, and the names that /proc shows, which are longer than comm (proc_task_name in
-- fs/proc/array.c). Checked against Linux 5.10, 6.1, 6.12 and 7.2.
local kallsyms = require "kvm.linux.kallsyms"
local kvm_error = require "kvm.error"
local object = require "kvm.object"
local sched = require "kvm.linux.sched"

local M = {}

local PF_WQ_WORKER <const> = 0x20 -- include/linux/sched.h
local MAX_NAME <const> = 4096

--- What is kept of a thread of the kernel.
-- @param task `struct task_struct`
-- @return `struct kthread`; nil for processes, and for threads of the kernel that were not made by kthread_create
-- @raise kvm.Error
-- @usage for p in k:procs() do if p.comm == "kcompactd0" then
-- assert(kvm.linux.kthread.of(k:object(p.addr, "struct task_struct")).threadfn) end end
function M.of(task)
  if task.flags & sched.PF_KTHREAD == 0 then return nil end
  -- task.worker_private since 5.17 (e32cf5dfbe22); before that set_child_tid, which threads of the kernel do not need.
  local member = object.typeof(task):strip():field "worker_private" and "worker_private" or "set_child_tid"
  local at = object.handle(task):ptr(object.addr(task, member))
  return at ~= 0 and kvm_error.check(object.handle(task):object(at, "struct kthread")) or nil
end

--- The function that a thread of the kernel runs.
-- @param task `struct task_struct`
-- @treturn ?string its name; nil for what `of` is nil for
-- @raise kvm.Error
-- @usage for p in k:procs() do if p.comm == "kcompactd0" then
-- assert(kvm.linux.kthread.func(k:object(p.addr, "struct task_struct")) == "kcompactd") end end
function M.func(task)
  local own = M.of(task)
  return own and kallsyms.symbol_name(object.handle(own), object.handle(own):ptr(object.addr(own, "threadfn"))) or nil
end

--- The worker that a thread of a workqueue is.
-- @param task `struct task_struct`
-- @return `struct worker`; nil when it is none
-- @raise kvm.Error
-- @usage for p in k:procs() do if p.flags & 0x20 ~= 0 then
-- assert(kvm.linux.kthread.worker(k:object(p.addr, "struct task_struct")).task.pid == p.pid) end end
function M.worker(task)
  local own = task.flags & PF_WQ_WORKER ~= 0 and M.of(task)
  return own and own.data and object.cast(own.data, "struct worker") or nil
end

-- As wq_worker_comm (kernel/workqueue.c): what it works on, or last worked on.
local function worker_comm(task, comm)
  local worker = M.worker(task)
  if not worker then return comm end
  -- Rescuers are called so since 6.9, and in full since 6.10 (2a1b02bcba78).
  if worker.rescue_wq and comm:find "^kworker/R%-" then comm = "kworker/R-" .. worker.rescue_wq.name end
  if not worker.pool or worker.desc == "" then return comm end
  return comm .. (worker.current_work and "+" or "-") .. worker.desc
end

--- The name of a task, as /proc/PID/comm has it.
-- @param task `struct task_struct`
-- @treturn string
-- @raise kvm.Error
-- @usage assert(kvm.linux.kthread.comm(k:object("init_task")) == "swapper/0")
function M.comm(task)
  local comm = task.comm
  if task.flags & PF_WQ_WORKER ~= 0 then return worker_comm(task, comm) end
  local own = M.of(task)
  local name = own and object.typeof(own):strip():field "full_name" and own.full_name -- since 5.17 (d6986ce24fc0)
  return name and object.string(name, MAX_NAME) or comm
end

return M
