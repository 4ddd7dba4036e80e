-- SPDX-License-Identifier: BSD-2-Clause
-- For checks of many things: each is looked at by itself, so that damage of one does not keep the others from being looked at; what was
-- raised first is raised again at the end.
local kvm_error = require "kvm.error"

local M = {}
local Attempts = {}
Attempts.__index = Attempts

--- Makes a collector of errors.
-- @treturn table with the methods call and finish
-- @usage require "kvm.linux.check.attempt".new():finish()
function M.new()
  return setmetatable({}, Attempts)
end

local function kept(self, value, err, ...)
  if value ~= nil or not kvm_error.is(err) then return value, err, ... end
  self.first = self.first or err.code ~= "notfound" and err or nil
  return nil
end

--- Calls a function and keeps its error value.
-- @tparam function f
-- @param ... its arguments
-- @return what f returns, or nil
-- @usage assert(require "kvm.linux.check.attempt".new():call(tonumber, "7") == 7)
function Attempts:call(f, ...)
  return kept(self, kvm_error.try(f, ...))
end

--- Raises the first error value that was kept; that a kernel has no such thing ("notfound") is none.
-- @raise kvm.Error
-- @usage require "kvm.linux.check.attempt".new():finish()
function Attempts:finish()
  if self.first then error(self.first, 0) end
end

return M
