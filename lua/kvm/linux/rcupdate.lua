-- SPDX-License-Identifier: BSD-2-Clause
-- linux/rcupdate.h, kernel/rcu/tree.h: the grace periods of RCU, who holds one up, what waits for it. Lists that RCU protects are plain
-- lists: list.lua, hlist.lua. Checked against Linux 5.10, 6.1, 6.12 and 7.2.
local cpumask = require "kvm.linux.cpumask"
local jiffies = require "kvm.linux.jiffies"
local kallsyms = require "kvm.linux.kallsyms"
local kvm_error = require "kvm.error"
local list = require "kvm.linux.list"
local object = require "kvm.object"
local percpu = require "kvm.linux.percpu"

local M = {}

local SEQ_STATE_MASK <const>, SEQ_SHIFT <const> = 3, 2 -- kernel/rcu/rcu.h: rcu_seq_*
local MOST_TASKS <const> = 1 << 22
local MOST_STATES <const> = 32

local function state_of(k)
  local at = kallsyms.need(k, {"rcu_state"}, "RCU of several CPUs", "CONFIG_TREE_RCU")
  return kvm_error.check(k:object(at, "struct rcu_state"))
end

-- What the kernel calls a state of its thread, as it prints it of a stall.
local function state_name(k, n)
  local names = k:symbol "gp_state_names"
  if not names or n < 0 or n >= MOST_STATES or names.size > 0 and n >= names.size // 8 then return tostring(n) end
  return k:cstring(k:ptr(names.value + 8 * n), 64)
end

--- The grace period.
-- @param k an open handle
-- @treturn table sequence (number of those that have begun), running (boolean), age_ns (of one that runs), idle_ns (how long its thread has
--  done nothing), thread (`struct task_struct`; nil before it was started), thread_state (as the kernel calls it, "RCU_GP_WAIT_GPS")
-- @raise kvm.Error `notfound`: this kernel has no RCU of several CPUs (CONFIG_TREE_RCU)
-- @usage assert(kvm.linux.rcupdate.grace_period(k).thread_state:find "RCU_GP")
function M.grace_period(k)
  local state = state_of(k)
  local seq, now, tick = state.gp_seq, jiffies.now(k), jiffies.tick_ns(k)
  local running = seq & SEQ_STATE_MASK ~= 0
  return {
    sequence = seq >> SEQ_SHIFT, running = running, age_ns = running and math.max(now - state.gp_start, 0) * tick or nil,
    idle_ns = math.max(now - state.gp_activity, 0) * tick, thread = state.gp_kthread, thread_state = state_name(k, state.gp_state),
  }
end

--- The lowest nodes of RCU's tree, each of which stands for some CPUs.
-- @param k an open handle
-- @treturn function an iterator of `struct rcu_node`
-- @raise kvm.Error as grace_period; `format` where there can't be as many nodes
-- @usage assert(kvm.linux.rcupdate.for_each_leaf(k)().grplo == 0)
function M.for_each_leaf(k)
  local state = state_of(k)
  local count, last = k:i32(kallsyms.address(k, "rcu_num_nodes")), k:i32(kallsyms.address(k, "rcu_num_lvls")) - 1
  local most = object.typeof(state):strip():field("node").type:strip():count()
  if count < 0 or count > most then kvm_error.fail("format", "%d nodes of RCU, of at most %d", count, most) end
  local i = -1
  return function()
    repeat i = i + 1 until i >= count or state.node[i].level == last
    return i < count and state.node[i] or nil
  end
end

local function blocked_tasks(node, out)
  local first = node.gp_tasks
  local from, k = first and object.addr(first), object.handle(node)
  local blocks = false
  if not from or not k:type("struct task_struct", "vmlinux"):strip():field "rcu_node_entry" then return end -- CONFIG_PREEMPT_RCU
  for task in list.for_each_entry("struct task_struct", node.blkd_tasks, "rcu_node_entry", MOST_TASKS) do
    blocks = blocks or object.addr(task, "rcu_node_entry") == from
    if blocks then out[#out + 1] = task end
  end
end

--- Who the running grace period waits for.
-- @param k an open handle
-- @treturn {integer,...} CPUs that were not yet seen outside of a reader
-- @treturn {table,...} tasks (`struct task_struct`) that read and were interrupted (with CONFIG_PREEMPT_RCU)
-- @raise kvm.Error as for_each_leaf
-- @usage assert(kvm.linux.rcupdate.grace_period(k).running or #kvm.linux.rcupdate.holdouts(k) == 0)
function M.holdouts(k)
  local cpus, tasks = {}, {}
  for node in M.for_each_leaf(k) do
    for bit = 0, node.grphi - node.grplo do
      if node.qsmask >> bit & 1 == 1 then cpus[#cpus + 1] = node.grplo + bit end
    end
    blocked_tasks(node, tasks)
  end
  return cpus, tasks
end

--- What CPUs have to do with RCU.
-- @param k an open handle
-- @treturn function an iterator of tables: cpu, callbacks (how many wait to be called), sequence (of the grace period that it knows of),
--  needed (the last that it asked for), addr (`struct rcu_data *`)
-- @raise kvm.Error
-- @usage for r in kvm.linux.rcupdate.for_each_cpu(k) do assert(r.callbacks >= 0) end
function M.for_each_cpu(k)
  state_of(k) -- raises what the kernel lacks
  local cpus, i = cpumask.of(k, "online"), 0
  return function()
    i = i + 1
    if not cpus[i] then return nil end
    local data = percpu.per_cpu(k, "rcu_data", cpus[i], "struct rcu_data")
    local len = data.cblist.len -- atomic with CONFIG_RCU_NOCB_CPU
    return {cpu = cpus[i], callbacks = math.type(len) == "integer" and len or len.counter, sequence = data.gp_seq >> SEQ_SHIFT,
      needed = data.gp_seq_needed >> SEQ_SHIFT, addr = object.addr(data)}
  end
end

return M
