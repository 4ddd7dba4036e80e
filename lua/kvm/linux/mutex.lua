-- SPDX-License-Identifier: BSD-2-Clause
-- linux/mutex.h: who holds a mutex and who waits for it. The lowest three bits of the owner are flags (kernel/locking/mutex.h, since
-- 4.10). Checked against Linux 5.10, 6.1, 6.12 and 7.2. A kernel with CONFIG_PREEMPT_RT has an rt_mutex in it: see rtmutex.lua.
local kvm_error = require "kvm.error"
local lock_waiters = require "kvm.linux.lock_waiters"
local object = require "kvm.object"

local M = {}

local WAITERS <const>, HANDOFF <const>, PICKUP <const> = 1, 2, 4
local FLAGS <const> = 7

local function owner_word(mutex)
  if not object.typeof(mutex):strip():field "owner" then
    kvm_error.fail("unsupported", "the mutexes of this kernel are rt_mutexes (CONFIG_PREEMPT_RT)")
  end
  return mutex.owner.counter
end

--- The task that holds a mutex.
-- @param mutex `struct mutex`
-- @return `struct task_struct`; nil when nobody does
-- @raise kvm.Error
-- @usage local mutex = k:object(k:symbol("cgroup_mutex").value, "struct mutex")
-- assert(kvm.linux.mutex.is_locked(mutex) == (kvm.linux.mutex.owner(mutex) ~= nil))
function M.owner(mutex)
  local at = owner_word(mutex) & ~FLAGS
  return at ~= 0 and kvm_error.check(object.handle(mutex):object(at, "struct task_struct")) or nil
end

--- Whether somebody holds a mutex.
-- @param mutex `struct mutex`
-- @treturn boolean
-- @raise kvm.Error
-- @usage assert(type(kvm.linux.mutex.is_locked(k:object(k:symbol("cgroup_mutex").value, "struct mutex"))) == "boolean")
function M.is_locked(mutex)
  return owner_word(mutex) & ~FLAGS ~= 0
end

--- How a mutex will be given on.
-- @param mutex `struct mutex`
-- @treturn table booleans: waiters (there are some), handoff (to the first of them), pickup (it was given to one that has not seen it)
-- @raise kvm.Error
-- @usage local mutex = k:object(k:symbol("cgroup_mutex").value, "struct mutex")
-- assert(kvm.linux.mutex.flags(mutex).waiters == (kvm.linux.mutex.for_each_waiter(mutex)() ~= nil))
function M.flags(mutex)
  local word = owner_word(mutex)
  return {waiters = word & WAITERS ~= 0, handoff = word & HANDOFF ~= 0, pickup = word & PICKUP ~= 0}
end

--- Those that wait for a mutex, the next to get it first.
-- @param mutex `struct mutex`
-- @treturn function an iterator of `struct mutex_waiter`, whose task waits
-- @raise kvm.Error `format`: a broken link; `fault`, `excluded`
-- @usage local mutex = k:object(k:symbol("cgroup_mutex").value, "struct mutex")
-- for w in kvm.linux.mutex.for_each_waiter(mutex) do assert(w.task.pid) end
function M.for_each_waiter(mutex)
  return lock_waiters.for_each(mutex, "struct mutex_waiter")
end

return M
