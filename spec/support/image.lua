-- SPDX-License-Identifier: BSD-2-Clause
-- A small made-up kernel that opens: VMCOREINFO, page tables, text, kallsyms, BTF, and a few areas with contents that the specs of
-- the binding know. There are no processes in it.
local Memory = require "spec.support.build.memory"
local pagetable = require "spec.support.build.pagetable"
local vmcoreinfo = require "spec.support.build.vmcoreinfo"
local elfcore = require "spec.support.build.elfcore"
local kallsyms = require "spec.support.build.kallsyms"
local btf = require "spec.support.build.btf"

local M = {}

M.KERNEL_MAP, M.PHYS_BASE, M.KASLR = 0xffffffff80000000, 0x1000000, 0x3000000
M.TEXT = 0xffffffff81000000 + M.KASLR
M.RELEASE = "6.12.0-made-up"
M.BANNER = "Linux version " .. M.RELEASE .. " (nobody@nowhere)\n"

-- Areas of pages of 4 KB, each page of which lies somewhere else in physical memory.
M.DATA = 0xffffc90000000000    -- two pages, neighbours in virtual memory only
M.HOLED = 0xffffc90000010000   -- three pages, the middle one is mapped but not in the dump
M.LONE = 0xffffc90000020000    -- one page
M.LARGE = 0xffff888000000000   -- a page of 2 MB, of which the dump has the first 8 KB
M.UNMAPPED = 0xffffc90000100000

local function physical(va) return va - M.KERNEL_MAP + M.PHYS_BASE end

-- Text with pseudo-random bytes, the same each time.
local function noise(n)
  local x, out = 12345, {}
  for i = 1, n do
    x = (x * 1103515245 + 12345) & 0x7fffffff
    out[i] = string.char(x >> 16 & 255)
  end
  return table.concat(out)
end

local function make_types()
  local b = btf.new()
  local int = b:int("int", 4, "signed")
  local uint = b:int("unsigned int", 4)
  local char = b:int("char", 1, "char")
  b:int("long unsigned int", 8) -- the size of pointers
  local head = b:ptr(5 + 1) -- the struct that comes next
  b:composite("struct", "list_head", 16, {{"next", head, 0}, {"prev", head, 64}})
  b:typedef("pid_t", int)
  local name = b:array(char, 16, uint)
  local u = b:composite("union", nil, 4, {{"word", uint, 0}, {"half", int, 0}})
  b:composite("struct", "thing", 48, {
    {"list", 6, 0}, {"name", name, 128}, {nil, u, 256}, {"low", uint, 288, 3}, {"high", uint, 291, 5}, {"pid", 7, 320},
  })
  b:enum("color", 4, {{"RED", 1}, {"GREEN", -2}}, true)
  return b:bytes()
end

local SYMBOLS = {
  {"_text", "T", 0}, {"_stext", "T", 0}, {"do_thing", "t", 0x100}, {"do_other_thing", "T", 0x180},
  {"linux_banner", "D", 0x2000}, {"numbers", "D", 0x2100}, {"init_uts_ns", "D", 0x2200}, {"modules", "d", 0x2800},
  {"__start_BTF", "D", 0x4000},
}

local function kernel_text(memory, types)
  local list = {}
  local stop = {"__stop_BTF", "D", 0x4000 + #types}
  local end_ = {"_end", "B", 0x20000}
  for _, s in ipairs(SYMBOLS) do list[#list + 1] = {name = s[1], type = s[2], addr = M.TEXT + s[3]} end
  for _, s in ipairs{stop, end_} do list[#list + 1] = {name = s[1], type = s[2], addr = M.TEXT + s[3]} end
  local tables, places = kallsyms.build{symbols = list, at = M.TEXT + 0x10000, base = M.TEXT, layout = "6.4"}
  memory:write(physical(M.TEXT), noise(0x1000) .. ("\0"):rep(0x2f000))
  memory:write(physical(M.TEXT + 0x2000), M.BANNER .. "\0")
  memory:write(physical(M.TEXT + 0x2100), M.NUMBERS)
  local field = function(s) return s .. ("\0"):rep(65 - #s) end
  memory:write(physical(M.TEXT + 0x2200), field("Linux") .. field("nowhere") .. field(M.RELEASE) .. field("#1") .. field("x86_64")
    .. field(""))
  memory:write(physical(M.TEXT + 0x2800), ("<i8i8"):pack(M.TEXT + 0x2800, M.TEXT + 0x2800)) -- an empty list
  memory:write(physical(M.TEXT + 0x4000), types)
  memory:write(physical(M.TEXT + 0x10000), tables)
  return places
end

M.NUMBERS = ("<i8i4i2i1I1fd"):pack(-2, -3, -4, -5, 0xfe, 1.5, -2.25)

-- The areas: bytes of the test's own.
M.PAGE_A, M.PAGE_B = noise(4096), noise(8192):sub(4097)
M.CROSSING = "across two pages"
M.PAGE_A = M.PAGE_A:sub(1, 4096 - 6) .. M.CROSSING:sub(1, 6)
M.PAGE_B = M.CROSSING:sub(7) .. M.PAGE_B:sub(#M.CROSSING - 6 + 1)

local function areas(memory, tables)
  local at = 0x4000000
  local function page(va, bytes)
    tables:map(va, at)
    if bytes then memory:write(at, bytes) end
    at = at + 0x3000 -- never neighbours
    return at - 0x3000
  end
  M.PHYS_A = page(M.DATA, M.PAGE_A)
  M.PHYS_B = page(M.DATA + 0x1000, M.PAGE_B)
  page(M.HOLED, "needle" .. ("\0"):rep(4088) .. "ne")
  M.PHYS_EXCLUDED = page(M.HOLED + 0x1000, nil)
  page(M.HOLED + 0x2000, "edle" .. ("x"):rep(4092))
  page(M.LONE, ("\0"):rep(100) .. "lone needle" .. ("\0"):rep(1000))
  memory:write(0x8000000, "large" .. ("\0"):rep(8187))
  tables:map(M.LARGE, 0x8000000, 0x200000)
end

--- The bytes of an ELF core of that kernel.
-- t: lines (more of VMCOREINFO), class and the rest go to elfcore.build
function M.build(t)
  local memory = Memory.new()
  local root = physical(M.TEXT + 0x30000)
  local at = root
  local tables = pagetable.new(memory, function()
    at = at + 0x1000
    return at - 0x1000
  end)
  tables:map_range(M.TEXT, physical(M.TEXT), 0x40000)
  local places = kernel_text(memory, make_types())
  areas(memory, tables)
  local symbols = {swapper_pg_dir = M.TEXT + 0x30000, _stext = M.TEXT, init_uts_ns = M.TEXT + 0x2200}
  for _, name in ipairs{"names", "num_syms", "token_table", "token_index", "offsets", "relative_base"} do
    symbols["kallsyms_" .. name] = places[name]
  end
  local text = vmcoreinfo.build{
    release = M.RELEASE, build_id = "0123456789abcdef0123456789abcdef01234567", symbols = symbols, kernel_offset = M.KASLR,
    offsets = {["uts_namespace.name"] = 0}, numbers = {phys_base = M.PHYS_BASE}, crash_time = 1700000000, lines = t and t.lines,
  }
  local copy = {notes = {elfcore.prstatus_note(0, {rip = M.TEXT + 0x104, rsp = M.DATA + 64}), elfcore.prstatus_note(42, {rip = M.TEXT}),
    elfcore.vmcoreinfo_note(text)}}
  for key, value in pairs(t or {}) do copy[key] = value end
  return elfcore.of_memory(memory, copy)
end

return M
