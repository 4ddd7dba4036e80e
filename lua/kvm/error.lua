-- SPDX-License-Identifier: BSD-2-Clause
-- Error values. An error is a table with the fields message (string), code (string, below) and addr (integer, or nil), and
-- tostring gives its message. Codes: inval (the call makes no sense), nomem, io, format (the file is damaged), unsupported,
-- notfound, fault (the address is not mapped, or no such memory), excluded (the page was left out of the dump), closed.
-- The metatable is the one that the C part gives to what it raises.
local core = require "kvm.core"

local M = {}

local mt = core.Error
local Methods = {}
mt.__index = Methods

--- Makes an error value.
-- @tparam table fields message, code, addr; the table itself becomes the value
-- @treturn kvm.Error
-- @raise wrong types
-- @usage local e = kvm.error.new{code="notfound", message="no such thing"} assert(tostring(e) == "no such thing")
function M.new(fields)
  if type(fields) ~= "table" then error("bad argument #1 to 'new' (table expected, got " .. type(fields) .. ")", 2) end
  if type(fields.message) ~= "string" then error("bad field 'message' (string expected)", 2) end
  if type(fields.code) ~= "string" then error("bad field 'code' (string expected)", 2) end
  if fields.addr ~= nil and math.type(fields.addr) ~= "integer" then error("bad field 'addr' (integer expected)", 2) end
  return setmetatable(fields, mt)
end

--- Raises an error value.
-- @tparam string code
-- @tparam string form as string.format takes it
-- @param ... its values
-- @raise kvm.Error
-- @usage assert(select(2, kvm.try(kvm.error.fail, "notfound", "no %s", "such")).message == "no such")
function M.fail(code, form, ...)
  error(M.new{code = code, message = form:format(...)}, 0)
end

--- Whether a value is an error value, perhaps of one code.
-- @param v any value
-- @tparam[opt] string code
-- @treturn boolean
-- @usage assert(not kvm.error.is("text") and kvm.error.is(select(2, kvm.try(k.u64, k, 1)), "fault"))
function M.is(v, code)
  return type(v) == "table" and getmetatable(v) == mt and (code == nil or v.code == code)
end

--- Puts text and ": " before the message of an error value, in place.
-- @function prefix
-- @tparam string text
-- @treturn kvm.Error itself
-- @usage local e = kvm.error.new{code="io", message="b"} assert(e:prefix("a").message == "a: b")
function Methods:prefix(text)
  self.message = text .. ": " .. self.message
  return self
end

local function results(ok, ...)
  if ok then return ... end
  local err = ...
  if M.is(err) then return nil, err end
  error(err, 0)
end

--- Whether what was raised is Ctrl-C, as the interpreter lua raises it.
-- @param raised
-- @treturn boolean
-- @usage assert(kvm.error.is_interrupt "interrupted!" and not kvm.error.is_interrupt "x")
function M.is_interrupt(raised)
  return type(raised) == "string" and raised:find "interrupted!$" ~= nil
end

--- Calls a function, and turns an error value that it raises into nil, err. Other errors go on.
-- @tparam function f
-- @param ... its arguments
-- @return[1] what f returns
-- @return[2] nil
-- @treturn[2] kvm.Error
-- @usage local v, err = kvm.try(k.u64, k, 1) assert(v == nil and err.code == "fault" and err.addr == 1)
function M.try(f, ...)
  return results(pcall(f, ...))
end

--- Returns its arguments, or raises the full error value where a call has failed: where the first is nil and a message follows.
-- `assert` would lose code and address.
-- @param ... what a call on a handle returned
-- @return the same values
-- @raise kvm.Error
-- @usage local bytes = kvm.check(k:read(k:symbol("linux_banner").value, 5)) assert(bytes == "Linux")
function M.check(...)
  local first, message, code, addr = ...
  if first ~= nil or message == nil then return ... end
  if M.is(message) then error(message, 0) end -- as kvm.try returns it
  error(M.new{message = tostring(message), code = code or "inval", addr = addr}, 0)
end

return M
