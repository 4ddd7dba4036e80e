-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm mount: what is mounted, as /proc/mounts and /proc/PID/mountinfo tell it, seen from init or from another task;
-- with --inodes the inodes of what is mounted.
local kvm_error = require "kvm.error"
local fs = require "kvm.linux.fs"
local mount = require "kvm.linux.mount"
local dcache = require "kvm.linux.dcache"
local jiffies = require "kvm.linux.jiffies"
local object = require "kvm.object"
local tasks = require "kvm.cmd.tasks"
local walk = require "kvm.cmd.walk"

local M = {
  name = "mount",
  summary = "mounted file systems",
  operands = {},
  options = {
    {flags = "-n --namespace", value = "PID", type = "integer", help = "as this process sees them (default: process 1)"},
    {flags = "-a --all", help = "also what cannot be reached from the process's root"},
    {flags = "-f --fstype", value = "TYPE", help = "only file systems of this type"},
    {flags = "-i --inodes", help = "the inodes of each file system that are in memory"},
    {flags = "-D --dirty", help = "with --inodes: only the dirty ones of file systems that are written to disks"},
  },
  columns = {
    {name = "id", kind = "integer"},
    {name = "parent", kind = "integer"},
    {name = "dev", kind = "string", title = "DEVICE", width = 16, left = true},
    {name = "device", kind = "string"},
    {name = "dir", kind = "string", title = "DIRECTORY", width = 24, left = true},
    {name = "root", kind = "string"},
    {name = "fstype", kind = "string", title = "TYPE", width = 10, left = true},
    {name = "propagation", kind = "string"},
    {name = "own_options", kind = "string"},
    {name = "super_options", kind = "string"},
    {name = "addr", kind = "hex", title = "MOUNT", width = 18, left = true},
    {name = "super_block", kind = "hex"},
    {name = "inode", kind = "hex", title = "INODE", width = 18, left = true, only = "inodes"},
    {name = "number", kind = "integer", title = "NUMBER", width = 10, only = "inodes"},
    {name = "kind", kind = "string", title = "KIND", width = 9, left = true, only = "inodes"},
    {name = "size", kind = "integer", title = "SIZE", width = 11, only = "inodes"},
    {name = "links", kind = "integer"},
    {name = "references", kind = "integer"},
    {name = "cached_pages", kind = "integer", title = "PAGES", width = 6, only = "inodes"},
    {name = "dirty", kind = "strings", title = "DIRTY", width = 14, left = true, only = "inodes"},
    {name = "dirty_pages", kind = "integer"},
    {name = "writeback_pages", kind = "integer"},
    {name = "dirty_ns", kind = "integer"},
    {name = "path", kind = "string", title = "PATH", width = 24, left = true, only = "inodes"},
    {name = "partial", kind = "strings"},
    {name = "options", kind = "string", title = "OPTIONS", left = true, width = 0},
  },
  no_match = "nothing of that is mounted",
}

local PARTS <const> = {
  {"id", function(m) return m.mnt_id end},
  {"parent", function(m) return m.mnt_parent.mnt_id end},
  {"dev", mount.device},
  {"device", function(m)
    local dev = m.mnt.mnt_sb.s_dev
    return ("%d:%d"):format(dev >> 20, dev & 0xfffff)
  end},
  {"root", function(m) return dcache.dentry_path(m.mnt.mnt_root) end},
  {"fstype", mount.fstype},
  {"propagation", mount.propagation},
  {"super_block", function(m) return object.addr(m.mnt.mnt_sb) end},
}

-- --- inodes

local INODE <const> = {
  {"number", function(inode) return inode.i_ino end},
  {"kind", fs.kind},
  {"size", function(inode) return inode.i_size end},
  {"links", function(inode) return inode.i_nlink end},
  {"references", function(inode) return inode.i_count.counter end},
  {"cached_pages", function(inode) return inode.i_mapping.nrpages end},
  {"dirty", fs.dirty},
  {"path", fs.path},
}

