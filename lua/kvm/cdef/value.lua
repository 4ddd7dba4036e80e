-- SPDX-License-Identifier: BSD-2-Clause
-- Methods of kvm.cdef.build for expressions and attributes: names of constants and macros, sizeof, offsetof, packed and aligned.
local constant = require "kvm.cdef.constant"
local grammar = require "kvm.cdef.grammar"
local known = require "kvm.cdef.known"
local shape = require "kvm.cdef.shape"

local MAX_SIZE = 1 << 48
local MAX_MACROS = 64 -- of macros that stand for other ones

local methods = {}

local function macro(self, node, m)
  local v = self.macro_values[node.name]
  if v then return v end
  if m.busy then self:fail(node, ("%s stands for itself"):format(node.name)) end
  if self.macros >= MAX_MACROS then self:fail(node, "too many macros within macros") end
  local ok, tree = pcall(grammar.expression, m.value)
  if not ok then self:fail(node, ("%s is no number: %s"):format(node.name, m.value:gsub("%s+", " "))) end
  local outer = self.macro_at
  self.macros, m.busy, self.macro_at = self.macros + 1, true, outer or node
  local result = table.pack(pcall(self.constant, self, node, tree))
  self.macros, m.busy, self.macro_at = self.macros - 1, nil, outer
  if not result[1] then error(result[2], 0) end
  self.macro_values[node.name] = result[2]
  return result[2]
end

function methods:constant_name(node)
  local c = self.scope.constants[node.name]
  if not c then self:fail(node, ('unknown name "%s"'):format(node.name), "notfound") end
  if c.macro then return macro(self, node, c) end
  return c
end

-- What expression needs; AT: where errors are told to be.
function methods:constant(at, tree)
  local env = {long = self.abi.long, pointer = self.abi.pointer}
  function env.fail(message) self:fail(at, message) end
  function env.name(node) return self:constant_name(node) end
  function env.sizeof(node) return self:complete(at, self:type_name(node.type), "sizeof") end
  function env.alignof(node)
    local t = self:type_name(node.type)
    self:complete(at, t, "_Alignof")
    return shape.align(self.abi, t) or self:fail(at, "the alignment of this type is not known")
  end
  function env.offsetof(node) return self:offset_of(at, self:type_name(node.type), node.path) end
  return constant.evaluate(env, tree)
end

-- A number that is not negative.
function methods:natural(tree, what, max)
  local v = self:constant(tree, tree)
  if v.v < 0 or v.v > max then
    self:fail(tree, ("%s is %s"):format(what, v.v < 0 and not v.unsigned and "negative" or "too large"))
  end
  return v.v
end

-- --- offsetof
local function find_field(t, name)
  for _, f in ipairs(t.fields) do
    if f.name == name then return f.at, f.t, f end
    local inner = not f.name and f.t and shape.base(f.t)
    if inner and inner.fields then
      local at, type, field = find_field(inner, name)
      if at then return f.at + at, type, field end
    elseif inner and inner.kind == "known" then
      local field = inner.type:field(name)
      if field then return f.at + field.bit_offset, {kind = "known", type = field.type}, {bits = field.bit_size > 0 or nil} end
    end
  end
end

function methods:offset_of(node, t, path)
  local bits = 0
  for name, indices in path:gmatch "([%a_][%w_]*)([%[%]%d]*)" do
    local base, at, field = shape.base(t), nil, nil
    if base.kind == "known" then
      local got = base.type:field(name)
      if got then at, t, field = got.bit_offset, {kind = "known", type = got.type}, {bits = got.bit_size > 0 or nil} end
    elseif base.fields and base.complete then
      at, t, field = find_field(base, name)
    end
    if not at or field.bits then self:fail(node, ("offsetof: no member %s, or a bit field"):format(name), "notfound") end
    bits = bits + at
    for i in indices:gmatch "%d+" do
      local array = shape.base(t)
      local target = array.kind == "array" and array.target
        or shape.kind(array) == "array" and {kind = "known", type = select(2, known.kind(array.type)):target()}
      if not target then self:fail(node, ("offsetof: %s is no array"):format(name)) end
      t, bits = target, bits + (math.tointeger(tonumber(i)) or MAX_SIZE) * shape.size(target) * 8
    end
  end
  return bits // 8
end

-- --- attributes
-- What LIST says together: packed, aligned (bytes), size.
function methods:attributes(list, into)
  local out = into or {}
  for _, a in ipairs(list or {}) do
    if a.name == "packed" then
      out.packed = true
    elseif a.name == "size" then
      out.size = self:natural(a.expr, "the size", MAX_SIZE)
    elseif a.name then
      local n = self.abi.biggest
      local name = a.type and a.type.spec.base and a.type.spec.base.name
      if name and self.scope.constants[name] then -- looks like a type, but is a macro
        n = self:constant(a, {pos = a.pos, node = "name", name = name}).v
      elseif a.type then
        n = shape.align(self.abi, self:type_name(a.type)) or self:fail(a, "the alignment of this type is not known")
      elseif a.expr then
        n = self:natural(a.expr, "the alignment", 1 << 28)
      end
      if n & n - 1 ~= 0 or n == 0 and a.name ~= "alignas" then self:fail(a, "an alignment is a power of two") end
      out.aligned = math.max(out.aligned or 0, n)
    end
  end
  if out.aligned == 0 then out.aligned = nil end
  return out
end

return methods
