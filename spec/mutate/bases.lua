-- SPDX-License-Identifier: BSD-2-Clause
-- spec/mutate/bases.lua DIR LUAKVM: makes the dumps that mutants are made from: real ones cut down to what the commands read
-- (luakvm slim), 3 to 8 MB each, in several formats. Beside each lies NAME.places, a line for each place of interest in
-- it: offset, length, what it is. $KVM_DUMPS says where real dumps are; without any the shipped sample serves alone.
local kvm = require "kvm"
local elfcore = require "spec.support.build.elfcore"
local kdump = require "spec.support.build.kdump"
local lime = require "spec.support.build.lime"
local migration = require "spec.support.build.migration"
local Memory = require "spec.support.build.memory"

local dir, luakvm = arg[1], arg[2]
local dumps = os.getenv "KVM_DUMPS" or (os.getenv "KVM_CACHE" or os.getenv "HOME" .. "/.cache/lua-kvm") .. "/kernels"

local function read(path)
  local f = io.open(path, "rb")
  if not f then return nil end
  local bytes = f:read "a"
  f:close()
  return bytes
end

local function write(path, bytes)
  local f = assert(io.open(path, "wb"))
  assert(f:write(bytes))
  f:close()
end

local function shell(line) return (os.execute(line)) end

-- --- what is of interest in memory

local SYMBOLS = {
  "init_task", "init_uts_ns", "modules", "panic_cpu", "nr_cpu_ids", "__per_cpu_offset", "prb", "log_buf_len", "kallsyms_names",
  "kallsyms_num_syms", "kallsyms_token_table", "kallsyms_token_index", "kallsyms_offsets", "kallsyms_markers",
  "kallsyms_relative_base", "__start_BTF", "swapper_pg_dir", "init_top_pgt", "linux_banner", "saved_command_line", "avenrun",
  "shadow_timekeeper", "timekeeper_data", "_totalram_pages", "__cpu_online_mask", "tainted_mask", "page_offset_base",
}

-- Calls add(name, virtual address, length) for each.
local function each_place(k, add)
  for _, name in ipairs(SYMBOLS) do
    local sym = k:symbol(name)
    if sym then add(name, sym.value, name:find "kallsyms_[nto]" and 4096 or name == "__start_BTF" and 4096 or 256) end
  end
  local task = k:type "struct task_struct"
  for p in k:procs("all", nil, true) do
    for _, member in ipairs {"tasks.next", "comm", "pid", "mm", "signal", "thread_pid", "cred"} do
      local field = task:field(member)
      if field then add("task_struct." .. member, p.addr + field.offset, 16) end
    end
  end
  local module = k:type "struct module"
  for m in k:modules() do
    for _, member in ipairs {"list.next", "name", "kallsyms", "source_list", "state"} do
      local field = module:field(member)
      if field then add("module." .. member, m.addr + field.offset, 16) end
    end
  end
  local ring = k:symbol "prb"
  local at = ring and kvm.try(k.ptr, k, ring.value)
  if at then add("printk_ringbuffer", at, 128) end
end

-- The tables above: the page tables that lead to an address are wherever the root and its entries say.
local function each_table(k, add_physical)
  local pgd = k:symbol "swapper_pg_dir" or k:symbol "init_top_pgt"
  local root = pgd and k:translate(pgd.value)
  if not root then return end
  add_physical("page table", root + 2048, 2048)
  local entries = k:read(root, 4096, "physical")
  for i = 257, 512 do
    local entry = entries and string.unpack("<I8", entries, i * 8 - 7) or 0
    if entry & 1 ~= 0 then add_physical("page table", entry & 0x000ffffffffff000, 4096) end
  end
end

