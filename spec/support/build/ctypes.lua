-- SPDX-License-Identifier: BSD-2-Clause
-- C types of a 64-bit target from short descriptions: lays structs out as the x86-64 psABI does, packs values into
-- bytes, and makes the BTF of it all.
--   c:struct("list_head", {{"struct list_head *", "next"}, {"struct list_head *", "prev"}})
--   c:pack("struct list_head", {next = 0x1000})
-- A type is spelt as in C: "u32", "struct x", "struct x *"; an array is part of the name: {"char", "comm[16]"}. The
-- members of a member without a name belong to the struct around it.
local btf = require "spec.support.build.btf"

local Types = {}
Types.__index = Types

local BASE = {
  ["char"] = {1, "char"}, ["signed char"] = {1, "signed"}, ["unsigned char"] = {1}, ["short int"] = {2, "signed"},
  ["short unsigned int"] = {2}, ["int"] = {4, "signed"}, ["unsigned int"] = {4}, ["long int"] = {8, "signed"},
  ["long unsigned int"] = {8}, ["long long int"] = {8, "signed"}, ["long long unsigned int"] = {8}, ["_Bool"] = {1, "bool"},
}
local TYPEDEF = {
  u8 = "unsigned char", u16 = "short unsigned int", u32 = "unsigned int", s32 = "int", u64 = "long long unsigned int",
  s64 = "long long int", pid_t = "int", uid_t = "unsigned int", gid_t = "unsigned int", long = "long int",
  ["unsigned long"] = "long unsigned int", bool = "_Bool", pgd_t = "struct .pgd", kuid_t = "struct .kuid",
  kgid_t = "struct .kgid", atomic_t = "struct .atomic", atomic_long_t = "struct .atomic_long",
  atomic64_t = "struct .atomic64",
}

--- No types yet.
function Types.new()
  return setmetatable({layouts = {}, enums = {}, slots = {}, ids = {}}, Types)
end

--- An enum of the given names, from 0 on.
function Types:enum(tag, names)
  self.enums[tag] = names
end

-- The tag of a struct or union, typedefs taken off; nil for other types.
local function tag_of(spelling)
  spelling = TYPEDEF[spelling] or spelling
  return spelling:match "^struct ([^*]*)$" or spelling:match "^union ([^*]*)$"
end

local function split_name(text)
  local name, count = text:match "^([^%[]*)%[(%d+)%]$"
  return name or text, count and tonumber(count)
end

-- Size and alignment of a type.
function Types:measure(spelling)
  if spelling:find "%*$" then return 8, 8 end
  local base = BASE[spelling]
  if base then return base[1], base[1] end
  local tag = tag_of(spelling)
  if tag then
    local l = assert(self.layouts[tag], spelling .. " is not defined")
    return l.size, l.align
  end
  if spelling:find "^enum " then return 4, 4 end
  return self:measure(assert(TYPEDEF[spelling], spelling .. " is not known"))
end

function Types:sizeof(spelling) return (self:measure(spelling)) end

local function define(self, kind, tag, members)
  local l = {kind = kind, tag = tag, members = {}, by_name = {}, size = 0, align = 1}
  for i, m in ipairs(members) do
    local name, count = split_name(m[2])
    local size, align = self:measure(m[1])
    local at = kind == "union" and 0 or (l.size + align - 1) // align * align
    local member = {type = m[1], name = name, count = count, offset = at, size = size}
    l.members[i] = member
    l.by_name[name ~= "" and name or i] = member
    l.size = math.max(l.size, at + size * (count or 1))
    l.align = math.max(l.align, align)
  end
  l.size = (l.size + l.align - 1) // l.align * l.align
  self.layouts[tag] = l
end

function Types:struct(tag, members) define(self, "struct", tag, members) end
function Types:union(tag, members) define(self, "union", tag, members) end

-- The member of that name, looked for in nameless members too, and its offset.
local function find(self, l, name)
  local m = l.by_name[name]
  if m then return m, m.offset end
  for _, inner in ipairs(l.members) do
    if inner.name == "" then
      local found, at = find(self, self.layouts[tag_of(inner.type)], name)
      if found then return found, inner.offset + at end
    end
  end
end

