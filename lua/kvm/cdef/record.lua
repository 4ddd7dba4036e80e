-- SPDX-License-Identifier: BSD-2-Clause
-- Methods of kvm.cdef.build for enums, structs and unions.
local constant = require "kvm.cdef.constant"
local layout = require "kvm.cdef.layout"
local shape = require "kvm.cdef.shape"

local MAX_ITEMS = 65536 -- members of a struct, values of an enum
local MAX_SIZE = 1 << 48

local methods = {}

-- --- enums
local function enum_range(values)
  local negative, least, most = false, 0, 0
  for _, v in ipairs(values) do
    if v.unsigned_wide then return false, 8 end
    negative, least, most = negative or v.value < 0, math.min(least, v.value), math.max(most, v.value)
  end
  for _, size in ipairs{1, 2, 4} do
    local half = 1 << 8 * size - 1
    if least >= -half and most <= (negative and half - 1 or 2 * half - 1) then return negative, size end
  end
  return negative, 8
end

function methods:enum(node)
  local values, previous, seen = {}, nil, {}
  if #node.body > MAX_ITEMS then self:fail(node, ("more than %d values"):format(MAX_ITEMS)) end
  local negative, huge = false, false
  for i, e in ipairs(node.body) do
    local v
    if e.value then
      v = self:constant(e.value, e.value)
    elseif not previous then
      v = constant.of(0)
    else
      if previous.v == (previous.unsigned and previous.wide and -1 or math.maxinteger) then self:fail(e, "the value is too large") end
      v = constant.of(previous.v + 1, previous.wide and previous.unsigned)
    end
    if seen[e.name] then self:fail(e, ("a second %s"):format(e.name)) end
    seen[e.name] = true
    local wide = v.wide and v.unsigned and v.v < 0
    negative, huge = negative or v.v < 0 and not wide, huge or wide
    if negative and huge then self:fail(e, "no integer holds all values of the enum") end
    values[i] = {name = e.name, value = v.v, unsigned_wide = wide}
    self.scope.constants[e.name] = constant.of(v.v, v.unsigned)
    previous = v
  end
  local attrs = self:attributes(node.back, self:attributes(node.front))
  local signed, size = enum_range(values)
  if not attrs.packed then size = math.max(size, 4) end
  local align = size == 8 and self.abi.long_long[2] or size
  local t = {kind = "enum", tag = node.tag, values = values, size = size, signed = signed, complete = true,
    align = math.max(align, attrs.aligned or 0)}
  if node.tag then self.scope.tags["enum " .. node.tag] = t end
  self:add(t, node.tag)
  return t
end

-- --- struct and union
local INTEGERS = {int = true, bool = true, char = true, enum = true}

function methods:bit_field(node, t, bits)
  if not INTEGERS[shape.kind(t)] then self:fail(node, "a bit field whose type is no integer") end
  local width = shape.kind(t) == "bool" and 1 or 8 * self:complete(node, t, "bit field")
  local n = self:natural(bits, "the width of the bit field", MAX_SIZE)
  if n > width then self:fail(node, ("a bit field of %d bits in a type of %d"):format(n, width)) end
  if n == 0 and node.declarator then self:fail(node, "only a bit field without a name can have 0 bits") end
  return n
end

function methods:field(node, t, name, attrs)
  if shape.kind(t) == "prototype" then self:fail(node, "a member that is a function") end
  local f = {t = t, name = name, named = name ~= nil, node = node, packed = attrs.packed, aligned = attrs.aligned}
  f.bits = node.bits and self:bit_field(node, t, node.bits)
  f.size = self:complete(node, t, "member")
  f.offset = node.offset and self:natural(node.offset, "the offset", MAX_SIZE)
  f.align = shape.align(self.abi, t)
  if not f.align then
    if not (f.packed or f.aligned or f.offset) then
      self:fail(node, "the alignment of this type is not known: say __aligned(n), __packed or offset(n)")
    end
    f.align = 1
  end
  return f
end

local function check_unique(self, seen, f)
  if f.name then
    if seen[f.name] then self:fail(f.node, ("a second member %s"):format(f.name)) end
    seen[f.name] = true
    return
  end
  for _, inner in ipairs(f.t and shape.base(f.t).fields or {}) do
    if inner.t then check_unique(self, seen, {name = inner.name, t = inner.t, node = f.node}) end
  end
end

-- The members that one line declares.
function methods:members(node, fields, seen)
  if node.node == "assert" then return self:assertion(node) end
  local t, flags, front = self:specifier(node.spec)
  for _, word in ipairs{"typedef", "extern", "static"} do
    if flags[word] then self:fail(node, ("%s in a struct"):format(word)) end
  end
  local base = node.spec.base
  if #node.list == 0 then
    if base and base.node == "enum" and base.body then return end
    if not (base and base.body) or base.tag then self:fail(node, "this declares no member") end
    fields[#fields + 1] = self:field(node, t, nil, self:attributes(front))
    check_unique(self, seen, fields[#fields])
  end
  for _, m in ipairs(node.list) do
    local type, name = t, nil
    if m.declarator then type, name = self:declarator(m.declarator, t) end
    local f = self:field(m, type, name, self:attributes(m.attrs, self:attributes(front)))
    check_unique(self, seen, f)
    fields[#fields + 1] = f
    if #fields > MAX_ITEMS then self:fail(m, ("more than %d members"):format(MAX_ITEMS)) end
  end
end

local function check_flexible(self, t)
  for i, f in ipairs(t.fields) do
    if f.t.flexible and (t.kind == "union" or i ~= #t.fields or i == 1) then
      self:fail(f.node, "an array without a length is the last member of a struct of several")
    end
  end
end

-- What was only named before is the same type.
function methods:opened(node)
  local key = node.tag and node.node .. " " .. node.tag
  local t = key and self.scope.tags[key]
  if t and t.forward then
    self.completed[#self.completed + 1] = t
    t.forward = nil
  else
    t = {kind = node.node, tag = node.tag}
    if key then self.scope.tags[key] = t end
  end
  t.open, t.fields = true, {}
  return t
end

function methods:record(node)
  local attrs = self:attributes(node.back, self:attributes(node.front))
  local t = self:opened(node)
  local seen = {}
  for _, m in ipairs(node.body) do self:members(m, t.fields, seen) end
  check_flexible(self, t)
  local record = {union = node.node == "union", packed = attrs.packed, aligned = attrs.aligned, size = attrs.size}
  local size, align, f = layout.place(record, t.fields, self.abi.anon_aligns)
  if not size then self:fail(f and f.node or node, align) end
  t.size, t.align, t.open, t.complete = size, align, nil, true
  self:add(t, node.tag)
  return t
end

return methods
