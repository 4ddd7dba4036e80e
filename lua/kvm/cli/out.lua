-- SPDX-License-Identifier: BSD-2-Clause
-- Where output goes: standard output, buffered, or a program that reads it (a pager, what a shell line pipes to). Errors are not lost: a
-- full disk is an error, a reader that went away (`luakvm log | head`) ends the command quietly, whether SIGPIPE is ignored or not.
local M = {}

local EPIPE <const> = 32 -- errno of Linux and FreeBSD

local reader -- a pipe to the program that reads; nil: standard output
local opener -- makes that program, at the first text
local first  -- called before the first text

local function check(ok, message, code)
  if ok then return end
  error({output = true, quiet = code == EPIPE, message = message}, 0)
end

--- Makes standard output fully buffered.
function M.init()
  io.stdout:setvbuf("full", 65536)
end

--- Calls a function before the next text is written.
-- @tparam ?function fn
-- @usage require "kvm.cli.out".before(function() end) require "kvm.cli.out".before(nil)
function M.before(fn)
  first = fn
end

--- Lets a program read what is written from now on; it is started when there is something to read.
-- @tparam string program a line for the shell
-- @usage local out = require "kvm.cli.out" out.to "cat >/dev/null" out.finish()
function M.to(program)
  opener = function() return assert(io.popen(program, "w")) end
end

--- Whether a program reads what is written, which may have the terminal.
-- @treturn boolean
-- @usage assert(not require "kvm.cli.out".is_piped())
function M.is_piped()
  return reader ~= nil
end

--- Writes text.
-- @tparam string text
-- @raise a table with output=true; quiet when nobody reads any more
function M.write(text)
  if text == "" then return end
  if first then
    first()
    first = nil
  end
  if opener then
    io.stdout:flush()
    reader, opener = opener(), nil
  end
  check((reader or io.stdout):write(text))
end

--- Writes what is buffered.
-- @raise as write does
function M.flush()
  check((reader or io.stdout):flush())
end

--- Ends the program that reads, when it has read all, and goes back to standard output.
-- @usage require "kvm.cli.out".finish()
function M.finish()
  opener = nil
  local program = reader
  reader = nil
  if program then program:close() end
end

return M
