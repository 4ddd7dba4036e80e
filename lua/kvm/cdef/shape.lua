-- SPDX-License-Identifier: BSD-2-Clause
-- Types under construction (kvm.cdef.build): their size, alignment and kind. Those of the handle are asked only where it counts, not
-- behind a pointer.
local err = require "kvm.error"
local known = require "kvm.cdef.known"

local M = {}

--- The size of a type.
-- @tparam table t as kvm.cdef.build makes it
-- @treturn integer bytes; nil: it has none (yet)
-- @raise kvm.Error
-- @usage assert(require "kvm.cdef.shape".size({kind="known", type=k:type("struct list_head")}) == 16)
function M.size(t)
  while t.follows do t = t.target end
  if t.kind == "known" and not t.size then t.size = err.check(t.type:size()) end
  return t.size
end

--- The alignment of a type as a member.
-- @tparam table abi of kvm.cdef.abi
-- @tparam table t
-- @treturn integer bytes; nil: not known
-- @usage assert(require "kvm.cdef.shape".align(require "kvm.cdef.abi".of(k:info()), {kind="known", type=k:type("int")}) == 4)
function M.align(abi, t)
  while not t.align and (t.follows or t.kind == "array") do t = t.target end
  if t.kind == "known" and not t.align and not t.align_asked then
    t.align_asked, t.align = true, known.alignment(abi, t.type)
  end
  return t.align
end

--- The type behind typedefs and qualifiers, as far as declarations go.
-- @tparam table t
-- @treturn table
-- @usage assert(require "kvm.cdef.shape".base({kind="const", follows=true, target={kind="void"}}).kind == "void")
function M.base(t)
  while t.follows do t = t.target end
  return t
end

--- The kind of a type behind typedefs and qualifiers.
-- @tparam table t
-- @treturn string as `Type:kind` names it
-- @usage assert(require "kvm.cdef.shape".kind({kind="known", type=k:type("pid_t")}) == "int")
function M.kind(t)
  t = M.base(t)
  if t.kind ~= "known" then return t.kind end
  t.base_kind = t.base_kind or known.kind(t.type)
  return t.base_kind
end

return M
