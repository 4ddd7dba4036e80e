-- SPDX-License-Identifier: BSD-2-Clause
-- A tiny Linux kernel for x86-64 that crashed without ever having run: an image with kallsyms, BTF, page tables and a
-- log, a few tasks with arguments, VMCOREINFO. In the forms of Linux 5.10, 6.1, 6.12 and 7.2, with 4 or 5 levels of
-- page tables. The memory it leaves is turned into dumps by elfcore and kdump.
--
-- Virtual addresses: the image at 0xffffffff81000000 + kaslr, everything else in the direct map.
-- Physical addresses: frames from 0x100000 on for tables and user pages, the heap from 0x400000 on, the image where
-- phys_base puts it.
local Memory = require "spec.support.build.memory"
local elfcore = require "spec.support.build.elfcore"
local kallsyms = require "spec.support.build.kallsyms"
local kdump = require "spec.support.build.kdump"
local linux_log = require "spec.support.build.linux_log"
local linux_modules = require "spec.support.build.linux_modules"
local linux_tasks = require "spec.support.build.linux_tasks"
local linux_types = require "spec.support.build.linux_types"
local pagetable = require "spec.support.build.pagetable"
local vmcoreinfo = require "spec.support.build.vmcoreinfo"

local M = {}

local START_KERNEL_MAP <const> = math.tointeger(0xffffffff80000000)
-- Offsets in the image; its text is in front.
local RODATA <const>, DATA <const>, IMAGE_SIZE <const>, TABLES <const> = 0x20000, 0x70000, 0x80000, 0x100000
local LARGE <const> = 0x200000

local RELEASE = {
  ["5.10"] = {name = "5.10.223-built", kallsyms = "5.10"}, ["6.1"] = {name = "6.1.192-built", kallsyms = "6.1"},
  ["6.12"] = {name = "6.12.117-built", kallsyms = "6.4"}, ["7.2"] = {name = "7.2.13-built", kallsyms = "7.2"},
}
M.releases = linux_types.releases

local Kernel = {}
Kernel.__index = Kernel

-- --- memory

function Kernel:pa(va)
  if va - START_KERNEL_MAP >= 0 and va < 0 then return va - START_KERNEL_MAP + self.phys_base end
  return va - self.page_offset
end

function Kernel:poke(va, bytes) self.memory:write(self:pa(va), bytes) end

--- A fresh page of its own: its physical address.
function Kernel:frame()
  self.next_frame = self.next_frame + 0x1000
  return self.next_frame - 0x1000
end

--- Room in the direct map: its virtual address.
function Kernel:heap(size)
  local at = self.next_heap
  self.next_heap = at + (size + 63) // 64 * 64
  self.memory:write(at, ("\0"):rep(size))
  return at + self.page_offset
end

--- A struct in the direct map with those values.
function Kernel:new(tag, values)
  local va = self:heap(self.types:sizeof(tag))
  self:poke(va, self.types:pack(tag, values))
  return va
end

