-- SPDX-License-Identifier: BSD-2-Clause
-- linux/mm_types.h: the areas of an address space (struct vm_area_struct) as /proc/PID/maps tells them: in a maple tree since 6.1, in a
-- list before; what it uses, as /proc/PID/status has it. Names as show_map_vma (fs/proc/task_mmu.c) makes them. Checked against Linux
-- 5.10, 6.1, 6.12 and 7.2. Leaves out [vsyscall], which is of no address space.
local kvm_error = require "kvm.error"
local cpumask = require "kvm.linux.cpumask"
local dcache = require "kvm.linux.dcache"
local maple_tree = require "kvm.linux.maple_tree"
local object = require "kvm.object"
local percpu = require "kvm.linux.percpu"
local types = require "kvm.type"

local M = {}

local AREA <const> = "struct vm_area_struct"
local MOST <const> = 1 << 24 -- sysctl_max_map_count may be raised, to an int

-- include/linux/mm.h
M.VM_READ, M.VM_WRITE, M.VM_EXEC, M.VM_SHARED, M.VM_MAYSHARE = 0x1, 0x2, 0x4, 0x8, 0x80
M.VM_LOCKED, M.VM_IO, M.VM_HUGETLB, M.VM_GROWSDOWN = 0x2000, 0x4000, 0x400000, 0x100

-- Bits of vm_flags with the letters that /proc/PID/smaps has for them (show_smap_vma_flags), as far as 5.10 to 7.2 agree on them.
local LETTERS <const> = {[0] = "rd", "wr", "ex", "sh", "mr", "mw", "me", "ms", "gd", "um", "pf", [12] = "uw", [13] = "lo", [14] = "io",
  [15] = "sr", [16] = "rr", [17] = "dc", [18] = "de", [19] = "lf", [20] = "ac", [21] = "nr", [22] = "ht", [23] = "sf", [24] = "ar",
  [25] = "wf", [26] = "dd", [27] = "sd", [28] = "mm", [29] = "hg", [30] = "nh", [31] = "mg"}

