-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm fuser: which processes use a file: open, mapped, as program, as directory or root, as fuser(1) tells it.
local kvm_error = require "kvm.error"
local dcache = require "kvm.linux.dcache"
local fdtable = require "kvm.linux.fdtable"
local mm_types = require "kvm.linux.mm_types"
local object = require "kvm.object"
local tasks = require "kvm.cmd.tasks"
local walk = require "kvm.cmd.walk"

local M = {
  name = "fuser",
  summary = "processes that use a file",
  operands = {{key = "file", name = "PATH|ADDR"}},
  options = {},
  columns = {
    {name = "pid", kind = "integer", title = "PID", width = 6},
    {name = "comm", kind = "string", title = "COMM", width = 16, left = true},
    {name = "uses", kind = "strings"},
    {name = "what", kind = "string", title = "USES IT AS", left = true, width = 0, json = false},
  },
  no_match = "no process uses that file",
}

-- A path; or the address of a struct file, dentry or inode, as 0x...
local function matcher(k, text)
  local digits = text:match "^0x(%x+)$"
  local addr = digits and tonumber(digits, 16)
  if not addr then
    return function(path) return (dcache.d_path(path)) == text end
  end
  kvm_error.check(k:read(addr, 8))
  return function(path, file)
    return file and object.addr(file) == addr or object.addr(path.dentry) == addr
      or path.dentry.d_inode ~= nil and object.addr(path.dentry.d_inode) == addr
  end
end

local function uses_of(task, is_it)
  local uses = {}
  for fd, file in fdtable.for_each_file(task) do
    if is_it(file.f_path, file) then uses[#uses + 1] = ("fd %d"):format(fd) end
  end
  local fs, mm = task.fs, task.mm
  if fs and is_it(fs.pwd) then uses[#uses + 1] = "cwd" end
  if fs and is_it(fs.root) then uses[#uses + 1] = "root" end
  if not mm then return uses end
  local exe = mm.exe_file
  if exe and is_it(exe.f_path, exe) then uses[#uses + 1] = "exe" end
  for area in mm_types.for_each_vma(mm) do
    local file = area.vm_file
    if file and is_it(file.f_path, file) then
      uses[#uses + 1] = "mmap"
      break
    end
  end
  return uses
end

--- The processes that use a file.
-- @param k an open handle
-- @tparam table opts file (path, or "0x..." of a `struct file`, `dentry` or `inode`)
-- @treturn function an iterator of records: pid, comm, uses ({string,...}: "fd 3", "cwd", "root", "exe", "mmap"); what is damaged as
--  kvm.cmd.walk tells it
-- @raise kvm.Error
-- @usage for p in require "kvm.cmd.fuser".run(k, {file = "/"}) do assert(p.stopped or #p.uses > 0) end
function M.run(k, opts)
  local is_it = matcher(k, opts.file)
  return walk.records(function(emit)
    for p, task in tasks.each(k) do
      walk.part(emit, function()
        local uses = uses_of(task, is_it)
        if uses[1] then emit {pid = p.pid, comm = p.comm, uses = uses, what = table.concat(uses, ", ")} end
      end)
    end
  end)
end

return M
