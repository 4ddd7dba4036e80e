-- SPDX-License-Identifier: BSD-2-Clause
-- spec/fuzz/seeds.lua DIR: writes the first inputs of the fuzzers into DIR/fuzz_NAME.corpus, from the
-- builders of the specs: small dumps of each format, notes, symbol tables, types, compressed pages.
package.path = "./?.lua;" .. package.path
local dir = assert(arg[1])
local Memory = require "spec.support.build.memory"
local btf = require "spec.support.build.btf"
local ctf = require "spec.support.build.ctf"
local codec = require "spec.support.build.codec"
local elfcore = require "spec.support.build.elfcore"
local flattened = require "spec.support.build.flattened"
local elffile = require "spec.support.build.elffile"
local kallsyms = require "spec.support.build.kallsyms"
local kdump = require "spec.support.build.kdump"
local lime = require "spec.support.build.lime"
local linux = require "spec.support.build.linux"
local migration = require "spec.support.build.migration"
local image = require "spec.support.image"
local vmcoreinfo = require "spec.support.build.vmcoreinfo"
local zstd_seekable = require "spec.support.build.zstd_seekable"

local BASE = 0xffffffff81000000 -- FUZZ_BASE

local function put(fuzzer, name, bytes)
  local folder = ("%s/fuzz_%s.corpus"):format(dir, fuzzer)
  os.execute("mkdir -p " .. folder)
  local f = assert(io.open(folder .. "/seed-" .. name, "wb"))
  f:write(bytes)
  f:close()
end

local info = vmcoreinfo.build{
  release = "6.1.0-test", symbols = {_stext = BASE, init_task = BASE + 64, swapper_pg_dir = BASE + 4096},
  numbers = {phys_base = 0, pgtable_l5_enabled = 0}, offsets = {["list_head.next"] = 0}, kernel_offset = 0x1000000,
}
for _, key in ipairs{"OSRELEASE", "SYMBOL(_stext)", "_stext", "NUMBER(phys_base)"} do
  put("vmcoreinfo", key, key .. "\n" .. info)
end
put("vmcoreinfo", "numbers", "A\nA=-9223372036854775808\nB=0xffffffffffffffff\n=\nOSRELEASE=6.1\0X=1")
local note = elfcore.vmcoreinfo_note(info)

local memory = Memory.new()
for i, pfn in ipairs{0, 1, 5, 6, 4096} do
  memory:write(pfn * 4096, ("page %d "):format(i):rep(40) .. ("\0"):rep(3000))
end

for _, big in ipairs{false, true} do
  for _, class in ipairs{32, 64} do
    local name = ("elf%d%s"):format(class, big and "be" or "le")
    local bytes = elfcore.of_memory(memory, {class = class, big = big, notes = {note, elfcore.prstatus_note(7)}})
    put("image", name, bytes)
    put("kvm", name, bytes)
    put("elf", name, bytes)
    put("elfsyms", name, bytes:sub(1, 2048))
  end
  put("notes", big and "be" or "le", (big and "\1" or "\0") .. elfcore.notes({note, elfcore.prstatus_note(7)}, big))
end
for _, name in ipairs{"none", "zlib", "lzo", "snappy", "zstd"} do
  local bytes = kdump.of_memory(memory, {codec = name, vmcoreinfo = info, notes = {elfcore.prstatus_note(7)}})
  put("image", "kdump-" .. name, bytes)
  put("kdump", name, bytes)
  put("kvm", "kdump-" .. name, bytes)
