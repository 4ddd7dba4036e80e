-- SPDX-License-Identifier: BSD-2-Clause
-- What objects of a type look like from Lua: each type that is used gets a shape (csrc/bind/object.h), and each
-- member that is used a field, compiled when it is first asked for. A shape is kept for the handle by the type
-- without its typedefs and qualifiers, so that a place has one object however it was reached.
--
-- A member reads as: integers, enums, bools and floats as Lua values; char [] as a string; structs, unions and
-- arrays as objects at their place; a pointer as the object that it leads to when that is a struct or union, else
-- as a pointer value; NULL as nil. 128-bit integers are strings "0x..." of 32 digits.
local core = require "kvm.core"
local err = require "kvm.error"
local names = require "kvm.object.names"

local objects = core.objects
local check, fail = err.check, err.fail

local M = {}

-- What the objects of a handle share.
local function state_of(k)
  local state = objects.state(k)
  if not state.shapes then
    state.shapes, state.by_key, state.targets, state.places = {}, {}, {}, {}
  end
  return state
end

local RECORD = {struct = true, union = true}

local MAX_DECLARATOR <const> = 64 -- pointers and dimensions

-- A struct that is in the types of a module as well as in the kernel's is the kernel's. Ids are those of one handle.
local function the_kernels(k, t)
  if t:handle() ~= k then fail("inval", "%s is a type of another handle", t:spell()) end
  local name = t:name()
  if not name or not RECORD[t:kind()] or t:id() >> 32 == 0 then return t end
  local known = k:type(t:kind() .. " " .. name)
  return known and known == t and known or t
end

