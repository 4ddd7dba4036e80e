-- SPDX-License-Identifier: BSD-2-Clause
-- What went wrong, as one line on standard error and an exit status: 1 no answer (the dump, a name, a script), 2 wrong usage, 130 Ctrl-C.
local out = require "kvm.cli.out"

local M = {}

local kept = {} -- lines for when the terminal is ours again

local function print_line(text)
  io.stdout:flush()
  io.stderr:write(text)
end

--- Tells of it in one line, in which nothing steers a terminal: messages can quote what a dump holds. While a pager has the terminal,
-- the line waits for M.tell_kept.
-- @tparam string text
-- @usage local complain = require "kvm.cli.failure".complain assert(type(complain) == "function")
function M.complain(text)
  local line = "luakvm: " .. require "kvm.format".escape((text:gsub("%s*\n%s*", " "))) .. "\n"
  if out.is_piped() then kept[#kept + 1] = line else print_line(line) end
end

--- Prints the lines that waited.
-- @usage require "kvm.cli.failure".tell_kept()
function M.tell_kept()
  local lines = kept
  kept = {}
  for _, line in ipairs(lines) do print_line(line) end
end

--- Raises wrong usage.
-- @tparam string text
-- @raise {usage=text}
-- @usage assert(select(2, pcall(require "kvm.cli.failure".usage, "x")).usage == "x")
function M.usage(text)
  error({usage = text}, 0)
end

--- The status and the line for what was raised.
-- @param err an error value, or what Lua itself raised
-- @treturn integer status
-- @treturn ?string line
-- @usage assert(require "kvm.cli.failure".status {usage = "x"} == 2)
function M.status(err)
  if type(err) == "table" then
    if err.usage then return 2, err.usage end
    if err.nothing then return 1, err.nothing end
    if err.complained then return 1, nil end
    if err.output then return err.quiet and 0 or 1, not err.quiet and "standard output: " .. err.message or nil end
    return 1, tostring(err)
  end
  if require "kvm.error".is_interrupt(err) then return 130, nil end
  return 1, tostring(err)
end

return M
