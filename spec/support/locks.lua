-- SPDX-License-Identifier: BSD-2-Clause
-- Memory with locks and two tasks that hold them or wait, for the specs of what tells them; waiters hang in lists, or (as since 7.1) in
-- rings that have no head.
local memory = require "spec.support.memory"

local M = {}

local S = memory.START
M.at = {A = S, B = S + 0x80, LOCK = S + 0x100, W1 = S + 0x200, W2 = S + 0x280}

local DECLARATIONS = [[
  struct atomic { int counter; };
  struct atomic_long { long counter; };
  struct task_struct { long state; int pid; char comm[16]; };
  struct mutex_waiter { struct list_head list; struct task_struct *task; };
  enum rwsem_waiter_type { RWSEM_WAITING_FOR_WRITE, RWSEM_WAITING_FOR_READ };
  struct rwsem_waiter { struct list_head list; struct task_struct *task; enum rwsem_waiter_type type; };
  struct semaphore_waiter { struct list_head list; struct task_struct *task; };
  struct swait_queue_head { struct list_head task_list; };
  struct swait_queue { struct task_struct *task; struct list_head task_list; };
  struct completion { unsigned int done; struct swait_queue_head wait; };
  struct wait_queue_head { struct list_head head; };
  struct wait_queue_entry { unsigned int flags; void *private; int (*func)(void); struct list_head entry; };
  struct poll_wqueues { struct task_struct *polling_task; };
]]
local LISTS = [[
  struct mutex { struct atomic_long owner; struct list_head wait_list; };
  struct rw_semaphore { struct atomic_long count, owner; struct list_head wait_list; };
  struct semaphore { unsigned int count; struct list_head wait_list; };
]]
local RINGS = [[
  struct mutex { struct atomic_long owner; struct mutex_waiter *first_waiter; };
  struct rw_semaphore { struct atomic_long count, owner; struct rwsem_waiter *first_waiter; };
  struct semaphore { unsigned int count; struct semaphore_waiter *first_waiter; unsigned long last_holder; };
]]
M.layouts = {{name = "with lists", declarations = LISTS}, {name = "with rings", declarations = RINGS, rings = true}}

--- An open handle, a function that sets members, one that makes NODES (addresses) the entries of the list at HEAD. MORE: declarations.
function M.open(layout, more)
  local k, at = memory.open(DECLARATIONS .. (layout or M.layouts[1]).declarations .. (more or "")), M.at
  local function set(t, where, members) memory.set(k, "struct " .. t, where, members) end
  local function ring(...)
    local nodes = {...}
    for i, node in ipairs(nodes) do
      local next_node = nodes[i % #nodes + 1]
      assert(k:write(node, ("<I8"):pack(next_node)))
      assert(k:write(next_node + 8, ("<I8"):pack(node)))
    end
  end
  for i, where in ipairs {at.A, at.B} do
    set("task_struct", where, {pid = 10 * i})
    assert(k:write(where + 12, i == 1 and "holder\0" or "waiter\0"))
  end
  return k, set, ring
end

--- Two waiters of type T, of B and A, for the lock of struct LOCK; the layout's way.
function M.wait(k, set, ring, layout, lock, t)
  local at = M.at
  set(t, at.W1, {task = at.B})
  set(t, at.W2, {task = at.A})
  if layout.rings then
    ring(at.W1, at.W2)
    return set(lock, at.LOCK, {first_waiter = at.W1})
  end
  ring(at.LOCK + k:type("struct " .. lock):strip():field("wait_list").offset, at.W1, at.W2)
end

return M
