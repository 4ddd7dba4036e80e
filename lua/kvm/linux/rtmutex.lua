-- SPDX-License-Identifier: BSD-2-Clause
-- linux/rtmutex.h: mutexes that lend their owner the priority of who waits: futexes with FUTEX_LOCK_PI, I2C buses, with CONFIG_PREEMPT_RT
-- every sleeping lock. The lowest bit of the owner says that there are waiters. What they have is a struct rt_mutex_base since 5.15.
-- Checked against Linux 5.10, 6.1, 6.12 and 7.2.
local kvm_error = require "kvm.error"
local object = require "kvm.object"
local rbtree = require "kvm.linux.rbtree"
local types = require "kvm.type"

local M = {}

local HAS_WAITERS <const> = 1
local WAITER <const> = "struct rt_mutex_waiter"

local function base_of(lock)
  return object.typeof(lock):strip():field "rtmutex" and lock.rtmutex or lock
end

-- Since 6.5 (f7853c342418) a waiter has a struct rt_waiter_node in each of its two trees, before that nodes.
local function node_path(k)
  return types.of(k, WAITER):strip():field "tree_entry" and "tree_entry" or "tree.entry"
end

--- The task that holds a lock.
-- @param lock `struct rt_mutex` or `struct rt_mutex_base`
-- @return `struct task_struct`; nil when nobody does
-- @raise kvm.Error
-- @usage local lock = k:object(k:symbol("rcu_state").value, "struct rcu_state").node[0].boost_mtx
-- assert(kvm.linux.rtmutex.owner(lock) or not kvm.linux.rtmutex.for_each_waiter(lock)())
function M.owner(lock)
  local base = base_of(lock)
  local k = object.handle(base)
  local at = k:ptr(object.addr(base, "owner")) & ~HAS_WAITERS
  return at ~= 0 and kvm_error.check(k:object(at, "struct task_struct")) or nil
end

--- Those that wait for a lock, the next to get it first: by priority, then by deadline.
-- @param lock `struct rt_mutex` or `struct rt_mutex_base`
-- @treturn function an iterator of `struct rt_mutex_waiter`, whose task waits
-- @raise kvm.Error `format`: a broken link; `fault`, `excluded`
-- @usage local lock = k:object(k:symbol("rcu_state").value, "struct rcu_state").node[0].boost_mtx
-- for w in kvm.linux.rtmutex.for_each_waiter(lock) do assert(w.task.pid) end
function M.for_each_waiter(lock)
  local base = base_of(lock)
  return rbtree.for_each_entry(WAITER, base.waiters, node_path(object.handle(base)))
end

return M