-- The key of a stripped type: equal where objects of the types are the same.
local function key_of(k, t)
  local key = {}
  for _ = 1, MAX_DECLARATOR do
    local kind = t:kind()
    if kind == "pointer" then
      key[#key + 1] = "*"
    elseif kind == "array" then
      key[#key + 1] = ("[%d]"):format(t:count())
    else
      key[#key + 1] = tostring(the_kernels(k, t):id())
      return table.concat(key)
    end
    t = t:target():strip()
  end
  return fail("format", "types: a type of more than %d pointers and dimensions", MAX_DECLARATOR)
end

local SIZES = {[1] = true, [2] = true, [4] = true, [8] = true}

local function check_size(bare, size)
  if not SIZES[size] then fail("unsupported", "%s of %d bytes can't be read", bare:spell(), size) end
end

local shape -- (k, type) -> shape

--- How a value of a type is read.
-- @tparam kvm.Handle k
-- @tparam kvm.Type t
-- @treturn table access and what it needs, as core.objects.field takes it
-- @raise kvm.Error `unsupported`
-- @usage assert(require "kvm.object.shape".describe(k, k:type("int")).access == "int")
function M.describe(k, t)
  local bare = the_kernels(k, t:strip())
  local kind, size = bare:kind(), bare:size()
  if kind == "bool" then
    check_size(bare, size)
    return {access = "bool", size = size}
  end
  if kind == "int" or kind == "char" or kind == "enum" then
    if size == 16 then return {access = "wide", size = 16} end
    check_size(bare, size)
    return {access = bare:signed() and "int" or "uint", size = size}
  end
  if kind == "float" then
    if size ~= 4 and size ~= 8 then fail("unsupported", "a %s of %d bytes can't be read", bare:spell(), size) end
    return {access = "float", size = size}
  end
  if kind == "pointer" then
    check_size(bare, size)
    local target = the_kernels(k, bare:target():strip())
    local leads_to = RECORD[target:kind()] and shape(k, bare:target()) or shape(k, t)
    return {access = "ref", size = size, target = leads_to.index}
  end
  if kind == "array" then
    local element = bare:target():strip()
    if element:kind() == "char" then return {access = "string", count = bare:count()} end
    return {access = "inside", target = shape(k, t).index}
  end
  if RECORD[kind] or kind == "function" or kind == "prototype" then
    return {access = "inside", target = shape(k, t).index}
  end
  return fail("inval", "%s has no value", bare:spell())
end

-- The field for a member that lies at BIT_OFFSET, and has BIT_SIZE bits when it is a bit field.
local function compile(k, t, owner, name, bit_offset, bit_size)
  local d = M.describe(k, t)
  d.owner, d.name = owner, name
  d.offset = bit_offset >> 3
  if bit_size > 0 then
    local as = {int = "sbits", uint = "bits", bool = "boolbits"}
    if not as[d.access] or bit_size > 64 then fail("unsupported", "%s: a bit field of type %s", name, t:spell()) end
    d.access, d.bits, d.shift = as[d.access], bit_size, bit_offset % 8
  elseif bit_offset % 8 ~= 0 then
    fail("format", "%s does not start at a byte", name)
  end
  return objects.field(d, k)
end

--- The field of a member.
-- @tparam table s a shape
-- @tparam string path a member, or members of nested structs: "se.exec_start"
-- @treturn userdata
-- @raise kvm.Error `notfound` with the nearest names
-- @usage local S = require "kvm.object.shape" assert(S.field(S.of(k, k:type("struct list_head")), "next"))
function M.field(s, path)
  local field = rawget(s.fields, path)
  if field then return field end
  if type(path) ~= "string" then fail("inval", "%s has members by name, not by %s", s.type:spell(), type(path)) end
  local found = names.field(s.bare, path)
  field = compile(s.handle, found.type, s.name, path, found.bit_offset, found.bit_size)
  s.fields[path] = field
  return field
end

-- Metatables of objects: filled by kvm.object.
M.metamethods = {}

local function element_of(s)
  local target = s.bare:target()
  s.element_type = target
  s.stride = target:strip():size()
  local kind = target:strip():kind()
  if s.kind == "pointer" and (kind == "void" or kind == "forward") then return nil end
  local d = M.describe(s.handle, target)
  d.owner, d.name = s.name, "[]"
  d.stride, d.count = s.stride, s.count
  return objects.field(d, s.handle)
end

local function refuse_element(s, i)
  if math.type(i) ~= "integer" then
    local hint = s.kind == "pointer" and " (kvm.cast gives a pointer another type)" or ""
    fail("inval", "%s has no member %s%s", s.type:spell(), tostring(i), hint)
  end
  if s.kind == "array" then fail("inval", "[%d] is outside of %s", i, s.type:spell()) end
  return fail("inval", "%s leads to nothing that has a value", s.type:spell())
end

local function bind(s)
  local mt = {__metatable = false, __name = "kvm.Object", __close = nil}
  for name, f in pairs(M.metamethods) do mt[name] = f end
  local state = state_of(s.handle)
  s.index = #state.shapes + 1
  state.shapes[s.index] = s
  state.by_key[s.key] = s
  state.targets[2 * s.index] = mt
  state.targets[2 * s.index + 1] = setmetatable({}, {__mode = "v"})
  local elements = s.kind == "array" or s.kind == "pointer"
  if elements then s.fields[0] = element_of(s) end
  local compile_member = elements and refuse_element or M.field
  setmetatable(s.fields, {__index = function(_, key) return compile_member(s, key) end})
  objects.bind(mt, s, s.fields, state.targets, elements)
end

local KINDS = {struct = "record", union = "record", array = "array", pointer = "pointer", ["function"] = "function",
  prototype = "function", forward = "record", void = "void"}

--- The shape of objects of a type.
-- @tparam kvm.Handle k
-- @tparam kvm.Type t
-- @treturn table `type` (kvm.Type), `bare` (without typedefs), `kind` (record, array, pointer, function or void), `size`,
--  `index`, `handle`; of arrays and pointers `count`, `stride`, `element_type`
-- @raise kvm.Error `inval` for types of plain values
-- @usage assert(require "kvm.object.shape".of(k, k:type("struct list_head")).size == 16)
function M.of(k, t)
  local state = state_of(k)
  local bare = the_kernels(k, t:strip())
  local key = key_of(k, bare)
  local s = state.by_key[key]
  if s then return s end
  local kind = KINDS[bare:kind()]
  if not kind then fail("inval", "%s is a plain value, no object", t:spell()) end
  s = {type = bare:name() and bare or t, bare = bare, key = key, kind = kind, size = bare:size(), handle = k, fields = {}}
  s.name = s.type:name() or s.type:spell()
  if kind == "array" then s.count = bare:count() end
  bind(s)
  return s
end
shape = M.of

--- Whether a member or element is a pointer.
-- @tparam table s a shape
-- @param key member name or index
-- @treturn boolean
-- @usage local S = require "kvm.object.shape" assert(S.leads(S.of(k, k:type("struct list_head")), "next"))
function M.leads(s, key)
  local t = s.element_type or check(s.bare:field(key)).type
  return t:strip():kind() == "pointer"
end

--- The table of a handle's metatables and objects, for core.objects.
-- @tparam kvm.Handle k
-- @treturn table
-- @usage assert(type(require "kvm.object.shape".targets(k)) == "table")
function M.targets(k)
  return state_of(k).targets
end

--- The value of a type at an address: a Lua value, or an object.
-- @tparam kvm.Handle k
-- @tparam kvm.Type t
-- @tparam integer addr
-- @param[opt] path as `root` gives it
-- @raise kvm.Error
-- @usage assert(require "kvm.object.shape".at(k, k:type("int"), k:symbol("linux_banner").value) == 0x756e694c)
function M.at(k, t, addr, path)
  local state = state_of(k)
  local d = M.describe(k, t)
  if d.access == "inside" then return objects.object(state.targets, d.target, addr, path) end
  local field = state.places[t:id()]
  if not field then
    d.owner, d.name = t:spell(), ""
    field = objects.field(d, k)
    state.places[t:id()] = field -- paths refer to it
  end
  local place = objects.object(state.targets, M.void(k).index, addr, path)
  return objects.value(place, state.targets, field)
end

--- The shape of untyped places.
-- @tparam kvm.Handle k
-- @treturn table
-- @usage assert(require "kvm.object.shape".void(k).kind == "void")
function M.void(k)
  local state = state_of(k)
  if not state.void then
    local s = {key = "void", kind = "void", size = 0, handle = k, fields = {}, name = "void"}
    s.type = check(k:type("void"))
    s.bare = s.type
    bind(s)
    state.void = s
  end
  return state.void
end

return M