--- The flags of an area in letters.
-- @tparam integer flags vm_flags
-- @treturn {string,...} as VmFlags of /proc/PID/smaps; bits that mean different things to releases are left out
-- @usage assert(table.concat(kvm.linux.mm_types.flag_names(5), " ") == "rd ex")
function M.flag_names(flags)
  local out = {}
  for bit = 0, 31 do
    if flags >> bit & 1 == 1 then out[#out + 1] = LETTERS[bit] end
  end
  return out
end

-- Until 6.0: mm->mmap and vm_next, whose order is checked, as nothing leads back in a way that all releases have.
local function by_list(mm)
  local area, last, left = mm.mmap, 0, MOST
  return function()
    local this = area
    if not this then return nil end
    left = left - 1
    if left < 0 or this.vm_start < last or this.vm_end <= this.vm_start then
      error(kvm_error.new {code = "format", addr = object.addr(this),
        message = ("the areas of mm 0x%x are out of order at 0x%x"):format(object.addr(mm), object.addr(this))}, 0)
    end
    last, area = this.vm_end, this.vm_next
    return this
  end
end

--- The areas of an address space, in order.
-- @param mm `struct mm_struct`
-- @return iterator of objects `struct vm_area_struct`
-- @raise kvm.Error `format` where they are damaged; `fault`, `excluded`
-- @usage local mm = kvm.linux.list.first_entry("struct task_struct", k:object("init_task").tasks, "tasks").mm
-- for area in kvm.linux.mm_types.for_each_vma(mm) do assert(area.vm_start < area.vm_end) end
function M.for_each_vma(mm)
  if types.of(object.handle(mm), "struct mm_struct"):strip():field "mm_mt" then
    return maple_tree.for_each_entry(AREA, mm.mm_mt)
  end
  return by_list(mm)
end

--- The area that an address is in.
-- @param mm `struct mm_struct`
-- @tparam integer addr
-- @return `struct vm_area_struct`, nil when there is none
-- @raise kvm.Error as for_each_vma
-- @usage local mm = kvm.linux.list.first_entry("struct task_struct", k:object("init_task").tasks, "tasks").mm
-- assert(kvm.linux.mm_types.find_vma(mm, mm.start_code).vm_start <= mm.start_code)
function M.find_vma(mm, addr)
  for area in M.for_each_vma(mm) do
    if addr < area.vm_start then return nil end
    if addr < area.vm_end then return area end
  end
  return nil
end

--- How an area may be used.
-- @param area `struct vm_area_struct`
-- @treturn string "rwxp", as in /proc/PID/maps
-- @raise kvm.Error
-- @usage local mm = kvm.linux.list.first_entry("struct task_struct", k:object("init_task").tasks, "tasks").mm
-- assert(kvm.linux.mm_types.permissions(kvm.linux.mm_types.find_vma(mm, mm.start_code)) == "r-xp")
function M.permissions(area)
  local flags = area.vm_flags
  return (flags & M.VM_READ ~= 0 and "r" or "-") .. (flags & M.VM_WRITE ~= 0 and "w" or "-")
    .. (flags & M.VM_EXEC ~= 0 and "x" or "-") .. (flags & M.VM_MAYSHARE ~= 0 and "s" or "p")
end

-- [vdso] and the like: vm_ops->name of special mappings.
local function special_name(area)
  local ops = area.vm_ops
  local namer = ops and ops.name
  local symbol = namer and object.handle(area):symbol(object.addr(namer))
  if not symbol or symbol.name ~= "special_mapping_name" then return nil end
  local mapping = object.cast(area.vm_private_data, "struct vm_special_mapping")
  return object.string(mapping.name)
end

local function given_name(area)
  if not object.typeof(area):strip():field "anon_name" or area.vm_file then return nil end
  local given = area.anon_name -- since 5.17, CONFIG_ANON_VMA_NAME
  return given and ("[anon:%s]"):format(object.string(given.name))
end

--- What an area is.
-- @param area `struct vm_area_struct`
-- @treturn string a file's path, "[heap]", "[stack]", "[vdso]", "[vvar]" ..., "" for anonymous memory
-- @raise kvm.Error
-- @usage local mm = kvm.linux.list.first_entry("struct task_struct", k:object("init_task").tasks, "tasks").mm
-- assert(#kvm.linux.mm_types.name(kvm.linux.mm_types.find_vma(mm, mm.start_code)) > 0)
function M.name(area)
  local file = area.vm_file
  if file then return (dcache.d_path(file.f_path)) end
  local special = special_name(area)
  if special then return special end
  local mm = area.vm_mm
  if not mm then return "[vdso]" end
  if area.vm_start <= mm.brk and area.vm_end >= mm.start_brk and mm.brk ~= mm.start_brk then return "[heap]" end
  if area.vm_start <= mm.start_stack and area.vm_end >= mm.start_stack then return "[stack]" end
  return given_name(area) or ""
end

-- include/linux/mm_types_task.h: MM_FILEPAGES, ...
local COUNTERS <const> = {file = 0, anon = 1, swap = 2, shmem = 3}

-- Counts of pages: per-CPU counters since 6.2 (f1a7941243c1), atomic numbers before. As get_mm_counter, none is below 0.
local function counters(mm)
  local out, stat = {}, mm.rss_stat
  local is_percpu = not object.typeof(mm):strip():field "rss_stat.count"
  local cpus = is_percpu and cpumask.of(object.handle(mm), "online")
  for name, i in pairs(COUNTERS) do
    out[name] = math.max(0, is_percpu and percpu.counter_sum(stat[i], cpus) or stat.count[i].counter)
  end
  return out
end

--- What an address space uses, as /proc/PID/status has it; of page counters the exact value, where the kernel's own may be some pages off.
-- @param mm `struct mm_struct`
-- @treturn table bytes: size_bytes (VmSize), peak_bytes (VmPeak), locked_bytes, pinned_bytes, rss_bytes, rss_peak_bytes (VmHWM),
--  anon_bytes, file_bytes, shmem_bytes, data_bytes, stack_bytes, exe_bytes, lib_bytes, pagetables_bytes (VmPTE), swap_bytes, hugetlb_bytes
-- @raise kvm.Error
-- @usage local mm = kvm.linux.list.first_entry("struct task_struct", k:object("init_task").tasks, "tasks").mm
-- local use = kvm.linux.mm_types.usage(mm) assert(use.size_bytes <= use.peak_bytes)
function M.usage(mm)
  local page, n = object.handle(mm):page_size(), counters(mm)
  local size, rss, exec = mm.total_vm, n.anon + n.file + n.shmem, mm.exec_vm * page
  local exe = math.min((mm.end_code + page - 1 & -page) - (mm.start_code & -page), exec)
  local hugetlb = object.typeof(mm):strip():field "hugetlb_usage" -- CONFIG_HUGETLB_PAGE
  return {
    size_bytes = size * page, peak_bytes = math.max(size, mm.hiwater_vm) * page, locked_bytes = mm.locked_vm * page,
    pinned_bytes = mm.pinned_vm.counter * page, rss_bytes = rss * page, rss_peak_bytes = math.max(rss, mm.hiwater_rss) * page,
    anon_bytes = n.anon * page, file_bytes = n.file * page, shmem_bytes = n.shmem * page, data_bytes = mm.data_vm * page,
    stack_bytes = mm.stack_vm * page, exe_bytes = exe, lib_bytes = exec - exe, pagetables_bytes = mm.pgtables_bytes.counter,
    swap_bytes = n.swap * page, hugetlb_bytes = hugetlb and mm.hugetlb_usage.counter * page or 0,
  }
end

return M
