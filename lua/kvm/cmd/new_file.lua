-- SPDX-License-Identifier: BSD-2-Clause
-- Files that a command writes: new ones alone, nothing is replaced.
local kvm_error = require "kvm.error"

local M = {}

--- Looks whether a file can be new.
-- @tparam string path
-- @raise kvm.Error `inval`: it exists
-- @usage require "kvm.cmd.new_file".check "/nowhere/crash.html"
function M.check(path)
  local file = io.open(path, "rb")
  if not file then return end
  file:close()
  kvm_error.fail("inval", "%s exists, and is not replaced", path)
end

--- Writes a file.
-- @tparam string path
-- @tparam string text
-- @raise kvm.Error `io`
-- @usage local ok, err = kvm.try(require "kvm.cmd.new_file".write, "/nowhere/crash.html", "") assert(not ok and err.code == "io")
function M.write(path, text)
  local file, message = io.open(path, "wb")
  local ok = file and file:write(text)
  if file and not file:close() or not ok then kvm_error.fail("io", "%s", message or path .. " can't be written") end
end

return M
