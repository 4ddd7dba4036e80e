-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm vm: the address spaces of tasks, area by area, as /proc/PID/maps has them; with --pages where each of its pages is.
local kvm_error = require "kvm.error"
local mm_types = require "kvm.linux.mm_types"
local object = require "kvm.object"
local tasks = require "kvm.cmd.tasks"
local walk = require "kvm.cmd.walk"

local M = {
  name = "vm",
  summary = "address spaces of tasks",
  operands = {tasks.OPERAND},
  options = {
    {flags = "-p --pages", help = "count the pages of each area that are in memory"},
    {flags = "-R --path", value = "TEXT", help = "only areas whose name has this text in it"},
  },
  columns = {
    {name = "pid", kind = "integer", title = "PID", width = 6},
    {name = "comm", kind = "string", title = "COMM", width = 15, left = true},
    {name = "start", kind = "hex", title = "START", width = 14},
    {name = "end", kind = "hex", title = "END", width = 14},
    {name = "size", kind = "size", title = "SIZE", width = 7},
    {name = "permissions", kind = "string", title = "PERM", width = 4, left = true},
    {name = "flags", kind = "hex"},
    {name = "offset", kind = "integer"},
    {name = "dev", kind = "string"},
    {name = "inode", kind = "integer"},
    {name = "addr", kind = "hex", title = "AREA", width = 18, left = true},
    {name = "mm", kind = "hex"},
    {name = "present_bytes", kind = "size", title = "PRESENT", width = 7, only = "pages"},
    {name = "partial", kind = "strings"},
    {name = "name", kind = "string", title = "NAME", left = true, width = 0},
  },
  no_match = "no address space matches",
}

local PAGE <const> = 4096

-- Bytes of an area that the process's page tables lead to memory.
local function present(k, p, from, to)
  local n, at = 0, from
  while at < to do
    local pa, message, code, where = k:translate(at, p)
    if pa then
      n = n + PAGE
    elseif code ~= "fault" then
      kvm_error.check(pa, message, code, where)
    end
    at = at + PAGE
  end
  return n
end

local PARTS <const> = {
  {"flags", function(area) return area.vm_flags end},
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
  if pages then rec.present_bytes = walk.field(rec, "present_bytes", present, k, p, from, to) end
  return rec
end

--- The areas of address spaces.
-- @param k an open handle
-- @tparam[opt] table opts pids ({integer|string,...}: ids and names), path (text), pages
-- @treturn function an iterator of records: pid, comm, start, end (addresses), size (bytes), permissions ("rwxp"), flags (VM_*), offset
--  (bytes, in the file), dev ("MAJOR:MINOR"), inode, addr (`struct vm_area_struct *`), mm (`struct mm_struct *`), present_bytes (with
--  pages), name (path, "[heap]", "[stack]", ..., ""), partial (keys that could not be read); what is damaged as kvm.cmd.walk tells it
-- @raise kvm.Error
-- @usage for v in require "kvm.cmd.vm".run(k, {pids = {1}}) do assert(v.stopped or v.start < v["end"]) end
function M.run(k, opts)
  opts = opts or {}
  return walk.records(function(emit)
    for p, task in tasks.each(k, opts.pids) do
      walk.part(emit, function()
        local mm = task.mm
        if not mm then return end
        for area in mm_types.for_each_vma(mm) do
          local rec = record(k, p, area, opts.pages)
          if not opts.path or rec.name and rec.name:find(opts.path, 1, true) then emit(rec) end
        end
      end)
    end
  end)
end

return M
