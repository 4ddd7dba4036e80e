-- SPDX-License-Identifier: BSD-2-Clause
-- linux/sched/user.h: what the kernel counts of each user that has processes or the like. Checked against Linux 5.10 to 7.2.
local hlist = require "kvm.linux.hlist"
local kvm_error = require "kvm.error"
require "kvm.object" -- k:object

local M = {}

local MOST <const> = 1 << 20
local BUCKETS <const>, BUCKETS_OF_SMALL <const> = 128, 8 -- UIDHASH_SZ of kernel/user.c, without and with CONFIG_BASE_SMALL

--- The users that the kernel knows.
-- @param k an open handle
-- @treturn function an iterator of `struct user_struct`, whose uid.val is the number in the first user namespace
-- @raise kvm.Error `format` where a hash chain is damaged; `fault`, `excluded`
-- @usage for user in kvm.linux.user.for_each_user(k) do assert(user.uid.val >= 0) end
function M.for_each_user(k)
  local symbol = kvm_error.check(k:symbol "uidhash_table")
  local buckets = symbol.size >= BUCKETS * k:info().pointer_size and BUCKETS or BUCKETS_OF_SMALL
  local table_ = kvm_error.check(k:object(symbol.value, ("struct hlist_head[%d]"):format(buckets)))
  return hlist.for_each_in_table("struct user_struct", table_, "uidhash_node", nil, MOST)
end

--- A user.
-- @param k an open handle
-- @tparam integer uid
-- @return `struct user_struct`; nil when the kernel does not know it
-- @raise kvm.Error as for_each_user
-- @usage assert(kvm.addr(kvm.linux.user.find_user(k, 0)) == k:symbol("root_user").value)
function M.find_user(k, uid)
  for user in M.for_each_user(k) do
    if user.uid.val == uid then return user end
  end
  return nil
end

return M
