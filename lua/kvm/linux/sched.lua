-- SPDX-License-Identifier: BSD-2-Clause
-- linux/sched.h: which task a CPU was running, all tasks. Checked against Linux 5.10, 6.1, 6.12 and 7.2.
local cpumask = require "kvm.linux.cpumask"
local kallsyms = require "kvm.linux.kallsyms"
local percpu = require "kvm.linux.percpu"
local types = require "kvm.type"

local M = {}

--- The task that a CPU was running.
-- @param k an open handle
-- @tparam integer cpu number
-- @treturn integer address of its struct task_struct
-- @raise kvm.Error
-- @usage assert(require "kvm.linux.sched".current(k, 0) ~= 0)
function M.current(k, cpu)
  -- On x86 a variable of its own, again since 6.15 and before 6.2 (arch/x86/include/asm/current.h); in the releases
  -- between them a member of struct pcpu_hot.
  local addr, name = kallsyms.first(k, {"current_task", "pcpu_hot"})
  addr = percpu.per_cpu_ptr(k, addr, cpu)
  if name == "pcpu_hot" then addr = addr + types.offsetof(k, "struct pcpu_hot", "current_task") end
  return k:u64(addr)
end

local TASK_COMM_LEN <const> = 16

--- Who a task is.
-- @param k an open handle
-- @tparam integer task `struct task_struct *`
-- @treturn integer its process (tgid)
-- @treturn integer itself (pid)
-- @treturn string its name (comm)
-- @raise kvm.Error
-- @usage local _, _, comm = require "kvm.linux.sched".identity(k, k:symbol("init_task").value) assert(comm == "swapper/0")
function M.identity(k, task)
  local t = "struct task_struct"
  return k:i32(task + types.offsetof(k, t, "tgid")), k:i32(task + types.offsetof(k, t, "pid")),
    k:cstring(task + types.offsetof(k, t, "comm"), TASK_COMM_LEN)
end

--- The task that a CPU runs when it has nothing to do. It is in no list of tasks.
-- @param k an open handle
-- @tparam integer cpu number
-- @treturn integer address of its struct task_struct
-- @raise kvm.Error
-- @usage local pid = select(2, kvm.linux.sched.identity(k, kvm.linux.sched.idle(k, 0))) assert(pid == 0)
function M.idle(k, cpu)
  local rq = percpu.per_cpu_ptr(k, kallsyms.address(k, "runqueues"), cpu)
  return k:ptr(rq + types.offsetof(k, "struct rq", "idle"))
end

--- Every thread, then the idle tasks of the CPUs that are online.
-- @param k an open handle
-- @treturn function an iterator of records: addr, pid (its process), tid, comm, state (letter), and those of k:procs that have more
-- @raise kvm.Error where the list of tasks is damaged, behind what was found
-- @usage local first = kvm.linux.sched.each_task(k)() assert(first.comm)
function M.each_task(k)
  local step, state, control = k:procs("all", nil, true)
  local cpus, n
  return function()
    if not cpus then
      control = step(state, control)
      if control then return control end
      cpus, n = cpumask.of(k, "online"), 0
    end
    n = n + 1
    local cpu = cpus[n]
    if not cpu then return nil end
    local addr = M.idle(k, cpu)
    local pid, tid, comm = M.identity(k, addr)
    return {addr = addr, pid = pid, tid = tid, comm = comm, state = "R", cpu = cpu, idle = true}
  end
end

--- What the letters of a task's state mean (fs/proc/array.c, task_state_array).
M.STATES = {
  R = "running", S = "sleeping", D = "disk sleep", T = "stopped", t = "tracing stop", X = "dead", Z = "zombie",
  P = "parked", I = "idle",
}

--- task_struct.flags of kernel threads, include/linux/sched.h.
M.PF_KTHREAD = 0x00200000

return M
