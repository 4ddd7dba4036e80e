-- SPDX-License-Identifier: BSD-2-Clause
-- linux/seqlock.h: counters that are odd while somebody writes what they guard. Checked against Linux 5.10 to 7.2.
local object = require "kvm.object"

local M = {}

--- The number of a counter.
-- @param seq `seqcount_t`, one of those with a lock (`seqcount_spinlock_t`, ...), `seqcount_latch_t`, or `seqlock_t`
-- @treturn integer
-- @raise kvm.Error
-- @usage assert(kvm.linux.seqlock.sequence(k:object(k:symbol("rename_lock").value, "seqlock_t")) >= 0)
function M.sequence(seq)
  while object.typeof(seq):strip():field "seqcount" do seq = seq.seqcount end
  return seq.sequence
end

--- Whether somebody was writing.
-- @param seq as sequence
-- @treturn boolean
-- @raise kvm.Error
-- @usage assert(type(kvm.linux.seqlock.is_writing(k:object(k:symbol("rename_lock").value, "seqlock_t"))) == "boolean")
function M.is_writing(seq)
  return M.sequence(seq) & 1 == 1
end

return M
