-- SPDX-License-Identifier: BSD-2-Clause
-- linux/semaphore.h: counting semaphores. Who took one is not kept, but by kernels with CONFIG_DETECT_HUNG_TASK_BLOCKER (since 6.16), who
-- took the last. Checked against Linux 5.10, 6.1, 6.12 and 7.2.
local kvm_error = require "kvm.error"
local lock_waiters = require "kvm.linux.lock_waiters"
local object = require "kvm.object"

local M = {}

--- How many more can take a semaphore.
-- @param sem `struct semaphore`
-- @treturn integer
-- @raise kvm.Error
-- @usage assert(kvm.linux.semaphore.count(k:object(k:symbol("console_sem").value, "struct semaphore")) <= 1)
function M.count(sem)
  return sem.count
end

--- The task that took a semaphore last and has not given it back.
-- @param sem `struct semaphore`
-- @return `struct task_struct`; nil when none has
-- @raise kvm.Error `notfound`: this kernel does not keep it (CONFIG_DETECT_HUNG_TASK_BLOCKER)
-- @usage local task, err = kvm.try(kvm.linux.semaphore.last_holder, k:object(k:symbol("console_sem").value, "struct semaphore"))
-- assert(not err or err.code == "notfound") assert(not task or task.pid)
function M.last_holder(sem)
  if not object.typeof(sem):strip():field "last_holder" then
    kvm_error.fail("notfound", "this kernel does not keep who has a semaphore (CONFIG_DETECT_HUNG_TASK_BLOCKER)")
  end
  local at = sem.last_holder
  return at ~= 0 and kvm_error.check(object.handle(sem):object(at, "struct task_struct")) or nil
end

--- Those that wait for a semaphore, the next to get it first.
-- @param sem `struct semaphore`
-- @treturn function an iterator of `struct semaphore_waiter`, whose task waits
-- @raise kvm.Error `format`: a broken link; `fault`, `excluded`
-- @usage for w in kvm.linux.semaphore.for_each_waiter(k:object(k:symbol("console_sem").value, "struct semaphore")) do assert(w.task) end
function M.for_each_waiter(sem)
  return lock_waiters.for_each(sem, "struct semaphore_waiter")
end

return M
