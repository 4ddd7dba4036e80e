-- SPDX-License-Identifier: BSD-2-Clause
-- linux/refcount.h, linux/kref.h: reference counts. One that would overflow, or that is used when it was 0, stays saturated: half of the
-- lowest number (REFCOUNT_SATURATED, since 5.5). Checked against Linux 5.10 to 7.2.
local object = require "kvm.object"

local M = {}

local function count_of(ref)
  local t = object.typeof(ref):strip()
  if t:field "refcount" then ref = ref.refcount end
  return ref.refs.counter
end

--- How many references there are.
-- @param ref `refcount_t` or `struct kref`
-- @treturn integer below 0: saturated
-- @raise kvm.Error
-- @usage assert(kvm.linux.refcount.read(k:object("init_task").usage) > 0)
function M.read(ref) return count_of(ref) end

--- What a count says of what it counts.
-- @param ref `refcount_t` or `struct kref`
-- @treturn string "used"; "free" when nobody has it; "saturated": counted wrongly, it is never freed
-- @raise kvm.Error
-- @usage assert(kvm.linux.refcount.state(k:object("init_task").usage) == "used")
function M.state(ref)
  local n = count_of(ref)
  return n < 0 and "saturated" or n == 0 and "free" or "used"
end

return M
