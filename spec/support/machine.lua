-- SPDX-License-Identifier: BSD-2-Clause
-- Handles of any machine without memory, symbols and types: /dev/null with an ELF file that is nothing but its header.
local harness = require "spec.support.harness"

local M = {}

-- e_machine, bits, whether big-endian.
local MACHINES = {
  x86_64 = {62, 64}, i386 = {3, 32}, aarch64 = {183, 64}, arm = {40, 32}, armeb = {40, 32, true},
  ppc64 = {21, 64, true}, ppc64le = {21, 64},
  s390x = {22, 64, true}, m68k = {4, 32, true},
}

--- Opens a handle that is closed behind the test.
-- @tparam string arch as k:info().arch names it
-- @treturn kvm.Handle
function M.open(arch)
  local m = assert(MACHINES[arch], arch)
  local wide, order = m[2] == 64, m[3] and ">" or "<"
  local ident = "\127ELF" .. string.char(wide and 2 or 1, m[3] and 2 or 1, 1) .. ("\0"):rep(9)
  local word = wide and "I8" or "I4"
  local header = (order .. "I2I2I4" .. word:rep(3) .. "I4I2I2I2I2I2I2"):pack(2, m[1], 1, 0, 0, 0, 0, wide and 64 or 52, wide and 56 or 32,
    0, wide and 64 or 40, 0, 0)
  return harness.open{core = "/dev/null", namelist = harness.temp(ident .. header)}
end

return M
