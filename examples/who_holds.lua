-- SPDX-License-Identifier: BSD-2-Clause
-- Who holds a lock: every lock that a task waits for, its owner, and all who wait behind him.
--   luakvm run examples/who_holds.lua CORE
--
--   $ luakvm run examples/who_holds.lua examples/panic.kdump
--   mutex 0xffffffffc057c3e0: held by lab-owner (pid 192); waiting: lab-mutex (pid 194)
--   rw_semaphore 0xffffffffc057c380: held by lab-reader (pid 193); waiting: lab-write (pid 195), lab-read (pid 196)
--   rw_semaphore 0xffffffffc057c340: held by lab-owner (pid 192); waiting: lab-other (pid 197)
--   semaphore 0xffffffffc057d780: it does not tell by whom it is held; waiting: lab-sema (pid 198)
--   rt_mutex 0xffffffffc057d740: held by lab-owner (pid 192); waiting: lab-rt-1 (pid 199), lab-rt-2 (pid 200)
--   percpu_rwsem 0xffffffffc057d6c0: held by 3 readers, which the kernel does not record; waiting: lab-percpu (pid 201)
local checks = require "kvm.linux.check.context"
local lock_waits = require "kvm.linux.check.lock_waits"

local locks, order = {}, {}
for _, w in ipairs((lock_waits.all(checks.new(k)))) do
  local lock = locks[w.lock]
  if not lock then
    lock = {kind = w.kind, owner = w.owner, held = w.held, waiters = {}}
    locks[w.lock], order[#order + 1] = lock, w.lock
  end
  lock.waiters[#lock.waiters + 1] = ("%s (pid %d)"):format(w.task.comm, w.task.pid)
end
for _, addr in ipairs(order) do
  local lock = locks[addr]
  local owner = lock.owner and ("held by %s (pid %d)"):format(lock.owner.comm, lock.owner.pid) or lock.held
    or "it does not tell by whom it is held"
  print(("%s 0x%x: %s; waiting: %s"):format(lock.kind, addr, owner, table.concat(lock.waiters, ", ")))
end
if #order == 0 then print "no task waits for a lock" end
