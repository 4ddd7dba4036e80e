-- SPDX-License-Identifier: BSD-2-Clause
-- linux/vmcore_info.h: what a kernel leaves in its VMCOREINFO note for tools that have no debug file. A name that the
-- note lacks is looked up in the kernel's own symbols and types, so one layout description serves dumps with and
-- without the note. Checked against Linux 5.10, 6.1, 6.12 and 7.2 (kernel/crash_core.c, since 6.9
-- kernel/vmcore_info.c).
local kvm_error = require "kvm.error"
local types = require "kvm.type"

local M = {}

local LARGEST <const> = 1 << 20 -- bytes: no struct that a note describes comes near it

-- A size or an offset of the note.
local function bytes_of(text, what)
  local n = text:find "^%d+$" and #text < 10 and math.tointeger(tonumber(text))
  if n and n <= LARGEST then return n end
  error(kvm_error.new {code = "format", message = ("VMCOREINFO: %s is %q"):format(what, text:sub(1, 40))})
end

local Info = {}
Info.__index = Info
Info.__name = "kvm.linux.vmcore_info"

--- The note of a kernel.
-- @param k an open handle
-- @return an object with the methods symbol, offset, size and number
-- @usage assert(require "kvm.linux.vmcore_info".of(k):size "list_head" == 16)
function M.of(k)
  return setmetatable({k = k, note = k:info().vmcoreinfo or {}}, Info)
end

--- Address of a symbol.
-- @tparam string name
-- @treturn integer address, or nil when the kernel has no such symbol
function Info:symbol(name)
  local text = self.note["SYMBOL(" .. name .. ")"]
  if text then return tonumber(text, 16) end
  local found = self.k:nlist {name}
  return found and found[name] and found[name].value
end

--- Offset of a member in bytes.
-- @tparam string path "struct.member", as the note writes it
-- @treturn integer bytes
-- @raise kvm.Error `notfound`; `format` where the note has no number
function Info:offset(path)
  local text = self.note["OFFSET(" .. path .. ")"]
  if text then return bytes_of(text, "OFFSET(" .. path .. ")") end
  local name, member = path:match "^([%w_]+)%.(.+)$"
  return types.offsetof(self.k, "struct " .. name, member)
end

--- Size of a type in bytes.
-- @tparam string name of a struct
-- @treturn integer bytes
-- @raise kvm.Error `notfound`; `format` where the note has no number
function Info:size(name)
  local text = self.note["SIZE(" .. name .. ")"]
  if text then return bytes_of(text, "SIZE(" .. name .. ")") end
  return types.sizeof(self.k, "struct " .. name)
end

--- A number that the note gives, without another source.
-- @tparam string name
-- @treturn integer, or nil
function Info:number(name)
  local text = self.note["NUMBER(" .. name .. ")"]
  return text and math.tointeger(tonumber(text))
end

return M
