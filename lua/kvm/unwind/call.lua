-- SPDX-License-Identifier: BSD-2-Clause
-- Whether bytes end with a call of x86-64: `call rel32` (opcode E8), or `call` of a register or of memory (opcode FF /2), whose length its
-- ModRM and SIB bytes tell (Intel SDM, volume 2, tables 2-2 and 2-3; prefixes lie before it and do not matter).
local M = {}

--- Bytes of the longest call.
M.LONGEST = 7

local RELATIVE <const>, RELATIVE_BYTES <const> = 0xe8, 5
local INDIRECT <const>, CALL_NEAR <const> = 0xff, 2 -- opcode, and its /digit in ModRM
local SIB <const>, NO_BASE <const>, DISP8 <const>, DISP32 <const> = 4, 5, 1, 4
local DISPLACEMENT = {[0] = 0, DISP8, DISP32, 0} -- by ModRM.mod

-- How long an indirect call is, by its ModRM byte and what follows it.
local function indirect_bytes(modrm, sib)
  local mod, rm = modrm >> 6, modrm & 7
  local bytes = 2 + DISPLACEMENT[mod]
  if mod == 3 then return bytes end
  local base = rm
  if rm == SIB then bytes, base = bytes + 1, sib & 7 end
  return mod == 0 and base == NO_BASE and bytes + DISP32 or bytes
end

--- Whether bytes end with a call.
-- @tparam string bytes the last of them is the call's last; LONGEST of them decide
-- @treturn boolean
-- @usage local call = require "kvm.unwind.call"
-- assert(call.ends("\xe8\0\0\0\0") and call.ends("\xff\x54\x24\8") and not call.ends("\xff\x54\x24"))
function M.ends(bytes)
  if bytes:byte(-RELATIVE_BYTES) == RELATIVE then return true end
  for length = 2, math.min(M.LONGEST, #bytes) do
    local opcode, modrm, sib = bytes:byte(-length, -1)
    if opcode == INDIRECT and modrm >> 3 & 7 == CALL_NEAR and indirect_bytes(modrm, sib or 0) == length then return true end
  end
  return false
end

return M
