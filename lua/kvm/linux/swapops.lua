-- SPDX-License-Identifier: BSD-2-Clause
-- linux/swapops.h: page table entries of user pages that are not in memory: which page of which swap area, or what else the kernel keeps
-- there (a page on its way, a poisoned one, a marker). x86-64, as since 4.18 (arch/x86/include/asm/pgtable_64.h: the type is above the
-- offset, which is inverted). Checked against Linux 5.10, 6.1, 6.12 and 7.2.
local kvm_error = require "kvm.error"
require "kvm.object" -- k:object

local M = {}

local TYPE_SHIFT <const>, OFFSET_SHIFT <const> = 59, 9
local OFFSET_MASK <const> = (1 << TYPE_SHIFT - OFFSET_SHIFT) - 1

--- Where an entry that maps nothing says that a page is.
-- @param k an open handle
-- @tparam integer entry as k:translate gives it, not 0
-- @treturn integer type: index of the swap area, or of something else (see area)
-- @treturn integer offset: page in the swap area
-- @raise kvm.Error `unsupported` on other machines than x86-64
-- @usage assert(select(2, kvm.linux.swapops.entry(k, ~(5 << 9) & ~(31 << 59) | 1 << 59)) == 5)
function M.entry(k, entry)
  if k:info().arch ~= "x86_64" then kvm_error.fail("unsupported", "swap entries of %s", k:info().arch) end
  return entry >> TYPE_SHIFT, ~entry >> OFFSET_SHIFT & OFFSET_MASK
end

--- The swap area of a type.
-- @param k an open handle
-- @tparam integer kind type, as entry gives it
-- @return `struct swap_info_struct`; nil where the type is no swap area's: a page on its way, poisoned, on a device, a marker; and in a
--  kernel without swap (CONFIG_SWAP)
-- @raise kvm.Error
-- @usage assert(kvm.linux.swapops.area(k, 31) == nil)
function M.area(k, kind)
  local areas, count = k:symbol "swap_info", k:symbol "nr_swapfiles"
  if not areas or not count or kind < 0 or kind >= k:u32(count.value) then return nil end
  local at = k:ptr(areas.value + k:info().pointer_size * kind)
  return at ~= 0 and kvm_error.check(k:object(at, "struct swap_info_struct")) or nil
end

return M
