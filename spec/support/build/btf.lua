-- SPDX-License-Identifier: BSD-2-Clause
-- BTF blobs from a description of types (Linux Documentation/bpf/btf.rst, include/uapi/linux/btf.h as of 6.12), both
-- byte orders. Ids are handed out in the order of the calls, from 1 on.
local M = {}

local KIND = {
  int = 1, ptr = 2, array = 3, struct = 4, union = 5, enum = 6, fwd = 7, typedef = 8, volatile = 9, const = 10,
  restrict = 11, func = 12, func_proto = 13, var = 14, datasec = 15, float = 16, decl_tag = 17, type_tag = 18, enum64 = 19,
}
local SIGNED, CHAR, BOOL = 1, 2, 4

local Btf = {}
Btf.__index = Btf

function M.new(big)
  return setmetatable({e = big and ">" or "<", types = {}, strings = {"\0"}, at = {[""] = 0}, length = 1, known = {}}, Btf)
end

function Btf:string(s)
  s = s or ""
  if not self.at[s] then
    self.at[s] = self.length
    self.strings[#self.strings + 1] = s .. "\0"
    self.length = self.length + #s + 1
  end
  return self.at[s]
end

local function add(self, name, kind, vlen, flag, size_or_type, tail)
  local info = vlen | KIND[kind] << 24 | (flag and 1 << 31 or 0)
  self.types[#self.types + 1] = (self.e .. "I4I4I4"):pack(self:string(name), info, size_or_type) .. (tail or "")
  return #self.types
end

--- An integer; encoding: "signed", "char", "bool" or nil.
function Btf:int(name, size, encoding, bits)
  local flags = encoding == "signed" and SIGNED or encoding == "char" and CHAR or encoding == "bool" and BOOL or 0
  return add(self, name, "int", 0, false, size, (self.e .. "I4"):pack(flags << 24 | (bits or size * 8)))
end
function Btf:float(name, size) return add(self, name, "float", 0, false, size) end
function Btf:typedef(name, id) return add(self, name, "typedef", 0, false, id) end
for _, kind in ipairs {"ptr", "const", "volatile", "restrict"} do
  Btf[kind] = function(self, id) return add(self, nil, kind, 0, false, id) end
end
function Btf:type_tag(name, id) return add(self, name, "type_tag", 0, false, id) end
function Btf:fwd(name, is_union) return add(self, name, "fwd", 0, is_union, 0) end
function Btf:array(id, count, index)
  return add(self, nil, "array", 0, false, 0, (self.e .. "I4I4I4"):pack(id, index or id, count))
end

--- A struct or union; members: a list of {name, id, bit offset [, bit size]}.
function Btf:composite(kind, name, size, members)
  local fields = false
  for _, m in ipairs(members) do fields = fields or m[4] ~= nil end
  local tail = {}
  for i, m in ipairs(members) do
    local off = fields and (m[4] or 0) << 24 | m[3] or m[3]
    tail[i] = (self.e .. "I4I4I4"):pack(self:string(m[1]), m[2], off)
  end
  return add(self, name, kind, #members, fields, size, table.concat(tail))
end
function Btf:struct(...) return self:composite("struct", ...) end
function Btf:union(...) return self:composite("union", ...) end

--- An enum; values: a list of {name, value}.
function Btf:enum(name, size, values, signed)
  local tail = {}
  for i, v in ipairs(values) do tail[i] = (self.e .. "I4i4"):pack(self:string(v[1]), v[2]) end
  return add(self, name, "enum", #values, signed, size, table.concat(tail))
end
function Btf:enum64(name, values, signed)
  local tail = {}
  for i, v in ipairs(values) do
    tail[i] = (self.e .. "I4I4I4"):pack(self:string(v[1]), v[2] & 0xffffffff, v[2] >> 32)
  end
  return add(self, name, "enum64", #values, signed, 8, table.concat(tail))
end

--- A function type; parameters: a list of {name, id}.
function Btf:func_proto(result, parameters)
  local tail = {}
  for i, p in ipairs(parameters) do tail[i] = (self.e .. "I4I4"):pack(self:string(p[1]), p[2]) end
  return add(self, nil, "func_proto", #parameters, false, result, table.concat(tail))
end
function Btf:func(name, proto, linkage) return add(self, name, "func", linkage or 0, false, proto) end
function Btf:var(name, id, linkage) return add(self, name, "var", 0, false, id, (self.e .. "I4"):pack(linkage or 0)) end
function Btf:datasec(name, size, entries)
  local tail = {}
  for i, v in ipairs(entries) do tail[i] = (self.e .. "I4I4I4"):pack(v[1], v[2], v[3]) end
  return add(self, name, "datasec", #entries, false, size, table.concat(tail))
end
function Btf:decl_tag(name, id, index)
  return add(self, name, "decl_tag", 0, false, id, (self.e .. "i4"):pack(index or -1))
end

--- The blob: header, types, strings. `fields` overrides what the header says (magic, version, flags, hdr_len, type_off,
-- type_len, str_off, str_len).
function Btf:bytes(fields)
  local types, strings = table.concat(self.types), table.concat(self.strings)
  local f = setmetatable(fields or {}, {__index = {
    magic = 0xeb9f, version = 1, flags = 0, hdr_len = 24, type_off = 0, type_len = #types, str_off = #types, str_len = #strings,
  }})
  return (self.e .. "I2I1I1I4I4I4I4I4"):pack(f.magic, f.version, f.flags, f.hdr_len, f.type_off, f.type_len, f.str_off,
    f.str_len) .. types .. strings
end

return M
