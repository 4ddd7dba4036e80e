-- SPDX-License-Identifier: BSD-2-Clause
-- Assignment to members and elements: `o.member = v`. Values are checked for range and type before a byte is written; what
-- the handle does not allow to write it refuses itself.
local core = require "kvm.core"
local err = require "kvm.error"

local objects = core.objects
local M = {}

local function fail(form, ...)
  err.fail("inval", form, ...)
end

local function enumerator(t, name)
  for _, e in ipairs(t:enumerators()) do
    if e.name == name then return e.value end
  end
  return fail("%s has no enumerator %s", t:spell(), name)
end

-- V as an integer of BITS bits.
local function integer(t, v, bits)
  if type(v) == "string" and t:kind() == "enum" then v = enumerator(t, v) end
  if type(v) == "boolean" and t:kind() == "bool" then v = v and 1 or 0 end
  local i = type(v) == "number" and math.tointeger(v)
  if not i then fail("%s takes an integer, not %s", t:spell(), type(v) == "string" and ("%q"):format(v) or tostring(v)) end
  local low, high = math.mininteger, math.maxinteger -- of 64 bits, either sign
  if bits < 64 then
    local signed = t:signed()
    low, high = signed and -(1 << bits - 1) or 0, (1 << (signed and bits - 1 or bits)) - 1
  end
  if t:kind() == "bool" then low, high = 0, 1 end
  if i < low or i > high then fail("%d is outside of %d to %d", i, low, high) end
  return i
end

local function address(k, t, v)
  if v == nil then return 0 end
  local addr = v
  if math.type(v) ~= "integer" then
    local s = objects.shape(v) or fail("%s takes an object, an address or nil, not %s", t:spell(), type(v))
    if s.handle ~= k then fail("the object is of another handle") end
    addr = objects.addr(v) or fail("the object has no address")
  end
  if t:size() == 4 and addr >> 32 ~= 0 then fail("0x%x does not fit into a pointer of 4 bytes", addr) end
  return addr
end

local function pack(k, size, v)
  local form = (k:info().byte_order == "big" and ">" or "<") .. "I" .. size
  if size < 8 then v = v & (1 << 8 * size) - 1 end
  if size == 16 then fail("128-bit integers can't be written") end
  return form:pack(v)
end

local function floating(k, t, v)
  if type(v) ~= "number" then fail("%s takes a number, not %s", t:spell(), type(v)) end
  local order = k:info().byte_order == "big" and ">" or "<"
  local form = order .. (t:size() == 4 and "f" or "d")
  local bytes = form:pack(v)
  if math.abs(form:unpack(bytes)) == math.huge and math.abs(v) ~= math.huge then fail("%s is too large for %s", v, t:spell()) end
  return bytes
end

local function string_bytes(t, v)
  local room = t:count()
  if type(v) ~= "string" then fail("%s takes a string, not %s", t:spell(), type(v)) end
  if #v > room then fail("%d bytes do not fit into %s", #v, t:spell()) end
  return v .. ("\0"):rep(room - #v)
end

-- The bytes of another object of the same type; of a copy, those that were copied.
local function same_bytes(k, t, v)
  local s = objects.shape(v)
  if not s or s.bare ~= t then fail("%s takes an object of its type", t:spell()) end
  if s.handle ~= k then fail("the object is of another handle") end
  if objects.copied(v) then return objects.bytes(v, t:size()) end
  return err.check(k:read(objects.addr(v), t:size()))
end

local function encode(k, t, v)
  local kind, size = t:kind(), t:size()
  if kind == "pointer" then return pack(k, size, address(k, t, v)) end
  if kind == "float" then return floating(k, t, v) end
  if kind == "array" and t:target():strip():kind() == "char" then return string_bytes(t, v) end
  if kind == "struct" or kind == "union" or kind == "array" then return same_bytes(k, t, v) end
  if kind == "int" or kind == "char" or kind == "enum" or kind == "bool" then
    return pack(k, size, integer(t, v, 8 * size))
  end
  return fail("%s can't be written", t:spell())
end

-- The bytes that hold a bit field, with its bits changed.
local function merge_bits(k, addr, t, v, shift, bits)
  local len = (shift + bits + 7) // 8
  local mask = bits == 64 and -1 or (1 << bits) - 1
  local new = integer(t, v, bits) & mask
  local bytes = {err.check(k:read(addr, len)):byte(1, -1)}
  local big = k:info().byte_order == "big"
  for i = 0, bits - 1 do -- from the lowest bit on
    local at = big and shift + bits - 1 - i or shift + i -- counted from the first byte
    local byte = at // 8 + 1
    local bit = big and 7 - at % 8 or at % 8
    bytes[byte] = bytes[byte] & ~(1 << bit) | (new >> i & 1) << bit
  end
  return string.char(table.unpack(bytes))
end

--- Writes a value where a member lies.
-- @tparam kvm.Handle k
-- @tparam integer addr of the struct
-- @tparam table place as `Type:field` gives it
-- @param v the value
-- @raise kvm.Error `inval`: it does not fit, or the handle is not open for writing; `fault`, `excluded`
-- @usage assert(not pcall(require "kvm.object.write".place, k, 0, k:type("struct list_head"):field("next"), 0))
function M.place(k, addr, place, v)
  local t = place.type:strip()
  local bytes
  addr = addr + (place.bit_offset >> 3)
  if place.bit_size > 0 then
    bytes = merge_bits(k, addr, t, v, place.bit_offset % 8, place.bit_size)
  else
    bytes = encode(k, t, v)
  end
  err.check(k:write(addr, bytes))
end

return M
