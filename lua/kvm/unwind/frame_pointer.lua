-- SPDX-License-Identifier: BSD-2-Clause
-- Frame pointers: rbp leads to the caller's rbp, behind which the return address lies. For kernels built with them
-- (CONFIG_FRAME_POINTER), for code that is made at run time (BPF keeps them), and for programs.
local M = {}

local WORD <const> = 8

--- The registers of the caller.
-- @tparam function read_word of an address: the 64-bit value there; raises where there is none
-- @tparam table regs of the frame: rip, rsp, rbp
-- @treturn table rip, rsp, rbp of the caller; nil where rbp can't be a frame's
-- @raise what read_word raises
-- @usage local memory = {[16] = 48, [24] = 7}
-- local caller = kvm.unwind.frame_pointer.step(function(at) return memory[at] end, {rip = 1, rsp = 8, rbp = 16})
-- assert(caller.rip == 7 and caller.rbp == 48 and caller.rsp == 32)
function M.step(read_word, regs)
  local fp = regs.rbp
  if not fp or fp % WORD ~= 0 or math.ult(fp, regs.rsp) then return nil end
  return {rip = read_word(fp + WORD), rsp = fp + 2 * WORD, rbp = read_word(fp)}
end

return M
