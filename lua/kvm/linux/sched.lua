-- SPDX-License-Identifier: BSD-2-Clause
-- linux/sched.h: which task a CPU was running. Checked against Linux 5.10, 6.1, 6.12 and 7.2.
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

--- What the letters of a task's state mean (fs/proc/array.c, task_state_array).
M.STATES = {
  R = "running", S = "sleeping", D = "disk sleep", T = "stopped", t = "tracing stop", X = "dead", Z = "zombie",
  P = "parked", I = "idle",
}

--- task_struct.flags of kernel threads, include/linux/sched.h.
M.PF_KTHREAD = 0x00200000

return M
