-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm vm: the address spaces of tasks, area by area, as /proc/PID/maps has them; with --pages what of each is in memory and in swap;
-- with --summary what each address space uses in all, as /proc/PID/status has it.
local kvm_error = require "kvm.error"
local mm_types = require "kvm.linux.mm_types"
local object = require "kvm.object"
local swapops = require "kvm.linux.swapops"
local tasks = require "kvm.cmd.tasks"
local walk = require "kvm.cmd.walk"

local M = {
  name = "vm",
  summary = "address spaces of tasks",
  operands = {tasks.OPERAND},
  options = {
    {flags = "-p --pages", help = "what of each area is in memory, and what in swap"},
    {flags = "-s --summary", help = "what each address space uses, instead of its areas"},
    {flags = "-R --path", value = "TEXT", help = "only areas whose name has this text in it"},
  },
  columns = {
    {name = "pid", kind = "integer", title = "PID", width = 6},
    {name = "comm", kind = "string", title = "COMM", width = 15, left = true},
    {name = "start", kind = "hex", title = "START", width = 14, without = "summary"},
    {name = "end", kind = "hex", title = "END", width = 14, without = "summary"},
    {name = "size", kind = "size", title = "SIZE", width = 7, without = "summary"},
    {name = "permissions", kind = "string", title = "PERM", width = 4, left = true, without = "summary"},
    {name = "flags", kind = "hex"},
    {name = "flag_names", kind = "strings"},
    {name = "offset", kind = "integer"},
    {name = "dev", kind = "string"},
    {name = "inode", kind = "integer"},
    {name = "addr", kind = "hex", title = "AREA", width = 18, left = true, without = "summary"},
    {name = "mm", kind = "hex", title = "MM", width = 18, left = true, only = "summary"},
    {name = "present_bytes", kind = "size", title = "PRESENT", width = 7, only = "pages"},
    {name = "swapped_bytes", kind = "size", title = "SWAPPED", width = 7, only = "pages"},
    {name = "size_bytes", kind = "size", title = "SIZE", width = 8, only = "summary"},
    {name = "peak_bytes", kind = "size"},
    {name = "rss_bytes", kind = "size", title = "RSS", width = 8, only = "summary"},
    {name = "rss_peak_bytes", kind = "size"},
    {name = "anon_bytes", kind = "size", title = "ANON", width = 8, only = "summary"},
    {name = "file_bytes", kind = "size", title = "FILE", width = 8, only = "summary"},
    {name = "shmem_bytes", kind = "size", title = "SHMEM", width = 8, only = "summary"},
    {name = "swap_bytes", kind = "size", title = "SWAP", width = 8, only = "summary"},
    {name = "hugetlb_bytes", kind = "size"},
    {name = "locked_bytes", kind = "size"},
    {name = "pinned_bytes", kind = "size"},
    {name = "data_bytes", kind = "size"},
    {name = "stack_bytes", kind = "size"},
    {name = "exe_bytes", kind = "size"},
    {name = "lib_bytes", kind = "size"},
    {name = "pagetables_bytes", kind = "size", title = "TABLES", width = 8, only = "summary"},
    {name = "partial", kind = "strings"},
    {name = "name", kind = "string", title = "NAME", left = true, width = 0, without = "summary"},
  },
  no_match = "no address space matches",
}

local PAGE <const> = 4096

-- Bytes of an area that the process's page tables lead to memory, and to a swap area. Entries that map nothing may stand for more than
-- a page.
local function pages_of(k, p, from, to)
  local present, swapped, at = 0, 0, from
  while at < to do
    local pa, message, code, where, entry, size = k:translate(at, p)
    if pa then
      present = present + PAGE
      size = PAGE
    elseif code ~= "fault" or not size then
      kvm_error.check(pa, message, code, where)
    elseif entry ~= 0 and swapops.area(k, (swapops.entry(k, entry))) then
      swapped = swapped + size
    end
    at = (at & -size) + size
  end
  return present, swapped
end

local PARTS <const> = {
  {"flags", function(area) return area.vm_flags end},
  {"flag_names", function(area) return mm_types.flag_names(area.vm_flags) end},
  {"permissions", mm_types.permissions},
  {"offset", function(area) return area.vm_file and area.vm_pgoff * PAGE or 0 end},
  {"dev", function(area)
    local dev = area.vm_file and area.vm_file.f_inode.i_sb.s_dev or 0
    return ("%d:%d"):format(dev >> 20, dev & 0xfffff)
  end},
  {"inode", function(area) return area.vm_file and area.vm_file.f_inode.i_ino or 0 end},
  {"name", mm_types.name},
}

local function record(k, p, area, pages)
  local from, to = area.vm_start, area.vm_end
  local rec = {pid = p.pid, comm = p.comm, start = from, ["end"] = to, size = to - from, addr = object.addr(area), mm = p.mm}
  walk.fields(rec, PARTS, area)
  if pages then rec.present_bytes, rec.swapped_bytes = walk.field(rec, "present_bytes", pages_of, k, p, from, to) end
  return rec
end

local function summary(p, mm)
  local rec = {pid = p.pid, comm = p.comm, mm = p.mm}
  for name, bytes in pairs(walk.field(rec, "usage", mm_types.usage, mm) or {}) do rec[name] = bytes end
  return rec
end

--- The areas of address spaces.
-- @param k an open handle
-- @tparam[opt] table opts pids ({integer|string,...}: ids and names), path (text), pages, summary
-- @treturn function an iterator of records: pid, comm, start, end (addresses), size (bytes), permissions ("rwxp"), flags (VM_*),
--  flag_names (as VmFlags of /proc/PID/smaps), offset (bytes, in the file), dev ("MAJOR:MINOR"), inode, addr (`struct vm_area_struct *`),
--  mm (`struct mm_struct *`), present_bytes and swapped_bytes (with pages), name (path, "[heap]", "[stack]", ..., ""); with summary one for
--  each process: pid, comm, mm and what kvm.linux.mm_types.usage tells; partial (keys that could not be read); what is damaged as
--  kvm.cmd.walk tells it
-- @raise kvm.Error
-- @usage for v in require "kvm.cmd.vm".run(k, {pids = {1}}) do assert(v.stopped or v.start < v["end"]) end
function M.run(k, opts)
  opts = opts or {}
  return walk.records(function(emit)
    for p, task in tasks.each(k, opts.pids) do
      walk.part(emit, function()
        local mm = task.mm
        if not mm then return end
        if opts.summary then
          emit(summary(p, mm))
          return
        end
        for area in mm_types.for_each_vma(mm) do
          local rec = record(k, p, area, opts.pages)
          if not opts.path or rec.name and rec.name:find(opts.path, 1, true) then emit(rec) end
        end
      end)
    end
  end)
end

return M
