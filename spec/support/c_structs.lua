-- SPDX-License-Identifier: BSD-2-Clause
-- Random C structs, the same ones for the same seed: nested, packed, aligned, unions, bit fields of all integer types (named, without
-- a name, of no width), arrays, enums, pointers, flexible arrays. Every text is C that gcc takes and kvm.cdef too.
local M = {}

-- A generator of its own (Numerical Recipes' LCG), so that the structs do not depend on Lua's.
local Random = {}
Random.__index = Random

function Random:below(n)
  self.state = (self.state * 1664525 + 1013904223) & 0xffffffff
  return (self.state >> 8) % n
end
function Random:pick(list) return list[self:below(#list) + 1] end
function Random:chance(percent) return self:below(100) < percent end

local INTEGERS = {
  {"char", 8}, {"signed char", 8}, {"unsigned char", 8}, {"short", 16}, {"unsigned short", 16}, {"int", 32}, {"unsigned int", 32},
  {"long long", 64}, {"unsigned long long", 64}, {"_Bool", 1}, {"u8", 8}, {"u64", 64}, {"enum small", 8}, {"enum wide", 64},
  {"enum color", 32},
}
local INT128 = {{"__int128", 128}, {"unsigned __int128", 128}}
local LONG = {{"long", 32}, {"unsigned long", 32}} -- 32 bits are there on every machine
local SCALARS = {
  "char", "signed char", "unsigned char", "short", "unsigned short", "int", "unsigned", "long", "unsigned long", "long long",
  "unsigned long long", "_Bool", "float", "double", "long double", "u8", "u16", "u32", "u64", "enum color", "enum wide", "enum small",
  "aligned_int", "loose_u64",
}

--- What every text begins with.
M.PROLOGUE = [[
typedef unsigned char u8; typedef unsigned short u16; typedef unsigned int u32; typedef unsigned long long u64;
enum color { RED = 1, GREEN, BLUE = RED + 4 };
enum wide { WIDE = 1ull << 40, NARROW = 1 };
enum __attribute__((packed)) small { SMALL = 200, TINY };
typedef int aligned_int __attribute__((aligned(16)));
typedef u64 loose_u64 __attribute__((aligned(2)));
]]

local Maker = {}
Maker.__index = Maker

function Maker:name()
  self.names = self.names + 1
  return "m" .. self.names
end

local function attributes(r, percent)
  if not r:chance(percent) then return "" end
  if r:chance(40) then return " __attribute__((packed))" end
  if r:chance(20) then return " __attribute__((aligned))" end
  return (" __attribute__((aligned(%d)))"):format(1 << r:below(6))
end

function Maker:bit_field()
  local r = self.random
  local t = r:chance(15) and r:pick(LONG) or r:pick(INTEGERS)
  if self.int128 and r:chance(5) then t = r:pick(INT128) end
  if r:chance(8) then return ("%s : 0;"):format(t[1]) end
  local width = r:chance(15) and t[2] or r:below(t[2]) + 1
  if r:chance(10) then return ("%s : %d;"):format(t[1], width) end
  return ("%s %s : %d%s;"):format(t[1], self:name(), width, attributes(r, 5))
end

local POINTERS = {"void *%s", "const char *%s", "struct s1 *%s", "struct unknown **%s", "int (*%s)(int, struct s1 *, ...)",
  "u64 (*%s[2])[3]", "void (*const %s)(void)", "char *const *%s"}

function Maker:pointer()
  return self.random:pick(POINTERS):format(self:name()) .. attributes(self.random, 8) .. ";"
end

function Maker:record(depth)
  local r = self.random
  local kind = r:chance(25) and "union" or "struct"
  local name = r:chance(40) and "" or " " .. self:name() .. (r:chance(20) and "[2]" or "")
  return ("%s {\n%s}%s%s;"):format(kind, self:members(depth + 1, 1 + r:below(5)), attributes(r, 30), name)
end

function Maker:scalar()
  local r = self.random
  local dims = r:chance(25) and ("[%d]"):format(r:below(5)) or ""
  if dims ~= "" and r:chance(30) then dims = dims .. ("[%d]"):format(1 + r:below(3)) end
  -- gcc refuses arrays of elements whose alignment is larger than their size
  local t = r:pick(SCALARS)
  if self.int128 and r:chance(5) then t = "__int128" end
  if t == "aligned_int" then dims = "" end
  local qualifier = r:chance(10) and "const " or r:chance(5) and "volatile " or ""
  return ("%s%s %s%s%s;"):format(qualifier, t, self:name(), dims, attributes(r, 12))
end

function Maker:earlier()
  local tag = self.random:pick(self.tags)
  return ("struct %s %s%s;"):format(tag, self:name(), attributes(self.random, 10))
end

function Maker:member(depth)
  local n = self.random:below(100)
  if n < 40 then return self:bit_field() end
  if n < 50 then return self:pointer() end
  if n < 60 and depth < 3 then return self:record(depth) end
  if n < 67 and #self.tags > 0 then return self:earlier() end
  return self:scalar()
end

function Maker:members(depth, count)
  local out = {}
  for i = 1, count do out[i] = ("  "):rep(depth) .. self:member(depth) .. "\n" end
  return table.concat(out)
end

--- Makes structs s1, s2, ... sCOUNT.
-- @tparam integer seed
-- @tparam integer count
-- @tparam[opt] boolean int128 the target has integers of 128 bits
-- @treturn string C
-- @treturn {string,...} their tags
function M.make(seed, count, int128)
  local m = setmetatable({random = setmetatable({state = seed}, Random), tags = {}, names = 0, int128 = int128}, Maker)
  local out = {M.PROLOGUE}
  for i = 1, count do
    local tail = m.random:chance(10) and "  int first; short tail[];\n" or ""
    out[#out + 1] = ("struct s%d {\n%s%s}%s;\n"):format(i, m:members(1, 1 + m.random:below(9)), tail, attributes(m.random, 25))
    m.tags[i] = "s" .. i
    if tail ~= "" then m.tags[i] = m.tags[math.max(1, i - 1)] end -- not a part of others
  end
  local tags = {}
  for i = 1, count do tags[i] = "s" .. i end
  return table.concat(out), tags
end

-- One line for each member, of nested structs too.
local function describe(t, lines, indent, depth)
  for _, m in ipairs(t:members()) do
    lines[#lines + 1] = ("%s%s %s at %d:%d size %d"):format(indent, m.type:spell(), m.name or "-", m.bit_offset, m.bit_size,
      m.type:size())
    local inner = m.type
    while inner:kind() == "array" do inner = inner:target() end
    local kind = inner:kind()
    if (kind == "struct" or kind == "union") and depth < 8 then describe(inner, lines, indent .. "  ", depth + 1) end
  end
end

--- The layout of a struct in words.
-- @tparam kvm.Type t
-- @treturn string
function M.describe(t)
  local lines = {("%s size %d"):format(t:spell(), t:size())}
  describe(t, lines, "  ", 0)
  return table.concat(lines, "\n")
end

return M
