-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm mount: what is mounted, as /proc/mounts and /proc/PID/mountinfo tell it, seen from init or from another task.
local kvm_error = require "kvm.error"
local mount = require "kvm.linux.mount"
local dcache = require "kvm.linux.dcache"
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
    {name = "partial", kind = "strings"},
    {name = "options", kind = "string", title = "OPTIONS", left = true, width = 0},
  },
  no_match = "nothing is mounted",
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
-- @tparam[opt] table opts namespace (process id; default 1), all
-- @treturn function an iterator of records: id, parent (of mountinfo), dev (what is mounted), device ("MAJOR:MINOR"), dir, root (within the
--  file system), fstype, options (those that the kernel itself keeps: "rw,nosuid,relatime"), own_options and super_options (as mountinfo
--  has them), propagation ("shared:1 master:2"), addr (`struct mount *`), super_block, partial (keys that could not be read); what is
--  damaged as kvm.cmd.walk tells it
-- @raise kvm.Error `notfound`: no such process
-- @usage for m in require "kvm.cmd.mount".run(k) do assert(m.stopped or m.dir) end
function M.run(k, opts)
  opts = opts or {}
  local p, task = tasks.each(k, {opts.namespace or 1})()
  if not p then kvm_error.fail("notfound", "there is no process %d", opts.namespace or 1) end
  return walk.records(function(emit)
    local ns = task.nsproxy
    if not ns then kvm_error.fail("notfound", "process %d has no namespaces: it has ended", p.pid) end
    for m in mount.for_each_mount(ns.mnt_ns) do
      local rec, reached = record(m, task.fs.root)
      if reached or opts.all then emit(rec) end
    end
  end)
end

return M
