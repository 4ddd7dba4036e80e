-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm files: the open files of tasks, as ls -l /proc/PID/fd and /proc/PID/fdinfo show them, with what the kernel keeps of each.
local dcache = require "kvm.linux.dcache"
local fdtable = require "kvm.linux.fdtable"
local object = require "kvm.object"
local tasks = require "kvm.cmd.tasks"
local walk = require "kvm.cmd.walk"

local M = {
  name = "files",
  summary = "open files of tasks",
  operands = {tasks.OPERAND},
  options = {
    {flags = "-R --path", value = "TEXT", help = "only files whose path has this text in it"},
    {flags = "--threads", help = "every thread (threads share their files as a rule)"},
  },
  columns = {
    {name = "pid", kind = "integer", title = "PID", width = 6},
    {name = "tid", kind = "integer"},
    {name = "comm", kind = "string", title = "COMM", width = 15, left = true},
    {name = "fd", kind = "integer", title = "FD", width = 4},
    {name = "kind", kind = "string", title = "KIND", width = 6, left = true},
    {name = "flags", kind = "hex"},
    {name = "access", kind = "string", title = "ACCESS", width = 6, left = true},
    {name = "close_on_exec", kind = "boolean"},
    {name = "offset", kind = "integer", title = "OFFSET", width = 10},
    {name = "inode", kind = "integer", title = "INODE", width = 9},
    {name = "dev", kind = "string"},
    {name = "size", kind = "integer"},
    {name = "deleted", kind = "boolean"},
    {name = "addr", kind = "hex", title = "FILE", width = 18, left = true},
    {name = "dentry", kind = "hex"},
    {name = "inode_addr", kind = "hex"},
    {name = "partial", kind = "strings"},
    {name = "path", kind = "string", title = "PATH", left = true, width = 0},
  },
  no_match = "no open file matches",
}

-- stat(2)'s types, include/uapi/linux/stat.h
local S_IFMT <const> = 0xf000
local KINDS <const> = {[0x1000] = "fifo", [0x2000] = "char", [0x4000] = "dir", [0x6000] = "block", [0x8000] = "file", [0xa000] = "link",
  [0xc000] = "socket"}
local ACCESS <const> = {[0] = "r", "w", "rw", "none"}

-- What is told of a file, each by itself: the page of one may be missing.
local PARTS <const> = {
  {"path", function(file) return (dcache.d_path(file.f_path)) end},
  {"kind", function(file) return KINDS[file.f_inode.i_mode & S_IFMT] or "anon" end},
  {"flags", function(file) return file.f_flags end},
  {"offset", function(file) return file.f_pos end},
  {"inode", function(file) return file.f_inode.i_ino end},
  {"dev", function(file)
    local dev = file.f_inode.i_sb.s_dev
    return ("%d:%d"):format(dev >> 20, dev & 0xfffff)
  end},
  {"size", function(file) return file.f_inode.i_size end},
  {"dentry", function(file) return object.addr(file.f_path.dentry) end},
  {"inode_addr", function(file) return object.addr(file.f_inode) end},
}

local function record(p, task, fd, file)
  local rec = {pid = p.pid, tid = p.tid, comm = p.comm, fd = fd, addr = object.addr(file), close_on_exec = fdtable.close_on_exec(task, fd)}
  walk.fields(rec, PARTS, file)
  rec.access = rec.flags and ACCESS[rec.flags & 3]
  rec.deleted = rec.path and rec.path:find " %(deleted%)$" ~= nil
  return rec
end

--- The open files of tasks.
-- @param k an open handle
-- @tparam[opt] table opts pids ({integer|string,...}: ids and names), path (text), threads
-- @treturn function an iterator of records: pid, tid, comm, fd, kind ("file", "dir", "char", "block", "fifo", "socket", "anon"), flags
--  (O_*), access ("r", "w", "rw"), close_on_exec, offset and size (bytes), inode, dev ("MAJOR:MINOR"), deleted, addr (`struct file *`),
--  dentry, inode_addr, path, partial (keys that could not be read; nil when all could); what is damaged as kvm.cmd.walk tells it
-- @raise kvm.Error
-- @usage for f in require "kvm.cmd.files".run(k, {pids = {1}}) do assert(f.stopped or f.fd >= 0) end
function M.run(k, opts)
  opts = opts or {}
  return walk.records(function(emit)
    for p, task in tasks.each(k, opts.pids, opts.threads) do
      walk.part(emit, function()
        for fd, file in fdtable.for_each_file(task) do
          local rec = record(p, task, fd, file)
          if not opts.path or rec.path and rec.path:find(opts.path, 1, true) then emit(rec) end
        end
      end)
    end
  end)
end

return M
