-- SPDX-License-Identifier: BSD-2-Clause
-- What kvm.cdef.build makes of a text: the types under construction by name, before they are declared.
local abi = require "kvm.cdef.abi"
local build = require "kvm.cdef.build"
local grammar = require "kvm.cdef.grammar"

local M = {}

--- Builds a text for a handle.
-- @treturn table by name
-- @treturn table the scope: typedefs, tags, constants
function M.text(k, text)
  local scope = {typedefs = {}, tags = {}, constants = {}}
  local order, new = build.text({k = k, abi = assert(abi.of(k:info())), text = text, scope = scope}, grammar.parse(text))
  local out = {}
  for _, e in ipairs(order) do out[e.name or #out + 1] = e.t end
  assert(next(scope.typedefs) == nil and next(scope.tags) == nil and next(scope.constants) == nil, "the scope was changed")
  return out, new
end

--- Builds the type of an expression.
function M.type(k, text)
  local t = {k = k, abi = assert(abi.of(k:info())), text = text, scope = {typedefs = {}, tags = {}, constants = {}}}
  return (build.type_name(t, grammar.type_name(text)))
end

return M
