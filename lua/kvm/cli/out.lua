-- SPDX-License-Identifier: BSD-2-Clause
-- Standard output, buffered, whose errors are not lost: a full disk is an error, a reader that went away (`luakvm log
-- | head`) ends the command quietly, whether SIGPIPE is ignored or not.
local M = {}

local EPIPE <const> = 32 -- errno of Linux and FreeBSD

local function check(ok, message, code)
  if ok then return end
  error({output = true, quiet = code == EPIPE, message = message}, 0)
end

--- Makes standard output fully buffered.
function M.init()
  io.stdout:setvbuf("full", 65536)
end

--- Writes text.
-- @tparam string text
-- @raise a table with output=true; quiet when nobody reads any more
function M.write(text)
  check(io.stdout:write(text))
end

--- Writes what is buffered.
-- @raise as write does
function M.flush()
  check(io.stdout:flush())
end

return M
