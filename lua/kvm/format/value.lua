-- SPDX-License-Identifier: BSD-2-Clause
-- Plain values of C as text: numbers, enums, strings, pointers, and what stands in the place of a value that can't be read.
-- All text that comes from a dump is escaped.
local format = require "kvm.format"

local M = {}

-- V as unsigned 64 bits.
local function unsigned(v)
  if v >= 0 then return ("%d"):format(v) end
  local tens = (v >> 1) // 5
  return ("%d%d"):format(tens, v - tens * 10)
end

--- An integer.
-- @tparam kvm.Type t integer type, stripped
-- @tparam integer|string v a string is a 128-bit integer as objects give it, "0x" and 32 digits
-- @tparam boolean hex
-- @treturn string
-- @usage assert(require "kvm.format.value".integer(k:type("int"), -1, true) == "0xffffffff")
function M.integer(t, v, hex)
  if type(v) == "string" then return (v:gsub("^0x0+(%x)", "0x%1")) end
  if hex then
    local bits = 8 * t:size()
    return ("0x%x"):format(bits < 64 and v & (1 << bits) - 1 or v)
  end
  return t:signed() and ("%d"):format(v) or unsigned(v)
end

-- The names of an enum by value; and, when no two of its values share a bit, its flags in order.
local function names_of(t)
  local names, flags, seen, disjoint = {}, {}, 0, true
  for _, e in ipairs(t:enumerators()) do
    if not names[e.value] then
      names[e.value] = e.name
      if e.value & seen ~= 0 or e.value < 0 then disjoint = false end
      if e.value ~= 0 then flags[#flags + 1] = e end
      seen = seen | e.value
    end
  end
  return {names = names, flags = disjoint and #flags > 1 and flags or nil}
end

--- A value of an enum: its name; of an enum of flags (no two values share a bit) the names joined with "|"; else the
-- number.
-- @tparam kvm.Type t enum, stripped
-- @tparam integer v
-- @tparam boolean hex
-- @tparam[opt] table cache by type id, of names; filled
-- @treturn string
-- @usage assert(require "kvm.format.value".enum(k:type("enum pid_type"), 0) == "PIDTYPE_PID")
function M.enum(t, v, hex, cache)
  local known = cache and cache[t:id()] or names_of(t)
  if cache then cache[t:id()] = known end
  if known.names[v] then return format.escape(known.names[v]) end
  local parts, left = {}, v
  for _, e in ipairs(known.flags or {}) do
    if v & e.value == e.value then
      parts[#parts + 1] = format.escape(e.name)
      left = left & ~e.value
    end
  end
  if #parts == 0 then return M.integer(t, v, hex) end
  if left ~= 0 then parts[#parts + 1] = M.integer(t, left, true) end
  return table.concat(parts, "|")
end

--- A floating-point number with the digits that tell it from its neighbours.
-- @tparam number v
-- @treturn string
-- @usage assert(require "kvm.format.value".float(0.1) == "0.1" and require "kvm.format.value".float(2.0) == "2.0")
function M.float(v)
  if v ~= v then return "nan" end
  if v == math.huge or v == -math.huge then return v > 0 and "inf" or "-inf" end
  local text = ("%.15g"):format(v)
  if tonumber(text) ~= v then text = ("%.17g"):format(v) end
  return text:find "[.e]" and text or text .. ".0"
end

--- Text as a C string, cut to a number of bytes.
-- @tparam string s
-- @tparam integer max bytes
-- @treturn string with its quotes; "..." behind them where it was cut
-- @usage assert(require "kvm.format.value".string('a"\n', 100) == [["a\"\n"]])
function M.string(s, max)
  local cut = #s > max
  if cut then s = s:sub(1, max) end
  return '"' .. format.escape((s:gsub('[\\"]', "\\%0"))) .. '"' .. (cut and "..." or "")
end

--- A single character: its number, and itself where it can be shown.
-- @tparam kvm.Type t char type, stripped
-- @tparam integer v
-- @tparam boolean hex
-- @treturn string
-- @usage assert(require "kvm.format.value".char(k:type("char"), 65) == "65 'A'")
function M.char(t, v, hex)
  local number = M.integer(t, v, hex)
  if v < 0x20 or v > 0x7e then return number end
  return ("%s '%s'"):format(number, (string.char(v):gsub("[\\']", "\\%0")))
end

--- "<symbol+0x10>" for an address.
-- @tparam kvm.Handle k
-- @tparam integer addr
-- @treturn string; nil where no symbol covers it
-- @usage assert(require "kvm.format.value".symbol(k, k:symbol("init_task").value + 16) == "<init_task+0x10>")
function M.symbol(k, addr)
  local sym, offset = k:symbol(addr)
  if not sym then return nil end
  local name = format.escape(sym.name)
  return offset == 0 and ("<%s>"):format(name) or ("<%s+0x%x>"):format(name, offset)
end

--- What stands in the place of a value that can't be read: "<fault 0x10>", "<excluded 0xffff888000001000>"; else "<code>".
-- @tparam kvm.Error e
-- @treturn string
-- @usage assert(require "kvm.format.value".failure(select(2, kvm.try(k.u64, k, 1))) == "<fault 0x1>")
function M.failure(e)
  return e.addr and ("<%s 0x%x>"):format(e.code, e.addr) or ("<%s>"):format(e.code)
end

return M