end
-- Parts of a split set, and what few kdump files have.
for _, name in ipairs{"none", "zlib"} do
  local function part(first, last)
    return kdump.of_memory(memory, {codec = name, vmcoreinfo = info, part = {first, last}})
  end
  local a, b = part(0, 5), part(5, 4097)
  put("kdump_set", name, ("<I4"):pack(#a) .. a .. b)
  put("kdump_set", name .. "-hole", ("<I4"):pack(#a) .. a .. part(6, 4097))
  put("image", "kdump-part-" .. name, b)
end
put("image", "kdump-erased", kdump.of_memory(memory, {vmcoreinfo = info, erased = "erase jiffies 8\n"}))
put("image", "diskdump", kdump.of_memory(memory, {version = 1, signature = "DISKDUMP"}))
for version = 1, 6 do
  local bytes = kdump.of_memory(memory, {version = version, bits = version % 2 == 0 and 64 or 32})
  put("image", "kdump-v" .. version, bytes)
  put("kdump", "v" .. version, bytes)
end

-- Memory nearly as it is.
for name, bytes in pairs {
  lime = lime.lime(memory), avml = lime.avml(memory), migration = migration.of_memory(memory, {twice = true}),
} do
  put(name, "whole", bytes)
  put("image", name, bytes)
end
put("avml", "stored", lime.avml(memory, {stored = true, chunk = 700}))
put("image", "libvirt", migration.libvirt(migration.of_memory(memory)))

-- Layers.
local text = ("lua-kvm "):rep(40) .. ("\0"):rep(9000) .. ("layers "):rep(100)
for name, t in pairs {inorder = {}, shuffled = {shuffle = true, size = 700}, pages = {size = 4096}} do
  local stream = flattened.of(text, t)
  put("flattened", name, "\0" .. stream:sub(4097))
  put("flattened", name .. "-whole", "\x80" .. stream)
  put("image", "flattened-" .. name, flattened.of(kdump.of_memory(memory, {codec = "zlib", vmcoreinfo = info}), t))
end
put("flattened", "padded", "\0" .. flattened.stream {{0, text:sub(1, 100)}, {4096, text}}:sub(4097, -17))
put("zstd_seekable", "table", "\1" .. zstd_seekable.of(text, {size = 1000}))
put("zstd_seekable", "frames", "\0" .. zstd_seekable.of(text, {size = 1000, bare = true}))
put("zstd_seekable", "frames-checksums", "\2" .. zstd_seekable.of(text, {size = 1000, bare = true}))
put("zstd_seekable", "frames-lying", "\4" .. zstd_seekable.of(text, {size = 1000, bare = true}))
put("image", "zstd-seekable", zstd_seekable.of(kdump.of_memory(memory, {codec = "zlib", vmcoreinfo = info}), {size = 600}))
local plain = os.tmpname()
local f = assert(io.open(plain, "wb"))
f:write(text)
f:close()
for _, packer in ipairs {"gzip", "zstd -q", "xz", "bzip2", "lz4 -q", "lz4 -q -B4 -BD --content-size"} do -- what is installed
  local pipe = io.popen(("%s -c <%s 2>/dev/null"):format(packer, plain))
  local bytes = pipe:read "a"
  pipe:close()
  if #bytes > 0 then
    local name = packer:gsub("%W", "")
    put("unpack", name, bytes)
    put("unpack", name .. "-twice", bytes .. bytes .. ("\0"):rep(100))
  end
end
os.remove(plain)
put("unpack", "zlib-lime", codec.zlib("EMiL" .. text))

-- Whole kernels, which open. LZO has no checksums: what is changed in its pages is read. Smaller than run.sh's -max_len.
for _, release in ipairs(linux.releases) do
  local bytes = linux.build({release = release}):kdump{codec = "lzo"}
  assert(#bytes <= 65536, #bytes)
  put("kvm", "linux-" .. release, bytes)
end

-- The same as memory alone, with all that leads to it, and with less of that.
for _, release in ipairs(linux.releases) do
  for _, with in ipairs {"page", "cpu", "shape"} do
    local kernel = linux.build {release = release, no_info_page = with ~= "page", levels = release == "6.12" and 5 or 4}
    local cr3 = with == "cpu" and kernel:pa(kernel.symbols.init_top_pgt) or 0
    local parts = {elfcore.qemu_note({cr3 = cr3, cr4 = kernel.levels == 5 and 1 << 12 or 0}).desc}
    local empty = ("\0"):rep(4096)
    for _, pfn in ipairs(kernel.memory:pfns()) do
      local page = kernel.memory.pages[pfn]
      if page ~= empty then parts[#parts + 1] = ("<I4"):pack(pfn) .. page end
    end
    put("search", release .. "-" .. with, table.concat(parts))
  end
end

put("kvm", "whole-kernel", image.build()) -- one that opens, with symbols and types

local page = ("lua-kvm "):rep(100) .. ("\0"):rep(4096 - 800)
for i, name in ipairs{"zlib", "lzo", "snappy", "zstd"} do
  put("codec", name, string.char(i) .. codec[name](page)) -- numbered as enum codec_id
end

local symbols = {}
for i = 0, 299 do
  symbols[#symbols + 1] = {name = ("function_%d"):format(i), type = "T", addr = BASE + 0x1000 + i * 16}
end
for _, layout in ipairs(kallsyms.layouts) do
  local bytes, at = kallsyms.build{symbols = symbols, at = BASE, base = BASE, layout = layout}
  local function place(name) return at[name] or 0 end
  local hints = ("<i8i8i8i8i8i8"):pack(place "names", place "num_syms", place "token_table", place "token_index",
    place "offsets", place "relative_base")
  put("kallsyms", layout, hints .. bytes)
  put("kallsyms", layout .. "-by-shape", ("\0"):rep(48) .. bytes)
end

for _, big in ipairs{false, true} do
  local b = btf.new(big)
  local int = b:int("int", 4, "signed")
  local u64 = b:int("unsigned long", 8)
  local fwd = b:fwd("list_head")
  local pointer = b:ptr(fwd)
  b:struct("list_head", 16, {{"next", pointer, 0}, {"prev", pointer, 64}})
  b:union("either", 8, {{"a", int, 0}, {"b", u64, 0}})
  b:struct("task_struct", 24, {{"flags", int, 0, 3}, {"more", int, 3, 5}, {"list", b:array(u64, 2), 64}})
  b:enum("color", 4, {{"RED", 0}, {"BLUE", -1}}, true)
  b:enum64("wide", {{"HUGE", 1 << 40}})
  b:typedef("pid_t", b:const(b:volatile(int)))
  b:func("start", b:func_proto(int, {{"argc", int}, {"", 0}}))
  b:datasec(".data", 8, {{b:var("jiffies", u64, 1), 0, 8}})
  put("btf", big and "be" or "le", b:bytes())
end

-- The numbers stay the same: 1 to 16 are types, the last is one with a name of its own.
local function ctf_types(version, big, bit)
  local c = ctf.new(version, big)
  local int, long, char = c:int("int", 4, "signed"), c:int("long", 8, "signed"), c:int("char", 1, "char")
  local low = c:int("int", 4, "signed", 3)
  c:struct("list", 16, {{"next", bit | 6, 0}, {"prev", bit | 6, 64}})
  c:ptr(bit | 5)
  c:union("either", 8, {{"a", bit | int, 0}, {"b", bit | long, 0}})
  local state = c:enum("state", 4, {{"DEAD", -1}, {"RUNNING", 1}})
  c:struct("proc", 48, {{"low", bit | low, 0}, {"list", bit | 5, 64}, {nil, bit | 7, 192}, {"state", bit | state, 256}})
  c:struct("large", 9000, {{"first", bit | int, 0}, {"last", bit | int, 8 * 8996}})
  c:array(bit | c:array(bit | char, 3, bit | long), 2, bit | long)
  c:ptr(bit | c:func(bit | int, {bit | 6, 0}))
  c:typedef("pid_t", bit | c:const(bit | c:volatile(bit | int)))
  c:fwd "unknown"
  c:float("double", 8)
  return c
end
for _, version in ipairs{2, 3} do
  for _, big in ipairs{false, true} do
    local name = ("v%d%s"):format(version, big and "be" or "le")
    local c = ctf_types(version, big, 0)
    for i = 1, 8 do c:object(i) end
    c:routine(1, {6, 0})
    c:routine()
    c:routine(2, {})
    put("ctf", name, c:bytes{labels = {"14.0"}})
    put("ctf", name .. "-zlib", c:bytes{compressed = true})
    local bit = version == 3 and 1 << 31 or 1 << 15
    put("ctf", name .. "-child", ctf_types(version, big, bit):bytes{parent = "kernel", label = "14.0"})
    local file = {class = 64, big = big, machine = big and 21 or 62}
    local syms, strings = elffile.symtab(file, {{name = "x"}, {name = "f", type = elffile.FUNC}})
    file.sections = {{name = ".SUNW_ctf", data = c:bytes(), link = 2},
      {name = ".symtab", type = elffile.SYMTAB, data = syms, link = 3, entsize = 24}, {name = ".strtab", type = 3, data = strings}}
    put("ctf", name .. "-elf", elffile.build(file))
  end
end
