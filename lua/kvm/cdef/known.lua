-- SPDX-License-Identifier: BSD-2-Clause
-- Types that declarations build on: those that a handle has (through k:type), and where it has none the basic types of C for its
-- machine and the names of fixed meaning (u8, uint32_t, size_t ...). Debug information does not tell alignments: that of a struct
-- is taken from its members where its layout shows it to be laid out plainly, and is unknown where it shows otherwise (packed, or
-- aligned by an attribute); a packed or aligned struct that is laid out as a plain one can't be told from it.
local err = require "kvm.error"

local M = {}

local MAX_NESTING = 32

-- Basic types by rank: gcc's names signed and unsigned, and where the ABI has size and alignment.
local RANKS = {
  char = {"signed char", "unsigned char", 1}, short = {"short int", "short unsigned int", 2},
  int = {"int", "unsigned int", 4}, long = {"long int", "long unsigned int", "long"},
  long_long = {"long long int", "long long unsigned int", "long_long"}, int128 = {"__int128", "__int128 unsigned", "int128"},
}
local FLOATS = {float = 4, double = "double", ["long double"] = "long_double"}

-- Names of fixed meaning, by what they stand for (Linux include/uapi/asm-generic/int-ll64.h, include/linux/types.h, 6.12; C11 7.20).
local TYPEDEFS = {}
for meaning, names in pairs{
  ["signed char"] = "s8 __s8 int8_t", ["unsigned char"] = "u8 __u8 uint8_t u_int8_t u_char uchar unchar",
  short = "s16 __s16 int16_t", ["unsigned short"] = "u16 __u16 uint16_t u_int16_t __le16 __be16 __sum16 u_short ushort umode_t",
  int = "s32 __s32 int32_t pid_t __kernel_pid_t",
  ["unsigned int"] = "u32 __u32 uint32_t u_int32_t __le32 __be32 __wsum u_int uint",
  ["long long"] = "s64 __s64 int64_t loff_t ktime_t",
  ["unsigned long long"] = "u64 __u64 uint64_t u_int64_t __le64 __be64",
  ["unsigned long"] = "uintptr_t u_long ulong", long = "intptr_t", _Bool = "bool",
} do
  for name in names:gmatch "%S+" do TYPEDEFS[name] = meaning end
end
-- Of the width of a pointer: what they stand for in 4 and 8 bytes.
local WORDS = {size_t = {"unsigned int", "unsigned long"}, ssize_t = {"int", "long"}, ptrdiff_t = {"int", "long"}}

local function pair(abi, where)
  if type(where) == "number" then return where, where end
  local v = abi[where]
  if type(v) == "number" then return v, v end
  if v then return v[1], v[2] end
end

-- How many times each word stands in a list.
local function count(words)
  local n = setmetatable({}, {__index = function() return 0 end})
  for _, w in ipairs(words) do n[w] = n[w] + 1 end
  return n
end

local function integer(n)
  if n.long > 2 or n.short > 1 or n.int > 1 or n.char > 1 or n.short > 0 and (n.long > 0 or n.char > 0) then return end
  if n.char > 0 and (n.long > 0 or n.int > 0) then return end
  if n.__int128 > 0 and n.__int128 + n.long + n.short + n.int + n.char > 1 then return end
  return RANKS[n.char > 0 and "char" or n.short > 0 and "short" or n.__int128 > 0 and "int128" or n.long == 1 and "long"
    or n.long == 2 and "long_long" or "int"]
end

--- The basic type that words spell, as a declaration for k:declare.
-- @tparam table abi of kvm.cdef.abi
-- @tparam {string,...} words such as "unsigned", "long"
-- @treturn table `kind`, `name`, `size`, `signed`, and `align` (bytes); {kind = "void"}; nil: there is no such type
-- @usage assert(require "kvm.cdef.known".basic({long=8}, {"long"}).name == "long int")
function M.basic(abi, words)
  local n = count(words)
  if n.void > 0 then return #words == 1 and {kind = "void", size = 0, align = 1} or nil end
  if n._Bool > 0 then return #words == 1 and {kind = "bool", name = "_Bool", size = 1, align = 1} or nil end
  local sign = n.signed + n.unsigned
  if sign > 1 then return end
  if n.float + n.double > 0 then
    local name = n.long > 0 and "long double" or words[1]
    if #words ~= (n.long > 0 and 2 or 1) or n.long > 0 and n.double == 0 then return end
    local size, align = pair(abi, FLOATS[name])
    return {kind = "float", name = name, size = size, align = align}
  end
  local rank = integer(n)
  local size, align = nil, nil
  if rank then size, align = pair(abi, rank[3]) end
  if not size then return end
  if n.char > 0 and sign == 0 then
    return {kind = "char", name = "char", size = 1, align = 1, signed = abi.char_signed or false}
  end
  return {kind = "int", name = rank[n.unsigned > 0 and 2 or 1], size = size, align = align, signed = n.unsigned == 0}
