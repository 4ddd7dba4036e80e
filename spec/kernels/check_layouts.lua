#!/usr/bin/env lua5.4
-- SPDX-License-Identifier: BSD-2-Clause
-- Compares the layouts of structs and unions, as csrc/type sees them, with what pahole prints from the DWARF of a
-- debug vmlinux: names, sizes, and for each member the name, type, bit offset, bit size and size.
--
--   check_layouts.lua TOOL dwarf VMLINUX [BTF]    against pahole on DWARF, and our DWARF source against our BTF source
--   check_layouts.lua TOOL btf FILE               against pahole on the same BTF (of an ELF file or detached)
--
-- TOOL is the program made of layouts.c; BTF is a file to take our types from instead of the .BTF of VMLINUX. Every
-- name with one definition is compared. pahole needs about 10 s and 2 GB for the DWARF of a kernel. Prints TAP; exit
-- status 1 where anything differs.
local tool, format, file, btf = arg[1], arg[2], arg[3], arg[4]
if not file or (format ~= "dwarf" and format ~= "btf") then
  io.stderr:write("usage: check_layouts.lua TOOL dwarf VMLINUX [BTF] | TOOL btf FILE\n")
  os.exit(2)
end

local AT_LEAST = 500 -- structs that have to be compared for the check to mean anything
local MAX_SHOWN = 20

local function quote(s)
  return "'" .. s:gsub("'", "'\\''") .. "'"
end

