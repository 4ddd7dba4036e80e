-- SPDX-License-Identifier: BSD-2-Clause
-- Declares built types (kvm.cdef.build) to a handle with k:declare, each once.
local err = require "kvm.error"

local M = {}

local emit

-- A type that another one is made from: what is not declared yet is referred to by its tag.
local function target(k, t)
  if t.type or t.kind ~= "struct" and t.kind ~= "union" then return emit(k, t) end
  t.declared = t.declared or err.check(k:declare{kind = "forward", name = t.tag, union = t.kind == "union"})
  return t.declared
end

local function record(k, t)
  local members = {}
  for _, f in ipairs(t.fields) do
    if f.name or not f.bits then -- bit fields without a name are holes
      local bits = f.bits
      members[#members + 1] = {name = f.name, type = target(k, f.t), bit_offset = f.at, bit_size = bits}
    end
  end
  return {kind = t.kind, name = t.tag, size = t.size, members = members}
end

local function basic(_, t) return {kind = t.kind, name = t.name, size = t.size, signed = t.signed} end
local function alias(k, t) return {kind = t.kind, name = t.name, target = target(k, t.target)} end

-- The declaration for each kind.
local DECLARATION = {
  int = basic, char = basic, bool = basic, float = basic, typedef = alias, const = alias, volatile = alias, restrict = alias,
  variable = alias, ["function"] = alias, struct = record, union = record,
  pointer = function(k, t) return {kind = "pointer", size = t.size, target = target(k, t.target)} end,
  array = function(k, t) return {kind = "array", target = target(k, t.target), count = t.count} end,
  enum = function(_, t)
    local list = {}
    for i, v in ipairs(t.values or {}) do list[i] = {name = v.name, value = v.value} end
    return {kind = "enum", name = t.tag, size = t.size or 4, signed = t.signed, enumerators = list}
  end,
  prototype = function(k, t)
    local params = {}
    for i, p in ipairs(t.params) do params[i] = {type = target(k, p)} end
    if t.variadic then params[#params + 1] = {} end
    return {kind = "prototype", target = target(k, t.target), members = params}
  end,
}

function emit(k, t)
  if not t.type and t.kind ~= "void" then t.type = err.check(k:declare(DECLARATION[t.kind](k, t))) end
  return t.type
end

--- Declares a type, and what it is made from.
-- @tparam kvm.Handle k
-- @tparam table t as kvm.cdef.build makes it
-- @treturn kvm.Type; nil for void
-- @raise kvm.Error
-- @usage assert(require "kvm.cdef.emit".type(k, {kind="pointer", size=8, target={kind="void"}}):spell() == "void *")
function M.type(k, t) return emit(k, t) end

return M