--- Makes a circular list of list_heads.
function Kernel:link(head, nodes)
  local ring = {head, table.unpack(nodes)}
  for i, node in ipairs(ring) do
    local next_, prev = ring[i % #ring + 1], ring[(i - 2) % #ring + 1]
    self:poke(node, ("<i8i8"):pack(next_, prev))
  end
end

-- --- the image

--- Names an address.
function Kernel:symbol(name, kind, va, absolute)
  self.symbols[name] = va
  self.symbol_list[#self.symbol_list + 1] = {name = name, type = kind, addr = va, absolute = absolute}
end

--- Bytes in the image's data, under a name.
function Kernel:data(name, bytes, kind)
  local at = (self.next_data + 63) // 64 * 64
  self.next_data = at + #bytes
  assert(at + #bytes <= self.text + IMAGE_SIZE, "the image's data is full")
  self:poke(at, bytes)
  self:symbol(name, kind or "D", at)
  return at
end

function Kernel:static(name, spelling, values)
  return self:data(name, self.types:pack(spelling, values or {}))
end

function Kernel:rodata(name, bytes, align)
  local at = (self.next_rodata + align - 1) // align * align
  self.next_rodata = at + #bytes
  assert(self.next_rodata <= self.text + DATA, "the image's read-only data is full")
  self:poke(at, bytes)
  if name then self:symbol(name, "R", at) end
  return at
end

-- Functions, enough of them that kallsyms has several markers; their names have every character that C allows.
local function make_text(self)
  self:symbol("_text", "T", self.text)
  self:symbol("_stext", "T", self.text)
  local alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789."
  for i = 1, 600 do
    local c = alphabet:sub(i % #alphabet + 1, i % #alphabet + 1)
    self:symbol(("built_function_%03d_%s"):format(i, c), i % 3 == 0 and "t" or "T", self.text + 0x100 + i * 64)
  end
  -- Longer than a length of one byte can say (since 6.1).
  if linux_types.at_least(self.release, "6.1") then
    self:symbol(("long_name_" .. alphabet:sub(1, 63)):rep(4), "t", self.text + 0x100 + 601 * 64)
  end
  self:symbol("schedule", "T", self.text + 0x100 + 602 * 64)
  self:symbol("_etext", "T", self.text + RODATA)
end

local function make_statics(self, opts)
  local uts = {
    sysname = "Linux", nodename = "built", release = self.name, version = "#1 SMP", machine = "x86_64",
  }
  for field, text in pairs(opts.uts or {}) do uts[field] = text end
  self:static("init_uts_ns", "struct uts_namespace", {name = uts})
  local avenrun = {}
  for i, v in ipairs(opts.loadavg) do avenrun[i] = ("<i8"):pack(math.floor(v * 2048)) end
  self:data("avenrun", table.concat(avenrun), "B")
  self:data("nr_cpu_ids", ("<I4"):pack(2))
  self:data("page_offset_base", ("<i8"):pack(self.page_offset))
  self:data("tainted_mask", ("<i8"):pack(opts.taint or 0), "b")
  self:data("panic_cpu", ("<i4"):pack(opts.panic_cpu or 1))
  self:data("jiffies_64", ("<i8"):pack(4294892296 + 250 * 60))
  for _, mask in ipairs {"possible", "present", "online", "active"} do
    self:static("__cpu_" .. mask .. "_mask", "struct cpumask", {bits = {3}})
  end
  linux_modules.make(self, opts.modules or {})
  local clock = {
    tkr_mono = {shift = 8, base = opts.uptime_ns, xtime_nsec = 0}, offs_real = opts.time_ns - opts.uptime_ns, offs_boot = 0,
  }
  if linux_types.at_least(self.release, "7.2") then
    self:static("timekeeper_data", "struct tk_data", {timekeeper = clock})
  else
    self:static("shadow_timekeeper", "struct timekeeper", clock)
  end
end

-- The image's per-CPU area: absolute addresses from 0 on before 6.15, addresses in the image after.
local function make_percpu_base(self)
  self.percpu_base, self.current_task = 0, 0x40
  if linux_types.at_least(self.release, "7.2") then
    self.percpu_base = self:data("current_task", ("\0"):rep(0x200))
    self.current_task = self.percpu_base
  elseif linux_types.at_least(self.release, "6.12") then
    self.types:struct("pcpu_hot", {{"struct task_struct *", "current_task"}, {"int", "preempt_count"}})
    self:symbol("pcpu_hot", "A", self.current_task, true)
  else
    self:symbol("current_task", "A", self.current_task, true)
  end
  self.empty_percpu = self.percpu_base + 0x100 -- a counter that is 0 on each CPU
end

-- __per_cpu_offset, and the task that each CPU was running.
local function make_percpu(self, opts)
  local areas = {self:heap(4096), self:heap(4096)}
  self:data("__per_cpu_offset", ("<i8i8"):pack(areas[1] - self.percpu_base, areas[2] - self.percpu_base))
  for cpu = 1, 2 do
    local task = self.task_addr[opts.running[cpu]]
    self:poke(areas[cpu] + self.current_task - self.percpu_base, ("<i8"):pack(task))
  end
end

local function make_pagetable(self, opts)
  local root = (self.next_data + 4095) // 4096 * 4096
  self.next_data = root + 4096
  self:symbol("swapper_pg_dir", "D", root)
  self:symbol("init_top_pgt", "D", root)
  local root_pa, first = self:pa(root), true
  local in_image = self:pa(self.text) + TABLES -- those that map the image lie in it, as in a kernel
  local tables = pagetable.new(self.memory, function()
    if first then
      first = false
      return root_pa
    elseif in_image then
      in_image = in_image + 4096
      return in_image - 4096
    end
    return self:frame()
  end, {levels = self.levels, encryption = self.encryption, flags = pagetable.ACCESSED})
  self.pagetable = tables
  tables:map(self.text, self:pa(self.text), LARGE)
  tables:map(-0x200000, self:frame()) -- the fixmap has the last gigabyte
  in_image = nil
  if opts.large_direct_map then
    tables:map(self.page_offset, 0, 0x40000000)
  else
    for pa = 0, 0xc00000 - LARGE, LARGE do tables:map(self.page_offset + pa, pa, LARGE) end
  end
end

local function make_kallsyms(self)
  self:symbol("_end", "B", self.text + IMAGE_SIZE)
  table.sort(self.symbol_list, function(a, b)
    if a.addr ~= b.addr then return math.ult(a.addr, b.addr) end
    return a.name < b.name
  end)
  local at = (self.next_rodata + 7) // 8 * 8
  local bytes, places = kallsyms.build {
    symbols = self.symbol_list, at = at, base = self.text, layout = RELEASE[self.release].kallsyms,
  }
  self:rodata(nil, bytes, 8)
  self.kallsyms_places = places
end

local function make_vmcoreinfo(self, opts)
  local symbols = {}
  for _, name in ipairs {"init_uts_ns", "swapper_pg_dir", "_stext", "init_top_pgt", "prb"} do
    symbols[name] = self.symbols[name]
  end
  if self.release ~= "5.10" then
    for name, va in pairs(self.kallsyms_places) do
      if name ~= "markers" and name ~= "seqs_of_names" then symbols["kallsyms_" .. name] = va end
    end
  end
  local info = {
    release = self.name, build_id = ("0123456789abcdef"):rep(3):sub(1, 40), symbols = symbols,
    numbers = {phys_base = self.phys_base, pgtable_l5_enabled = self.levels == 5 and 1 or 0, KERNEL_IMAGE_SIZE = 1 << 30,
      sme_mask = self.encryption},
    offsets = {}, sizes = {}, kernel_offset = self.kaslr, crash_time = opts.time_ns // 1000000000, lines = opts.info_lines,
  }
  linux_log.describe(self.types, info)
  if self.release ~= "5.10" then info.offsets["uts_namespace.name"] = 0 end
  return vmcoreinfo.build(info)
end

local function notes_of(self, opts)
  local list = {}
  for cpu = 1, 2 do
    list[cpu] = elfcore.prstatus_note(opts.running[cpu], {rip = self.symbols.schedule + cpu, rsp = self.next_heap})
  end
  return list
end

local DEFAULTS = {
  release = "6.1", levels = 4, kaslr = 0xa000000, phys_base = -0xa600000, encryption = 0, loadavg = {1.5, 0.25, 0.125},
  uptime_ns = 60 * 1000000000, time_ns = 1700000000 * 1000000000, running = {101, 100},
}

--- A kernel.
-- opts: release (one of M.releases), levels (4 or 5), kaslr, phys_base (both multiples of 2 MB; the default is negative),
--   encryption (a bit set in all page table entries), tasks (see linux_tasks), log (see linux_log), modules (see
--   linux_modules), loadavg, uptime_ns, time_ns, uts (fields that differ), taint, panic_cpu, running (the tids on the two
--   CPUs), large_direct_map (one page of 1 GB), no_btf, no_info_page (the page that keeps VMCOREINFO is empty),
--   info_lines (more lines of VMCOREINFO), also (called with the kernel when its text and statics are there: adds data,
--   symbols, types)
-- @return an object: memory, vmcoreinfo (text), notes (list), symbols {name=address}, tasks (what was asked for),
--   task_addr {tid=address}, log, types; elf(t) and kdump(t) give files
function M.build(opts)
  opts = setmetatable(opts or {}, {__index = DEFAULTS})
  local self = setmetatable({
    memory = Memory.new(), release = opts.release, name = RELEASE[opts.release].name, levels = opts.levels,
    kaslr = opts.kaslr, phys_base = opts.phys_base, encryption = opts.encryption, types = linux_types.of(opts.release),
    symbols = {}, symbol_list = {}, next_frame = 0x100000, next_heap = 0x400000, opts = opts,
    page_offset = math.tointeger(opts.levels == 5 and 0xff11000000000000 or 0xffff9a8000000000),
    text = START_KERNEL_MAP + 0x1000000 + opts.kaslr,
  }, Kernel)
  self.next_rodata, self.next_data = self.text + RODATA, self.text + DATA
  self.memory:write(self:pa(self.text), ("\0"):rep(IMAGE_SIZE))
  make_text(self)
  self:rodata("linux_banner", ("Linux version %s (built) #1 SMP\n\0"):format(self.name), 16)
  make_statics(self, opts)
  self.info_page = self:frame()
  self.memory:write(self.info_page, ("\0"):rep(4096))
  self:data("vmcoreinfo_data", ("<i8"):pack(self.info_page + self.page_offset))
  if opts.also then opts.also(self) end
  make_percpu_base(self)
  linux_tasks.make(self, opts.tasks or linux_tasks.default)
  linux_log.make(self, opts.log or linux_log.default)
  make_percpu(self, opts)
  if not opts.no_btf then
    local bytes = self.types:btf()
    local at = self:rodata("__start_BTF", bytes, 8)
    self:symbol("__stop_BTF", "R", at + #bytes)
  end
  make_pagetable(self, opts)
  make_kallsyms(self)
  self.vmcoreinfo = make_vmcoreinfo(self, opts)
  if not opts.no_info_page then self.memory:write(self.info_page, self.vmcoreinfo) end
  self.notes = notes_of(self, opts)
  return self
end

-- --- dumps

--- An ELF core. t: as elfcore.build takes it; qemu: virtual addresses equal physical ones, as QEMU writes them;
-- vmcoreinfo: another text, or false.
function Kernel:elf(t)
  t = t or {}
  local notes = {table.unpack(self.notes)}
  if t.vmcoreinfo ~= false then notes[#notes + 1] = elfcore.vmcoreinfo_note(t.vmcoreinfo or self.vmcoreinfo) end
  local copy = {notes = notes, va = function(pa) return t.qemu and pa or pa + self.page_offset end}
  for k, v in pairs(t) do
    if k ~= "vmcoreinfo" and k ~= "qemu" then copy[k] = v end
  end
  return elfcore.of_memory(self.memory, copy)
end

--- A kdump-compressed file. t: as kdump.build takes it; without(pfn): pages that were filtered out.
function Kernel:kdump(t)
  t = t or {}
  local copy = {
    notes = self.notes, vmcoreinfo = self.vmcoreinfo, phys_base = self.phys_base,
    utsname = {sysname = "Linux", nodename = "built", release = self.name, machine = "x86_64"},
  }
  for k, v in pairs(t) do copy[k] = v end
  return kdump.of_memory(self.memory, copy, t.without)
end

--- Whether a page is a user's, as makedumpfile -d 31 leaves them out.
function Kernel:is_user_page(pfn) return self.user_pfns[pfn] == true end

return M