-- Finds them in the bytes of a file, where pages stand as they are.
local function places(k, bytes)
  local out, where = {}, {}
  local function add_physical(name, pa, len)
    local page = pa & ~4095
    if where[page] == nil then
      local content = k:read(page, 4096, "physical")
      where[page] = content and content:find "[^\0]" and bytes:find(content, 1, true) or false
    end
    if where[page] then
      out[#out + 1] = ("%d %d %s"):format(where[page] - 1 + (pa & 4095), math.min(len, 4096 - (pa & 4095)), name)
    end
  end
  each_place(k, function(name, va, len)
    local pa = k:translate(va)
    if pa then add_physical(name, pa, len) end
  end)
  each_table(k, add_physical)
  return table.concat(out, "\n") .. "\n"
end

-- --- the files

local function memory_of(k)
  local memory = Memory.new()
  for start, stop in k:regions "physical" do
    for pa = start, stop - 1, 4096 do
      local page = k:read(pa, 4096, "physical")
      if page then memory:write(pa, page) end
    end
  end
  return memory
end

-- The notes and the VMCOREINFO of a kdump file, from its sub-header (64 bits).
local function notes_of(bytes)
  local function piece(at)
    local offset, size = ("<I8I8"):unpack(bytes, 4096 + at + 1)
    return bytes:sub(offset + 1, offset + size)
  end
  return piece(48), piece(32)
end

-- As makedumpfile -F writes it: a header of 4096 bytes, then offset, size and bytes of one piece after the other.
local function flatten(bytes)
  local out = {("c16>I8I8"):pack("makedumpfile", 1, 1) .. ("\0"):rep(4096 - 32)}
  for at = 1, #bytes, 65536 do
    local piece = bytes:sub(at, at + 65535)
    out[#out + 1] = (">i8i8"):pack(at - 1, #piece) .. piece
  end
  return table.concat(out) .. (">i8i8"):pack(-1, -1)
end

local FORMATS = {
  elf = function(memory, notes) return elfcore.of_memory(memory, {notes = notes}) end,
  ["elf-no-notes"] = function(memory) return elfcore.of_memory(memory, {}) end,
  none = function(memory, notes, info) return kdump.of_memory(memory, {codec = "none", notes = notes, vmcoreinfo = info}) end,
  flat = function(_, _, _, bytes) return flatten(bytes) end,
  ["elf-flat"] = function(memory, notes) return flatten(elfcore.of_memory(memory, {notes = notes})) end,
  lzo = function(memory, notes, info) return kdump.of_memory(memory, {codec = "lzo", notes = notes, vmcoreinfo = info}) end,
}

FORMATS.lime = function(memory) return lime.lime(memory) end
FORMATS.avml = function(memory) return lime.avml(memory) end
FORMATS.migration = function(memory) return migration.of_memory(memory) end

local function exists(path) return read(path) ~= nil end

-- A dump cut down, and in other formats.
local function make(name, source, formats)
  local slim = ("%s/%s"):format(dir, name)
  if not exists(slim) and not (exists(source) and
    shell(("%s slim '%s' '%s' -- triage -- ps --threads -- log -- mod -- info >/dev/null"):format(luakvm, source, slim))) then
    io.stderr:write(("mutate: %s is not there\n"):format(source))
    return
  end
  local k <close> = kvm.check(kvm.open(slim))
  local notes, info = notes_of(read(slim))
  for _, format in ipairs(formats) do
    local path = ("%s-%s"):format(slim, format)
    if not exists(path .. ".places") then
      local bytes = FORMATS[format](memory_of(k), notes, info, read(slim))
      write(path, bytes)
      write(path .. ".places", places(k, bytes))
    end
  end
end

shell(("mkdir -p '%s'"):format(dir))
make("sample", "examples/panic.kdump", {"elf", "none", "elf-no-notes", "flat", "elf-flat", "lime", "avml", "migration"})
make("k510", dumps .. "/k510/vmcore", {"elf", "lzo"})
make("k61", dumps .. "/k61/kdump", {"elf", "none"})
make("k72", dumps .. "/k72/vmcore", {"elf", "none", "lzo"})
make("live612", dumps .. "/live612/elf", {"elf", "elf-no-notes", "migration"})

-- Packed, and in the order in which a pipe takes a dump.
for ending, line in pairs {gz = "gzip -1 -c", zst = "zstd -q -1 -c", xz = "xz -0 -c", bz2 = "bzip2 -1 -c", lz4 = "lz4 -q -1 -c"} do
  local packed = ("%s/sample.%s"):format(dir, ending)
  if not exists(packed) and not shell(("%s '%s/sample' >'%s'"):format(line, dir, packed)) then os.remove(packed) end
end