--- Offset of a member of struct `tag`; "a.b" goes into structs, "a[2]" into arrays.
function Types:offset(tag, path)
  local l, at = assert(self.layouts[tag], tag), 0
  for step in path:gmatch "[^.]+" do
    local name, index = split_name(step)
    local m, off = find(self, l, name)
    if not m then error(tag .. " has no " .. path) end
    at = at + off + (index or 0) * m.size
    l = self.layouts[tag_of(m.type)]
  end
  return at
end

local function pack_one(self, spelling, value)
  local size = self:measure(spelling)
  if type(value) == "table" then return self:pack(spelling, value) end
  if math.type(value) ~= "integer" then error(("%s is not a value of %s"):format(value, spelling)) end
  if size == 8 then return ("<i8"):pack(value) end
  return ("<I" .. size):pack(value & (1 << size * 8) - 1)
end

local function pack_member(self, m, value)
  if type(value) == "string" then return value end
  if not m.count then return pack_one(self, m.type, value) end
  local out = {}
  for i, v in ipairs(value) do out[i] = pack_one(self, m.type, v) end
  return table.concat(out)
end

--- The bytes of a struct; members without a value are zero, strings are copied as they are.
function Types:pack(spelling, values)
  local l = self.layouts[tag_of(spelling)]
  local bytes = ("\0"):rep(l.size)
  for name, value in pairs(values) do
    local m, at = find(self, l, name)
    if not m then error(spelling .. " has no " .. name) end
    local part = pack_member(self, m, value)
    assert(#part <= m.size * (m.count or 1), name)
    bytes = bytes:sub(1, at) .. part .. bytes:sub(at + #part + 1)
  end
  return bytes
end

-- --- BTF. Ids are reserved when a type is first mentioned, and the records are written in the order of the ids.

local function reserve(self, key, write)
  self.slots[#self.slots + 1] = write
  self.ids[key] = #self.slots
  return #self.slots
end

local function write_composite(self, b, kind, tag)
  local l = self.layouts[tag]
  if not l then return b:fwd(tag, kind == "union") end
  local members = {}
  for i, m in ipairs(l.members) do
    members[i] = {m.name, self:id(m.count and ("%s[%d]"):format(m.type, m.count) or m.type), m.offset * 8}
  end
  return b:composite(l.kind, tag:find "^%." and "" or tag, l.size, members)
end

--- The BTF id of a type. Tags that begin with a dot are anonymous.
function Types:id(spelling)
  if self.ids[spelling] then return self.ids[spelling] end
  if spelling == "void" then return 0 end
  local element, count = spelling:match "^(.-)%[(%d+)%]$"
  if element then
    return reserve(self, spelling, function(b) return b:array(self:id(element), tonumber(count), self:id "int") end)
  end
  local target = spelling:match "^(.-) ?%*$"
  if target then return reserve(self, spelling, function(b) return b:ptr(self:id(target)) end) end
  local base = BASE[spelling]
  if base then return reserve(self, spelling, function(b) return b:int(spelling, base[1], base[2]) end) end
  local kind, tag = spelling:match "^(%l+) (.*)$"
  if kind == "struct" or kind == "union" then
    return reserve(self, spelling, function(b) return write_composite(self, b, kind, tag) end)
  end
  if kind == "enum" then
    return reserve(self, spelling, function(b)
      local values = {}
      for i, name in ipairs(self.enums[tag]) do values[i] = {name, i - 1} end
      return b:enum(tag, 4, values)
    end)
  end
  return reserve(self, spelling, function(b) return b:typedef(spelling, self:id(TYPEDEF[spelling])) end)
end

--- The BTF blob of all structs that were defined, and all they mention.
function Types:btf(big)
  local tags = {}
  for tag in pairs(self.layouts) do tags[#tags + 1] = tag end
  table.sort(tags)
  for _, tag in ipairs(tags) do
    if not tag:find "^%." then self:id(self.layouts[tag].kind .. " " .. tag) end
  end
  for tag in pairs(self.enums) do self:id("enum " .. tag) end
  local b, i = btf.new(big), 1
  while self.slots[i] do -- writing may reserve more
    assert(self.slots[i](b) == i)
    i = i + 1
  end
  return b:bytes(), b
end

return Types
