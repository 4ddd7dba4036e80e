-- SPDX-License-Identifier: BSD-2-Clause
-- linux/percpu-rwsem.h: semaphores whose readers are counted by each CPU (read_count; only the sum means something) and whose writer
-- blocks all others (block, since 5.7). Checked against Linux 5.10, 6.1, 6.12 and 7.2.
local percpu = require "kvm.linux.percpu"
local wait = require "kvm.linux.wait"

local M = {}

local WQ_FLAG_EXCLUSIVE <const> = 1 -- include/linux/wait.h

--- How many read.
-- @param sem `struct percpu_rw_semaphore`
-- @treturn integer
-- @raise kvm.Error
-- @usage local sem = k:object(k:symbol("cgroup_threadgroup_rwsem").value, "struct percpu_rw_semaphore")
-- assert(kvm.linux.percpu_rwsem.readers(sem) >= 0)
function M.readers(sem)
  local sum = 0
  for _, part in percpu.for_each_copy(sem.read_count) do sum = sum + part[0] end
  return (sum + (1 << 31) & 0xffffffff) - (1 << 31) -- the parts wrap, and so does their sum
end

--- Who has a semaphore.
-- @param sem `struct percpu_rw_semaphore`
-- @treturn string "no", "read"; "write"; "wait": a writer keeps others out and waits until those that read are done
-- @raise kvm.Error
-- @usage local sem = k:object(k:symbol("cgroup_threadgroup_rwsem").value, "struct percpu_rw_semaphore")
-- assert(kvm.linux.percpu_rwsem.state(sem) ~= "read" or kvm.linux.percpu_rwsem.readers(sem) > 0)
function M.state(sem)
  local readers = M.readers(sem)
  if sem.block.counter ~= 0 then return readers > 0 and "wait" or "write" end
  return readers > 0 and "read" or "no"
end

--- The writer that waits until those that read are done.
-- @param sem `struct percpu_rw_semaphore`
-- @return `struct task_struct`, nil when there is none
-- @raise kvm.Error
-- @usage local sem = k:object(k:symbol("cgroup_threadgroup_rwsem").value, "struct percpu_rw_semaphore")
-- assert(kvm.linux.percpu_rwsem.state(sem) == "wait" or not kvm.linux.percpu_rwsem.waiting_writer(sem))
function M.waiting_writer(sem)
  return sem.writer.task
end

--- Those that the writer keeps out, the next to go on first.
-- @param sem `struct percpu_rw_semaphore`
-- @treturn function an iterator of `struct task_struct` and what it will do: "read" or "write"
-- @raise kvm.Error `format`: a broken link; `fault`, `excluded`
-- @usage local sem = k:object(k:symbol("cgroup_threadgroup_rwsem").value, "struct percpu_rw_semaphore")
-- for task, what in kvm.linux.percpu_rwsem.for_each_waiter(sem) do assert(task.pid and what) end
function M.for_each_waiter(sem)
  local step = wait.for_each_entry(sem.waiters)
  return function()
    local entry = step()
    -- percpu_rwsem_wait sets WQ_FLAG_CUSTOM of those that read, whose bit has moved between releases; of others EXCLUSIVE alone
    if entry then return wait.task(entry), entry.flags & ~WQ_FLAG_EXCLUSIVE ~= 0 and "read" or "write" end
  end
end

return M