-- How long it has been dirty: dirtied_when is set where it was clean, in jiffies.
local function dirty_since(inode)
  local k = object.handle(inode)
  return math.max(jiffies.now(k) - inode.dirtied_when, 0) * jiffies.tick_ns(k)
end

local function inode_record(inode, m)
  local rec = {inode = object.addr(inode), addr = m.addr, super_block = m.super_block, fstype = m.fstype, dir = m.dir, dev = m.dev,
    options = m.options}
  walk.fields(rec, INODE, inode)
  if rec.dirty and rec.dirty[1] then
    rec.dirty_pages, rec.writeback_pages = walk.field(rec, "dirty_pages", fs.dirty_pages, inode)
    rec.dirty_ns = walk.field(rec, "dirty_ns", dirty_since, inode)
  end
  return rec
end

local function inodes(sb, emit, rec, only_dirty)
  for inode in fs.for_each_inode(sb) do
    local dirty = not only_dirty or fs.dirty(inode)[1] ~= nil
    if dirty then emit(inode_record(inode, rec)) end
  end
end

-- --- mounts

local function record(m, root)
  local rec = {addr = object.addr(m)}
  walk.fields(rec, PARTS, m)
  local reached, own
  rec.dir, reached = walk.field(rec, "dir", mount.dir, m, root)
  rec.options, own, rec.super_options = walk.field(rec, "options", mount.options, m)
  rec.own_options = own
  return rec, reached ~= false
end

--- What is mounted.
-- @param k an open handle
-- @tparam[opt] table opts namespace (process id; default 1), all, fstype, inodes (not mounts, but each file system's inodes once), dirty
--  (with inodes: only the dirty ones of file systems that are written to disks)
-- @treturn function an iterator of records: id, parent (of mountinfo), dev (what is mounted), device ("MAJOR:MINOR"), dir, root (within the
--  file system), fstype, options (those that the kernel itself keeps: "rw,nosuid,relatime"), own_options and super_options (as mountinfo
--  has them), propagation ("shared:1 master:2"), addr (`struct mount *`), super_block, partial (keys that could not be read); what is
--  damaged as kvm.cmd.walk tells it. Of inodes: inode (`struct inode *`), number, kind (as kvm.linux.fs.kind has it), size (bytes), links,
--  references, cached_pages, dirty (as kvm.linux.fs.dirty has it), path (within the file system; nil when no name is in memory), of dirty
--  ones dirty_pages, writeback_pages and dirty_ns (since when, to a tick), and of where its file system is mounted first addr, dev, dir,
--  fstype, options, super_block
-- @raise kvm.Error `notfound`: no such process
-- @usage for m in require "kvm.cmd.mount".run(k) do assert(m.stopped or m.dir) end
function M.run(k, opts)
  opts = opts or {}
  if opts.dirty and not opts.inodes then error {usage = "--dirty needs --inodes"} end
  local p, task = tasks.each(k, {opts.namespace or 1})()
  if not p then kvm_error.fail("notfound", "there is no process %d", opts.namespace or 1) end
  return walk.records(function(emit)
    local ns = task.nsproxy
    if not ns then kvm_error.fail("notfound", "process %d has no namespaces: it has ended", p.pid) end
    local seen = {}
    for m in mount.for_each_mount(ns.mnt_ns) do
      local rec, reached = record(m, task.fs.root)
      if (reached or opts.all) and (not opts.fstype or rec.fstype == opts.fstype) then
        if not opts.inodes then
          emit(rec)
        elseif rec.super_block and not seen[rec.super_block] then
          seen[rec.super_block] = true
          local sb = m.mnt.mnt_sb
          if not opts.dirty or fs.is_written_back(sb) then walk.part(emit, inodes, sb, emit, rec, opts.dirty) end
        end
      end
    end
  end)
end

return M
