-- SPDX-License-Identifier: BSD-2-Clause
-- DWARF call frame information (`k:cfi`), which a debug file has for all code that a compiler made: from a frame to its caller, with all
-- registers that the frame's function has kept.
local M = {}

local function value(k, rule, regs, cfa)
  local base = rule.base == "cfa" and cfa or regs[rule.base]
  if not base then return nil end
  return rule.memory and k:u64(base + rule.offset) or base + rule.offset
end

--- The registers of the caller.
-- @param k an open handle
-- @tparam table row as `k:cfi` gives it
-- @tparam table regs of the frame: rip, rsp, rbp ...; those that are absent are not known
-- @treturn table registers of the caller; nil where the stack ends or the row can't be followed
-- @treturn string why: "end" (nobody called this code), "register" (one that is needed is not known), or nil
-- @raise kvm.Error `fault`, `excluded`
-- @usage local row = {cfa = {base = "rsp", offset = 8}, registers = {}}
-- assert(select(2, kvm.unwind.cfi.step(k, row, {rsp = 16})) == "end")
function M.step(k, row, regs)
  local cfa = value(k, row.cfa, regs)
  if not cfa then return nil, "register" end
  if not row.registers.rip then return nil, "end" end
  local caller = {}
  for name, rule in pairs(row.registers) do caller[name] = value(k, rule, regs, cfa) end
  if not caller.rip then return nil, "register" end
  caller.rsp = caller.rsp or cfa
  return caller
end

return M
