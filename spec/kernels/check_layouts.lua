#!/usr/bin/env lua5.4
-- SPDX-License-Identifier: BSD-2-Clause
-- Compares the layouts of structs and unions, as csrc/type sees them, with what pahole prints: names, sizes, and for each
-- member the name, type, bit offset, bit size and size.
--
--   check_layouts.lua TOOL dwarf VMLINUX      our BTF against pahole on the DWARF of a debug vmlinux, and our DWARF against both
--   check_layouts.lua TOOL core CORE KERNEL   types out of a dump: the kernel's against pahole on the same BTF, those of each
--                                             loaded module and of some other ones against pahole on the files of the
--                                             package, which is unpacked in KERNEL
--
-- TOOL is the program made of layouts.c. Every type is compared: of several with one name pahole prints one of each size,
-- and which one it takes from DWARF is chance, so those are left out there. pahole needs about 10 s and 2 GB for the DWARF of
-- a kernel. Prints TAP; exit status 1 where anything differs.
local tool, format, file, kernel = arg[1], arg[2], arg[3], arg[4]
if not file or not (format == "dwarf" or (format == "core" and kernel)) then
  io.stderr:write("usage: check_layouts.lua TOOL dwarf VMLINUX | TOOL core CORE KERNEL\n")
  os.exit(2)
end

local AT_LEAST = 5000 -- structs of a kernel that have to be compared for the check to mean anything
local MODULES_AT_LEAST = 5
-- Modules that are not loaded where the dumps are made: the package's files on top of the types of the dump.
local OWN_MODULE <const> = "lab" -- of containers/, of which no package has the file
local MORE_MODULES = {"dm_mod", "nf_tables", "btrfs", "nfsd", "kvm"}
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

-- Records are kept by name: a list of all with that name.
local function add(records, key, record)
  records[key] = records[key] or {}
  table.insert(records[key], record)
end

local function read_pahole(arguments)
  local records, record, open = {}, nil, {}
  for _, line in ipairs(lines_of("pahole " .. arguments .. " 2>/dev/null")) do
    local key = line:match("^(%w+ [%w_]+) {$")
    if key then
      record, open = {}, {}
      add(records, key, record)
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
local function read_ours(command)
  local records, record = {}, nil
  for _, line in ipairs(lines_of(quote(tool) .. " " .. command)) do
    local key, size = line:match("^(%w+ [%w_]+) (%w+)$")
    if size == "absent" then
      record = nil
    elseif key then
      record = {size = tonumber(size)}
      add(records, key, record)
    else
      local off, bits, bytes, name, ctype = line:match("^ (%d+) (%d+) (%d+) (%S+)\t(.*)$")
      record[#record + 1] = {name = name, type = normal(ctype), bit_offset = tonumber(off),
        bit_size = tonumber(bits), size = tonumber(bytes)}
    end
  end
  return records
end

-- Those of NAMES only.
local function read_ours_named(kind, from, names)
  local path = os.tmpname()
  local f = assert(io.open(path, "w"))
  f:write(table.concat(names, "\n"), "\n")
  f:close()
  local records = read_ours(("%s %s names < %s"):format(kind, quote(from), path))
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

-- Whether RECORD is among LIST; else the first difference from its last.
local function among(record, list, swap)
  local why
  for _, other in ipairs(list) do
    why = swap and difference(other, record) or not swap and difference(record, other)
    if not why then return true end
  end
  return false, why
end

local function same_size(record, list)
  for _, other in ipairs(list) do
    if other ~= record and other.size == record.size then return true end
  end
end

-- Every record of OURS against the THEIRS of its name, and the other way round.
local function compare(ours, theirs, least, what)
  local n = {compared = 0, members = 0, differ = 0, absent = 0, hidden = 0}
  local function differs(name, why)
    n.differ = n.differ + 1
    if n.differ <= MAX_SHOWN then print(("# %s: %s"):format(name, why)) end
  end
  print("# " .. what)
  for name, list in pairs(ours) do
    for _, record in ipairs(list) do
      local there, why = among(record, theirs[name] or {})
      if there then
        n.compared, n.members = n.compared + 1, n.members + #record
      elseif #list > #(theirs[name] or {}) and same_size(record, list) then
        n.hidden = n.hidden + 1 -- pahole printed another one
      elseif why then
        differs(name, why)
      else
        n.absent = n.absent + 1
        differs(name, "is not pahole's")
      end
    end
  end
  for name, list in pairs(theirs) do
    for _, record in ipairs(list) do
      if not ours[name] then
        n.absent = n.absent + 1
        differs(name, "is not ours")
      elseif not among(record, ours[name], true) then
        differs(name, "pahole's " .. text(record[1]) .. " ... is not ours")
      end
    end
  end
  print(("# %d structs and unions with %d members are the same, %d differ, %d of them in one only; %d not printed by pahole")
    :format(n.compared, n.members, n.differ, n.absent, n.hidden))
  ok(n.compared >= least and n.differ == 0, what)
