-- SPDX-License-Identifier: BSD-2-Clause
-- CTF of FreeBSD and illumos from a description of types (FreeBSD's sys/sys/ctf.h, 14.0), versions 2 and 3, both byte
-- orders. Numbers are handed out in the order of the calls, from 1 on.
local codec = require "spec.support.build.codec"

local M = {}

local KIND = {
  int = 1, float = 2, ptr = 3, array = 4, func = 5, struct = 6, union = 7, enum = 8, fwd = 9, typedef = 10, volatile = 11,
  const = 12, restrict = 13,
}
local ENCODING = {signed = 1, char = 2, bool = 4}

local Ctf = {}
Ctf.__index = Ctf

--- A builder; version 2 or 3.
function M.new(version, big)
  local e = big and ">" or "<"
  return setmetatable({
    version = version, e = e, word = e .. (version == 3 and "I4" or "I2"), types = {}, strings = {"\0"}, at = {[""] = 0}, length = 1,
    objects = {}, functions = {},
  }, Ctf)
end

function Ctf:string(s)
  s = s or ""
  if not self.at[s] then
    self.at[s] = self.length
    self.strings[#self.strings + 1] = s .. "\0"
    self.length = self.length + #s + 1
  end
  return self.at[s]
end

local function words(self, ...)
  local out = {}
  for i, v in ipairs {...} do out[i] = self.word:pack(v) end
  return table.concat(out)
end

local function info(self, kind, count)
  if self.version == 3 then return KIND[kind] << 26 | 1 << 25 | count end
  return KIND[kind] << 11 | 1 << 10 | count
end

local function add(self, name, kind, count, ref, tail)
  self.types[#self.types + 1] = (self.e .. "I4"):pack(self:string(name)) .. words(self, info(self, kind, count), ref) .. (tail or "")
  return #self.types
end

local function add_sized(self, name, kind, count, size, tail)
  local sentinel = self.version == 3 and 0xffffffff or 0xffff
  if size < sentinel then return add(self, name, kind, count, size, tail) end
  return add(self, name, kind, count, sentinel, (self.e .. "I4I4"):pack(size >> 32, size & 0xffffffff) .. tail)
end

--- An integer; encoding: "signed", "char", "bool" or nil.
function Ctf:int(name, size, encoding, bits)
  return add_sized(self, name, "int", 1, size, (self.e .. "I4"):pack((ENCODING[encoding] or 0) << 24 | (bits or 8 * size)))
end
function Ctf:float(name, size)
  return add_sized(self, name, "float", 1, size, (self.e .. "I4"):pack((size == 4 and 1 or 2) << 24 | 8 * size))
end
function Ctf:typedef(name, id) return add(self, name, "typedef", 0, id) end
for _, kind in ipairs {"ptr", "const", "volatile", "restrict"} do
  Ctf[kind] = function(self, id) return add(self, nil, kind, 0, id) end
end
function Ctf:fwd(name, kind) return add(self, name, "fwd", 0, KIND[kind] or 0) end
function Ctf:array(id, count, index)
  return add_sized(self, nil, "array", 1, 0, words(self, id, index or id) .. (self.e .. "I4"):pack(count))
end

--- A struct or union; members: a list of {name, id, bit offset}.
function Ctf:composite(kind, name, size, members)
  local large, tail = size >= (self.version == 3 and 1 << 29 or 1 << 13), {}
  for i, m in ipairs(members) do
    local head = (self.e .. "I4"):pack(self:string(m[1])) .. words(self, m[2])
    if large then
      local pad = self.version == 2 and words(self, 0) or ""
      tail[i] = head .. pad .. (self.e .. "I4I4"):pack(m[3] >> 32, m[3] & 0xffffffff)
    else
      tail[i] = head .. words(self, m[3])
    end
  end
  return add_sized(self, name, kind, #members, size, table.concat(tail))
end
function Ctf:struct(...) return self:composite("struct", ...) end
function Ctf:union(...) return self:composite("union", ...) end

--- An enum; values: a list of {name, value}.
function Ctf:enum(name, size, values)
  local tail = {}
  for i, v in ipairs(values) do tail[i] = (self.e .. "I4i4"):pack(self:string(v[1]), v[2]) end
  return add_sized(self, name, "enum", #values, size, table.concat(tail))
end

--- A function type; parameters: a list of ids, a 0 at the end stands for "...".
function Ctf:func(result, parameters)
  local tail = words(self, table.unpack(parameters))
  return add(self, nil, "func", #parameters, result, tail .. ("\0"):rep(-#tail % 4))
end

--- Entries of the two sections that run parallel to the symbol table: an object of a type (0: not known), a function.
function Ctf:object(id) self.objects[#self.objects + 1] = words(self, id) end
function Ctf:routine(result, parameters)
  self.functions[#self.functions + 1] = result and words(self, info(self, "func", #parameters), result, table.unpack(parameters))
    or words(self, 0)
end

--- The bytes. t: compressed, parent and label (of the parent), labels (a list of names)
function Ctf:bytes(t)
  t = t or {}
  local labels = {}
  for i, name in ipairs(t.labels or {}) do labels[i] = (self.e .. "I4I4"):pack(self:string(name), #self.types) end
  local label, parent = self:string(t.label), self:string(t.parent)
  labels = table.concat(labels)
  local objects, functions, types = table.concat(self.objects), table.concat(self.functions), table.concat(self.types)
  functions = functions .. ("\0"):rep(-(#labels + #objects + #functions) % 4)
  local at = {0, #labels}
  for _, s in ipairs {objects, functions, types} do at[#at + 1] = at[#at] + #s end
  local strings = table.concat(self.strings)
  local head = (self.e .. "I2I1I1I4I4I4I4I4I4I4I4"):pack(0xcff1, self.version, t.compressed and 1 or 0, label, parent, at[1], at[2],
    at[3], at[4], at[5], #strings)
  local body = labels .. objects .. functions .. types .. strings
  return head .. (t.compressed and codec.zlib(body) or body)
end

return M
