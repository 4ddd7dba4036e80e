-- SPDX-License-Identifier: BSD-2-Clause
-- linux/rwsem.h: who holds a read-write semaphore and who waits for it (kernel/locking/rwsem.c, since 5.3). Of readers only their number
-- is kept, and the task that came last as a hint. Checked against Linux 5.10, 6.1, 6.12 and 7.2. A kernel with CONFIG_PREEMPT_RT has
-- others.
local kvm_error = require "kvm.error"
local lock_waiters = require "kvm.linux.lock_waiters"
local object = require "kvm.object"
local types = require "kvm.type"

local M = {}

-- Bits of count; of the owner, where tasks are aligned to more than 8.
local WRITER_LOCKED <const>, WAITERS <const>, HANDOFF <const>, READER_SHIFT <const> = 1, 2, 4, 8
local READER_OWNED <const>, OWNER_FLAGS <const> = 1, 7
local READERS_MASK <const> = (1 << 55) - 1 -- the sign says that there are too many of them

local function check(sem)
  if not object.typeof(sem):strip():field "owner" then
    kvm_error.fail("unsupported", "the semaphores of this kernel do not tell their owners (CONFIG_PREEMPT_RT)")
  end
end

--- What a semaphore's state is.
-- @param sem `struct rw_semaphore`
-- @treturn table locked ("no", "read" or "write"), readers (their number, also of those that only try), waiters and handoff (booleans)
-- @raise kvm.Error
-- @usage local sem = k:object(k:symbol("uts_sem").value, "struct rw_semaphore")
-- assert(kvm.linux.rwsem.state(sem).locked ~= "read" or kvm.linux.rwsem.state(sem).readers > 0)
function M.state(sem)
  check(sem)
  local count = sem.count.counter
  local readers = count >> READER_SHIFT & READERS_MASK
  return {
    locked = count & WRITER_LOCKED ~= 0 and "write" or readers > 0 and "read" or "no", readers = readers,
    waiters = count & WAITERS ~= 0, handoff = count & HANDOFF ~= 0,
  }
end

--- The task that holds a semaphore.
-- @param sem `struct rw_semaphore`
-- @return `struct task_struct`: the writer; of readers the one that came last, which may have gone, and ended, since; nil when nobody does
-- @treturn boolean whether it is such a reader
-- @raise kvm.Error
-- @usage local sem = k:object(k:symbol("uts_sem").value, "struct rw_semaphore")
-- assert(kvm.linux.rwsem.state(sem).locked ~= "write" or kvm.linux.rwsem.owner(sem))
function M.owner(sem)
  if M.state(sem).locked == "no" then return nil, false end -- the last reader's stays
  local word = sem.owner.counter
  local at = word & ~OWNER_FLAGS
  return at ~= 0 and kvm_error.check(object.handle(sem):object(at, "struct task_struct")) or nil, word & READER_OWNED ~= 0
end

--- Those that wait for a semaphore, the next to get it first.
-- @param sem `struct rw_semaphore`
-- @treturn function an iterator of `struct rwsem_waiter`, whose task waits, and what to do: "read" or "write"
-- @raise kvm.Error `format`: a broken link; `fault`, `excluded`
-- @usage local sem = k:object(k:symbol("uts_sem").value, "struct rw_semaphore")
-- for w, what in kvm.linux.rwsem.for_each_waiter(sem) do assert(w.task.pid and what) end
function M.for_each_waiter(sem)
  check(sem)
  local step = lock_waiters.for_each(sem, "struct rwsem_waiter")
  local reading = types.enumerators(object.handle(sem), "enum rwsem_waiter_type").RWSEM_WAITING_FOR_READ
  return function()
    local waiter = step()
    if waiter then return waiter, waiter.type == reading and "read" or "write" end
  end
end

return M
