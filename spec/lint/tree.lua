-- SPDX-License-Identifier: BSD-2-Clause
-- What the checks of this folder share: the files of the tree, and the report of what is wrong.
local M = {}

--- The lines that a command prints.
function M.lines(command)
  local out = {}
  local pipe = assert(io.popen(command))
  for line in pipe:lines() do out[#out + 1] = line end
  pipe:close()
  return out
end

--- All files of the project (build output and version control aside) whose path matches a Lua
-- pattern.
function M.files(pattern)
  local out = {}
  for _, path in ipairs(M.lines("find . -path ./.git -prune -o -path './build*' -prune -o -type f -print | sort")) do
    path = path:sub(3)
    if path:find(pattern) then out[#out + 1] = path end
  end
  return out
end

function M.read(path)
  local f = assert(io.open(path, "rb"))
  local text = f:read("a")
  f:close()
  return text
end

--- The lines of a file, with their numbers.
function M.each_line(path)
  local n = 0
  return coroutine.wrap(function()
    for line in (M.read(path) .. "\n"):gmatch("(.-)\r?\n") do
      n = n + 1
      coroutine.yield(n, line)
    end
  end)
end

local wrong = 0

--- Reports one thing that is wrong.
function M.wrong(fmt, ...)
  wrong = wrong + 1
  print((fmt:format(...)))
end

--- Ends a check: the status says whether anything was wrong.
function M.done()
  os.exit(wrong == 0)
end

return M