end

local function each_type(records, change)
  for _, list in pairs(records) do
    for _, record in ipairs(list) do
      for _, m in ipairs(record) do m.type = change(m.type) end
    end
  end
  return records
end
local function ours_as_pahole(command) return each_type(read_ours(command), as_pahole) end
local function pahole(arguments) return each_type(read_pahole(arguments), as_pahole) end

-- The records of A and B whose names have one in each. DWARF has those that are declared in a function inside of it.
local function only_ones(a, b)
  local x, y, left_out = {}, {}, {}
  for name, list in pairs(a) do
    if #list == 1 and b[name] and #b[name] == 1 then
      x[name], y[name] = list, b[name]
    else
      left_out[#left_out + 1] = name
    end
  end
  table.sort(left_out)
  print(("# %d left out: %s"):format(#left_out, table.concat(left_out, ", ")))
  return x, y
end

local function check_dwarf()
  local ours = read_ours("btf " .. quote(file))
  local names = {}
  for name, list in pairs(ours) do
    if #list == 1 then names[#names + 1] = name end
  end
  local one, dwarf = only_ones(ours, read_ours_named("dwarf", file, names))
  compare(dwarf, one, AT_LEAST, "layouts from DWARF equal those from BTF")
  one, dwarf = only_ones(ours, pahole("-F dwarf " .. quote(file)))
  compare(each_type(one, as_pahole), dwarf, AT_LEAST, "layouts from BTF equal what pahole prints from DWARF")
end

-- --- a dump
-- With a base, pahole prints its types as well.
local function without(records, base)
  local out = {}
  for name, list in pairs(records) do
    for _, record in ipairs(list) do
      if not (base[name] and among(record, base[name])) then add(out, name, record) end
    end
  end
  return out
end

-- The module's file in the package, unpacked at TO. False: the package has none of that name.
local function unpack_module(name, to)
  local found = lines_of(("find -L %s -name '%s.ko*' | head -n 1"):format(quote(kernel), name:gsub("[_-]", "[_-]")))[1]
  if not found then return false end
  return os.execute((found:find "%.xz$" and "xz -dc %s > %s" or "cp %s %s"):format(quote(found), quote(to)))
end

local function check_module(name, from_dump, base, blob, ko)
  if not unpack_module(name, ko) then return ok(false, "there is a file of module " .. name) end
  local ours = ours_as_pahole(("core %s %s"):format(quote(file), from_dump and name or quote(ko)))
  local all = pahole(("-F btf --btf_base=%s %s"):format(quote(blob), quote(ko)))
  -- A type of the kernel's that the module has again is printed once.
  for key, list in pairs(ours) do
    for i = #list, 1, -1 do
      if base[key] and among(list[i], base[key]) then table.remove(list, i) end
    end
    if #list == 0 then ours[key] = nil end
  end
  compare(ours, without(all, base), from_dump and 0 or 20, ("%s, from its %s"):format(name, from_dump and "BTF in the dump" or "file"))
end

local function check_core()
  local blob, ko = os.tmpname(), os.tmpname() .. ".ko"
  assert(os.execute(("%s core %s blob > %s"):format(quote(tool), quote(file), blob)))
  local base = pahole("-F btf " .. quote(blob))
  compare(ours_as_pahole("core " .. quote(file)), base, AT_LEAST, "layouts from the BTF in the dump equal pahole's")
  local modules = lines_of(("%s core %s modules"):format(quote(tool), quote(file)))
  local loaded, checked = {}, 0
  for _, name in ipairs(modules) do
    loaded[name] = true
    if name ~= OWN_MODULE then
      check_module(name, true, base, blob, ko)
      checked = checked + 1
    end
  end
  for _, name in ipairs(MORE_MODULES) do
    if not loaded[name] then
      check_module(name, false, base, blob, ko)
      checked = checked + 1
    end
  end
  ok(#modules > 0 and checked >= MODULES_AT_LEAST, ("%d modules out of the dump, %d in all"):format(#modules, checked))
  os.remove(blob)
  os.remove(ko)
end

if format == "dwarf" then check_dwarf() else check_core() end
print("1.." .. count)
os.exit(failed and 1 or 0)
