-- SPDX-License-Identifier: BSD-2-Clause
-- linux/srcutree.h: sleepable RCU: how many readers there are. Each CPU counts those that came and those that went, for either of two
-- indices: only the difference of the sums means something. Checked against Linux 5.10, 6.1, 6.12 and 7.2.
local object = require "kvm.object"
local percpu = require "kvm.linux.percpu"

local M = {}

local SEQ_STATE_MASK <const>, SEQ_SHIFT <const> = 3, 2 -- kernel/rcu/rcu.h: rcu_seq_*

-- Newest first: struct srcu_ctr since 6.15 (795e7efec6ea), atomic counters since 6.5, plain ones before.
local function difference(data, index)
  if object.typeof(data):strip():field "srcu_ctrs" then
    local ctr = data.srcu_ctrs[index]
    return ctr.srcu_locks.counter - ctr.srcu_unlocks.counter
  end
  local locks, unlocks = data.srcu_lock_count[index], data.srcu_unlock_count[index]
  if math.type(locks) == "integer" then return locks - unlocks end
  return locks.counter - unlocks.counter
end

--- How many readers there are.
-- @param ssp `struct srcu_struct`
-- @treturn integer those of index 0
-- @treturn integer those of index 1
-- @raise kvm.Error
-- @usage local a, b = kvm.linux.srcu.readers(k:object(k:symbol("fsnotify_mark_srcu").value, "struct srcu_struct"))
-- assert(a >= 0 and b >= 0)
function M.readers(ssp)
  local sums = {0, 0}
  if not ssp.sda then return 0, 0 end -- not initialised yet, which is done at first use
  for _, data in percpu.for_each_copy(ssp.sda) do
    for i = 1, 2 do sums[i] = sums[i] + difference(data, i - 1) end
  end
  return sums[1], sums[2]
end

--- The index that new readers use.
-- @param ssp `struct srcu_struct`
-- @treturn integer 0 or 1
-- @raise kvm.Error
-- @usage assert(kvm.linux.srcu.index(k:object(k:symbol("fsnotify_mark_srcu").value, "struct srcu_struct")) <= 1)
function M.index(ssp)
  if not object.typeof(ssp):strip():field "srcu_ctrp" then return ssp.srcu_idx & 1 end
  if not ssp.sda or not ssp.srcu_ctrp then return 0 end
  return object.addr(ssp.srcu_ctrp) == object.addr(ssp.sda, "srcu_ctrs[0]") and 0 or 1 -- an address of per-CPU memory, as sda
end

--- The grace periods.
-- @param ssp `struct srcu_struct`
-- @treturn integer how many have begun
-- @treturn boolean whether one is under way
-- @raise kvm.Error
-- @usage assert(kvm.linux.srcu.grace_periods(k:object(k:symbol("fsnotify_mark_srcu").value, "struct srcu_struct")))
function M.grace_periods(ssp)
  local own = object.typeof(ssp):strip():field "srcu_sup" and ssp.srcu_sup or ssp -- since 6.5
  local seq = own.srcu_gp_seq
  return seq >> SEQ_SHIFT, seq & SEQ_STATE_MASK ~= 0
end

return M