end

--- What a name of fixed meaning stands for.
-- @tparam table abi
-- @tparam string name such as "u32"
-- @treturn string the words of a basic type; nil: no such name
-- @usage assert(require "kvm.cdef.known".meaning({pointer=8}, "size_t") == "unsigned long")
function M.meaning(abi, name)
  return WORDS[name] and WORDS[name][abi.pointer // 4] or TYPEDEFS[name]
end

-- --- types of the handle
local PASSED = {typedef = true, const = true, volatile = true, restrict = true, tag = true}

-- A type behind its typedefs and qualifiers, and its alignment where a typedef tells it.
local function strip(abi, t)
  local align = nil
  while PASSED[t:kind()] do
    align = align or t:kind() == "typedef" and abi.typedefs and abi.typedefs[t:name()]
    t = err.check(t:target())
  end
  return t, align
end

local alignment

-- Whether members lie as a plain struct's would, for a struct that is aligned to ALIGN.
local function is_plain(abi, t, align, depth)
  local union, stop, loose = t:kind() == "union", 0, false
  for _, m in ipairs(err.check(t:members())) do
    local bits = m.bit_size
    if bits == 0 then
      local own = alignment(abi, m.type, depth + 1)
      if not own or m.offset % own ~= 0 then return false end
      -- a gap that the member's alignment does not need; bit fields without a name are not told of
      if not union and not loose and m.offset - stop >= own then return false end
      bits = m.type:size() * 8
    end
    loose = m.bit_size ~= 0
    stop = math.max(stop, (m.bit_offset + bits + 7) // 8)
  end
  return t:size() % align == 0 and t:size() - stop < align + (loose and align or 0)
end

local function of_record(abi, t, depth)
  local align = 1
  if depth > MAX_NESTING then return nil end
  for _, m in ipairs(err.check(t:members())) do
    local own = alignment(abi, m.type, depth + 1)
    if not own then return nil end
    align = math.max(align, own)
  end
  if is_plain(abi, t, align, depth) then return align end
  return t:size() % 2 == 1 and 1 or nil
end

-- As a member of a struct, in bytes; nil where it can't be told.
function alignment(abi, t, depth)
  local told
  t, told = strip(abi, t)
  if told then return told end
  local kind, size = t:kind(), t:size()
  if kind == "array" then return alignment(abi, t:target(), depth) end
  if kind == "struct" or kind == "union" then return of_record(abi, t, depth) end
  if kind == "forward" or kind == "void" or kind == "prototype" then return nil end
  if kind == "float" then
    for _, where in pairs(FLOATS) do
      local bytes, align = pair(abi, where)
      if bytes == size then return align end
    end
  end
  if kind == "pointer" or size <= 4 then return math.max(size, 1) end
  local _, align = pair(abi, size == 16 and "int128" or "long_long")
  return align
end

--- The alignment of a type of a handle, as a member.
-- @tparam table abi
-- @tparam kvm.Type t
-- @treturn integer bytes; nil where debug information does not tell it
-- @usage assert(require "kvm.cdef.known".alignment(require "kvm.cdef.abi".of(k:info()), k:type("struct list_head")) == 8)
function M.alignment(abi, t) return alignment(abi, t, 0) end

--- The kind of a type behind its typedefs and qualifiers.
-- @tparam kvm.Type t
-- @treturn string as `Type:kind` names it
-- @treturn kvm.Type the type of that kind
-- @usage assert(require "kvm.cdef.known".kind(k:type("pid_t")) == "int")
function M.kind(t)
  t = strip({}, t)
  return t:kind(), t
end

return M