local function lines_of(command)
  local pipe = assert(io.popen(command, "r"))
  local lines = {}
  for line in pipe:lines() do lines[#lines + 1] = line end
  assert(pipe:close(), "failed: " .. command)
  return lines
end

-- One spelling for what differs in form only: spaces, "[]" for "[0]", and the dimensions of an array, which BTF
-- multiplies. pahole prints "const" of a pointer's target with two spaces.
local function normal(decl)
  decl = decl:gsub("%[%]", "[0]")
  local n
  repeat
    decl, n = decl:gsub("%[(%d+)%]%s*%[(%d+)%]", function(a, b) return ("[%d]"):format(tonumber(a) * tonumber(b)) end)
  until n == 0
  decl = decl:gsub("%s+", " "):gsub(" ?([%*%(%),%[%]]) ?", "%1")
  return (decl:gsub("^ ", ""):gsub(" $", ""))
end

-- --- pahole
-- "int (*fn)(void)" -> "fn", "int (*)(void)"; "char comm[16]" -> "comm", "char [16]"
local function split_declaration(decl)
  -- A member without a name, of a struct with one (-fms-extensions, Linux 7.0 and later).
  if decl:match("^struct [%w_]+$") or decl:match("^union [%w_]+$") then return nil, decl end
  local bits = decl:match(":(%d+)$")
  decl = decl:gsub("%s*:%d+$", "")
  local before, name, behind = decl:match("^(.-%(%*[%*%s]*)([%a_][%w_]*)(.*)$")
  if before and not before:find("%)") then
    return name, before .. behind, bits
  end
  before, name, behind = decl:match("^(.-)([%a_][%w_]*)%s*([%[%]%d]*)$")
  return name, (before or "") .. (behind or ""), bits
end

local function strip_attributes(s)
  return (s:gsub("__attribute__%s*(%b())", ""))
end

-- The declaration and the place in the comment behind it: byte offset, bit offset (bit fields), size.
local function split_line(line)
  local decl, place = line:match("^(.-);%s*/%*%s*(.-)%s*%*/")
  if not decl then return end
  local off, bit, size = place:match("^(%d+):%s*(%d+)%s+(%d+)$")
  if not off then off, size = place:match("^(%d+)%s+(%d+)$") end
  if off then return strip_attributes(decl), tonumber(off) * 8 + tonumber(bit or 0), tonumber(size) end
end

local function member_line(record, open, line)
  local prefix = line:match("^%s*(.-%w+) {$")
  if prefix then
    open[#open + 1] = {kind = prefix, first = #record + 1}
    return
  end
  local closing = line:match("^%s*}")
  local decl, bit_offset, size = split_line(line)
  local block = closing and table.remove(open)
  if not decl or (#open > 0 and open[#open].kind:find("enum$")) then return end
  local name, ctype, bits
  if closing then
    name, ctype, bits = split_declaration(decl:match("^%s*}%s*(.-)%s*$"))
    ctype = block.kind .. " {...}" .. ctype
    -- Behind a pointer: no part of this struct.
    if ctype:find("*", 1, true) then
      for i = #record, block.first, -1 do record[i] = nil end
    end
  else
    name, ctype, bits = split_declaration(decl:match("^%s*(.-)%s*$"))
  end
  record[#record + 1] = {name = name or "-", type = normal(ctype), bit_offset = bit_offset,
    bit_size = tonumber(bits or 0), size = size}
end

local function read_pahole()
  local records, record, open = {}, nil, {}
  for _, line in ipairs(lines_of("pahole -F " .. format .. " " .. quote(file) .. " 2>/dev/null")) do
    local key = line:match("^(%w+ [%w_]+) {$")
    if key then
      record, open = {}, {}
      records[key] = record
    elseif line:match("^}") then
      record = nil
    elseif record then
      record.size = tonumber(line:match("^\t/%* size: (%d+),")) or record.size
      member_line(record, open, line)
    end
  end
  return records
end

-- --- ours
local function read_ours(kind, from, names)
  local path = os.tmpname()
  local f = assert(io.open(path, "w"))
  f:write(table.concat(names, "\n"), "\n")
  f:close()
  local records, record = {}, nil
  for _, line in ipairs(lines_of(("%s %s %s < %s"):format(quote(tool), kind, quote(from), path))) do
    local key, size = line:match("^(%w+ [%w_]+) (%w+)$")
    if key then
      record = size ~= "absent" and {size = tonumber(size)} or nil
      records[key] = record
    else
      local off, bits, bytes, name, ctype = line:match("^ (%d+) (%d+) (%d+) (%S+)\t(.*)$")
      record[#record + 1] = {name = name, type = normal(ctype), bit_offset = tonumber(off),
        bit_size = tonumber(bits), size = tonumber(bytes)}
    end
  end
  os.remove(path)
  return records
end

-- --- comparison
local function text(m)
  if not m then return "nothing" end
  return ("%s %s at bit %d, %d bits, %d bytes"):format(m.type, m.name, m.bit_offset, m.bit_size, m.size)
end

-- pahole 1.24 repeats qualifiers or moves them from a pointer to its target, and leaves out the array that a pointer
-- points to.
local function as_pahole(ctype)
  return (ctype:gsub("const ?", ""):gsub("%(%*%)%[%d+%]", "*"))
end

-- The first difference of two records, or nil. pahole does not tell the size of unions.
local function difference(a, b)
  if b.size and a.size ~= b.size then return ("size %s, not %s"):format(a.size, b.size) end
  for i = 1, math.max(#a, #b) do
    local x, y = text(a[i]), text(b[i])
    if x ~= y then return ("%s, not %s"):format(x, y) end
  end
end

local count, failed = 0, false
local function ok(pass, what)
  count = count + 1
  failed = failed or not pass
  print((pass and "ok " or "not ok ") .. count .. " - " .. what)
end

local function compare(names, a, b, what)
  local compared, members, differ, absent = 0, 0, 0, 0
  print("# " .. what)
  for _, name in ipairs(names) do
    local x, y = a[name], b[name]
    if x and y then
      compared, members = compared + 1, members + #x
      local d = difference(x, y)
      if d then
        differ = differ + 1
        if differ <= MAX_SHOWN then print(("# %s: %s"):format(name, d)) end
      end
    else
      absent = absent + 1
    end
  end
  print(("# %d structs and unions with %d members compared, %d differ, %d are in one only"):format(compared, members,
    differ, absent))
  ok(compared >= AT_LEAST and differ == 0, what)
end

local source = btf or file
local function each_type(records, change)
  for _, record in pairs(records) do
    for _, m in ipairs(record) do m.type = change(m.type) end
  end
  return records
end

local names = lines_of(("%s btf %s names"):format(quote(tool), quote(source)))
local ours = read_ours("btf", source, names)
if format == "dwarf" then
  compare(names, read_ours("dwarf", file, names), ours, "layouts from DWARF equal those from BTF")
end
compare(names, each_type(ours, as_pahole), each_type(read_pahole(), as_pahole),
  "layouts from BTF equal what pahole prints from " .. format:upper())
print("1.." .. count)
os.exit(failed and 1 or 0)
