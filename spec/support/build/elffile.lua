-- SPDX-License-Identifier: BSD-2-Clause
-- ELF files with sections (executables and object files), of both classes and byte orders (System V ABI, gABI 4.1).
local M = {}

M.REL, M.EXEC = 1, 2
M.PROGBITS, M.SYMTAB, M.STRTAB, M.NOTE, M.NOBITS = 1, 2, 3, 7, 8
M.OBJECT, M.FUNC = 1, 2
M.ABS = 0xfff1

local function order(t) return t.big and ">" or "<" end

-- Fields of a header: words have the size of an address.
local function pack(t, layout, ...)
  return (order(t) .. layout:gsub("W", t.class == 32 and "I4" or "I8")):pack(...)
end

--- The bytes of a symbol table and of its strings; symbols: a list of {name=, value=, size=, section=, type=, local_=}. The
-- null symbol is put in front.
function M.symtab(t, symbols)
  local out, strings, at = {("\0"):rep(t.class == 32 and 16 or 24)}, {"\0"}, 1
  for _, s in ipairs(symbols) do
    local info, section = (s.local_ and 0 or 1) << 4 | (s.type or M.OBJECT), s.section or M.ABS
    local name = s.name == "" and 0 or at
    out[#out + 1] = t.class == 32 and pack(t, "I4I4I4I1I1I2", name, s.value or 0, s.size or 0, info, 0, section)
      or pack(t, "I4I1I1I2I8I8", name, info, 0, section, s.value or 0, s.size or 0)
    if name ~= 0 then
      strings[#strings + 1] = s.name .. "\0"
      at = at + #s.name + 1
    end
  end
  return table.concat(out), table.concat(strings)
end

local function header(t, shoff, count)
  local class = t.class == 32 and 1 or 2
  local ident = "\127ELF" .. string.char(class, t.big and 2 or 1, 1, t.osabi or 0) .. ("\0"):rep(8)
  return ident .. pack(t, "I2I2I4WWWI4I2I2I2I2I2I2", t.type or M.EXEC, t.machine, 1, 0, 0, shoff, 0,
    class == 1 and 52 or 64, 0, 0, class == 1 and 40 or 64, count, count - 1)
end

--- The bytes of a file.
-- t: class (32 or 64), big, machine, type, osabi, sections: a list of {name=, type=, flags=, addr=, data=, link=, entsize=},
-- whose numbers begin at 1
function M.build(t)
  local names, list = "\0", {table.unpack(t.sections or {})}
  list[#list + 1] = {name = ".shstrtab", type = M.STRTAB}
  local at, data, headers = t.class == 32 and 52 or 64, {}, {("\0"):rep(t.class == 32 and 40 or 64)}
  local offsets = {}
  for i, s in ipairs(list) do
    offsets[i] = #names
    names = names .. s.name .. "\0"
  end
  list[#list].data = names
  for i, s in ipairs(list) do
    local bytes = s.data or ""
    headers[i + 1] = pack(t, "I4I4WWWWI4I4WW", offsets[i], s.type or M.PROGBITS, s.flags or 0, s.addr or 0, at, #bytes,
      s.link or 0, s.info or 0, s.type == M.NOTE and 4 or 8, s.entsize or 0)
    data[i] = bytes .. ("\0"):rep(-#bytes % 8)
    at = at + #data[i]
  end
  return header(t, at, #headers) .. table.concat(data) .. table.concat(headers)
end

return M
