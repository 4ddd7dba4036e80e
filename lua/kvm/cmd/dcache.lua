-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm dcache: what paths lead to in the dentry cache, and with --list what of a directory is there.
local dcache = require "kvm.linux.dcache"
local fs = require "kvm.linux.fs"
local kvm_error = require "kvm.error"
local namei = require "kvm.linux.namei"
local object = require "kvm.object"
local tasks = require "kvm.cmd.tasks"
local walk = require "kvm.cmd.walk"

local M = {
  name = "dcache",
  summary = "names that the kernel remembers, and their inodes",
  operands = {{key = "paths", name = "PATH", many = true, optional = true}},
  options = {
    {flags = "-l --list", help = "what of the directories is in memory; of the root without a PATH"},
    {flags = "-n --namespace", value = "PID", type = "integer", help = "as this process sees them (default: process 1)"},
  },
  columns = {
    {name = "dentry", kind = "hex", title = "DENTRY", width = 18, left = true},
    {name = "inode", kind = "hex", title = "INODE", width = 18, left = true},
    {name = "number", kind = "integer", title = "NUMBER", width = 10},
    {name = "kind", kind = "string", title = "KIND", width = 9, left = true},
    {name = "size", kind = "integer", title = "SIZE", width = 11},
    {name = "links", kind = "integer"},
    {name = "uid", kind = "integer"},
    {name = "gid", kind = "integer"},
    {name = "permissions", kind = "integer"},
    {name = "super_block", kind = "hex"},
    {name = "target", kind = "string"},
    {name = "unhashed", kind = "boolean"},
    {name = "partial", kind = "strings"},
    {name = "path", kind = "string", title = "PATH", left = true, width = 0},
  },
  no_match = "nothing of that is in memory",
}

local MAX_TARGET <const> = 65536

local PARTS <const> = {
  {"number", function(inode) return inode.i_ino end},
  {"kind", fs.kind},
  {"size", function(inode) return inode.i_size end},
  {"links", function(inode) return inode.i_nlink end},
  {"uid", function(inode) return inode.i_uid.val end},
  {"gid", function(inode) return inode.i_gid.val end},
  {"permissions", function(inode) return inode.i_mode & 0xfff end},
  {"target", function(inode)
    return fs.kind(inode) == "link" and inode.i_link and object.string(inode.i_link, MAX_TARGET) or nil
  end},
}

local function record(dentry, path)
  local rec = {dentry = object.addr(dentry), path = path, super_block = object.handle(dentry):ptr(object.addr(dentry, "d_sb"))}
  rec.unhashed = walk.field(rec, "unhashed", dcache.is_unhashed, dentry)
  local inode = walk.field(rec, "inode", function() return dentry.d_inode end)
  if inode then
    rec.inode = object.addr(inode)
    walk.fields(rec, PARTS, inode)
  else
    rec.kind = "negative"
  end
  return rec
end

local function list(emit, dentry, path)
  local prefix = path:gsub("/*$", "/")
  for child in dcache.for_each_child(dentry) do
    local name = walk.field({}, "name", dcache.name, child)
    emit(record(child, prefix .. (name or "?")))
  end
end

--- What is in the dentry cache.
-- @param k an open handle
-- @tparam[opt] table opts paths ({string,...}; default {"/"}), list (what is in the directories, not themselves), namespace (process id;
--  default 1)
-- @treturn function an iterator of records: path (as asked for), dentry (`struct dentry *`), unhashed (boolean: its name leads there no
--  more), super_block, inode (`struct inode *`; nil for a name that was looked for in vain), number, kind ("file", "directory", "link",
--  "char", "block", "fifo", "socket", "anon", "negative"), size (bytes), links, uid, gid, permissions (the lower 12 bits of the mode),
--  target (of a link whose text is in memory), partial (keys that could not be read); what is damaged, or not in memory, as kvm.cmd.walk
--  tells it
-- @raise kvm.Error `notfound`: no such process
-- @usage for d in require "kvm.cmd.dcache".run(k) do assert(d.stopped or d.path == "/") end
function M.run(k, opts)
  opts = opts or {}
  local p, task = tasks.each(k, {opts.namespace or 1})()
  if not p then kvm_error.fail("notfound", "there is no process %d", opts.namespace or 1) end
  local paths = opts.paths
  if not paths or not paths[1] then paths = {"/"} end
  return walk.records(function(emit)
    if not task.nsproxy then kvm_error.fail("notfound", "process %d has no namespaces: it has ended", p.pid) end
    for _, path in ipairs(paths) do
      walk.part(emit, function()
        local dentry = namei.lookup(task.fs.root, task.nsproxy.mnt_ns, path, not opts.list)
        if opts.list then return list(emit, dentry, path) end
        emit(record(dentry, path))
      end)
    end
  end)
end

return M
