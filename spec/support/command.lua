-- SPDX-License-Identifier: BSD-2-Clause
-- Runs the command luakvm that was built, as a person does.
local M = {}

M.path = (os.getenv "KVM_BUILD" or "build") .. "/bin/luakvm"

local function read(path)
  local f = assert(io.open(path, "rb"))
  local text = f:read "a"
  f:close()
  return text
end

--- A word for the shell.
function M.quote(word) return "'" .. word:gsub("'", "'\\''") .. "'" end

--- Runs a line of shell.
-- @return what it printed, what it wrote to stderr, its exit status (128 + the signal that killed it)
function M.shell(line)
  local errors = os.tmpname()
  local pipe = assert(io.popen("{ " .. line .. "; } 2>" .. errors))
  local text = pipe:read "a"
  local _, how, status = pipe:close()
  local complaint = read(errors)
  os.remove(errors)
  return text, complaint, how == "signal" and status + 128 or status
end

--- Runs luakvm with those words.
function M.run(...)
  local words = {M.quote(M.path)}
  for _, word in ipairs {...} do words[#words + 1] = M.quote(word) end
  return M.shell(table.concat(words, " "))
end

return M
