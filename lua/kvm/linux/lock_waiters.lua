-- SPDX-License-Identifier: BSD-2-Clause
-- Who waits for a lock, in the order in which they will get it: a list (wait_list), since 7.1 a ring that has no head but a pointer to the
-- first waiter (first_waiter). No header of Linux: what mutex.lua, rwsem.lua and semaphore.lua have in common. Checked against Linux
-- 5.10, 6.1, 6.12 and 7.2.
local list = require "kvm.linux.list"
local object = require "kvm.object"

local M = {}

local MOST <const> = 1 << 22

--- The waiters of a lock.
-- @param lock object of a struct with wait_list or first_waiter
-- @tparam string t struct of the waiters
-- @treturn function an iterator of objects
-- @raise kvm.Error `format`: a broken link; `fault`, `excluded`
-- @usage local mutex = k:object(k:symbol("cgroup_mutex").value, "struct mutex")
-- for w in kvm.linux.lock_waiters.for_each(mutex, "struct mutex_waiter") do assert(w.task) end
function M.for_each(lock, t)
  if object.typeof(lock):strip():field "wait_list" then return list.for_each_entry(t, lock.wait_list, "list", MOST) end
  local first, step = lock.first_waiter, nil
  return function()
    if step then return step() end
    step = first and list.for_each_entry(t, first.list, "list", MOST) or function() return nil end
    return first
  end
end

return M
