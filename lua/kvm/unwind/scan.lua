-- SPDX-License-Identifier: BSD-2-Clause
-- The last resort where no table tells: each word of a stack that could be a return address. What it finds may be left over from
-- calls that have returned; nothing here is to be trusted.
local M = {}

local WORD <const> = 8

--- The words of a stack that may be return addresses, the lowest first.
-- @param k an open handle
-- @tparam integer from address, where the stack pointer is
-- @tparam integer to address behind the stack
-- @tparam function is_return of an address: whether it is one behind a call
-- @treturn {table,...} pc, at (address of the word)
-- @raise kvm.Error `fault`, `excluded`
-- @usage local at = k:symbol("linux_banner").value & ~7
-- assert(#kvm.unwind.scan.words(k, at, at + 64, function() return false end) == 0)
function M.words(k, from, to, is_return)
  local found = {}
  for at = (from + WORD - 1) & ~(WORD - 1), to - WORD, WORD do
    local pc = k:u64(at)
    if is_return(pc) then found[#found + 1] = {pc = pc, at = at} end
  end
  return found
end

return M
