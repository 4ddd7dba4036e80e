-- SPDX-License-Identifier: BSD-2-Clause
-- The pager, as git has it: LUAKVM_PAGER, else PAGER, else less, with LESS=FRX unless LESS is set: what fits the screen is simply
-- printed. "" or "cat" is none.
local M = {}

--- The line for the shell that pages, where standard output is a terminal.
-- @tparam {columns=} terminal kvm.core.terminal
-- @treturn ?string
-- @usage assert(not require "kvm.cli.pager".program {columns = function() end})
function M.program(terminal)
  if not terminal.columns "stdout" then return nil end
  local named = os.getenv "LUAKVM_PAGER" or os.getenv "PAGER"
  if named == "" or named == "cat" then return nil end
  local settings = 'LESS="${LESS-FRX}"; export LESS; '
  if named then return settings .. named end
  return settings .. "if command -v less >/dev/null; then exec less; else exec cat; fi"
end

return M
