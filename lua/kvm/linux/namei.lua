-- SPDX-License-Identifier: BSD-2-Clause
-- linux/namei.h: from a path to what it names, as far as the dentry cache has it: a name that is not there may well be on the disk.
-- Mounts are crossed, symbolic links are followed whose text is in memory (i_link). Checked against Linux 5.10, 6.1, 6.12 and 7.2.
-- Leaves out automounts, and file systems that compare names in their own way (d_compare).
local dcache = require "kvm.linux.dcache"
local kvm_error = require "kvm.error"
local mount = require "kvm.linux.mount"
local object = require "kvm.object"

local M = {}

local MOST_LINKS <const>, MOST_STACKED <const> = 40, 4096 -- MAXSYMLINKS, include/linux/namei.h
local MAX_PATH <const> = 1 << 16
local S_IFMT <const>, S_IFLNK <const> = 0xf000, 0xa000

local function key(parent, dentry) return ("%x %x"):format(object.addr(parent), object.addr(dentry)) end

-- What is mounted, by where.
local function mounts_of(ns)
  local out = {}
  for m in mount.for_each_mount(ns) do
    if m.mnt_parent ~= m then out[key(m.mnt_parent, m.mnt_mountpoint)] = m end
  end
  return out
end

-- The topmost of what is mounted on a place.
local function cross(at, mounts)
  for _ = 1, MOST_STACKED do
    local on_top = mounts[key(at.mount, at.dentry)]
    if not on_top then return at end
    at = {mount = on_top, dentry = on_top.mnt.mnt_root}
  end
  return kvm_error.fail("format", "mounts on the mount at 0x%x don't end", object.addr(at.mount))
end

local function same(a, b) return a.mount == b.mount and a.dentry == b.dentry end

local function up(at, root)
  for _ = 1, MOST_STACKED do
    if same(at, root) then return at end
    if at.dentry ~= at.mount.mnt.mnt_root then return {mount = at.mount, dentry = at.dentry.d_parent} end
    if at.mount.mnt_parent == at.mount then return at end
    at = {mount = at.mount.mnt_parent, dentry = at.mount.mnt_mountpoint}
  end
  return kvm_error.fail("format", "mounts below the mount at 0x%x don't end", object.addr(at.mount))
end

local function push(parts, text)
  local own = {}
  for part in text:gmatch "[^/]+" do own[#own + 1] = part end
  for i = #own, 1, -1 do parts[#parts + 1] = own[i] end
end

local function target_of(dentry)
  local text = dentry.d_inode.i_link
  if not text then
    kvm_error.fail("unsupported", "%s is a symbolic link whose text is not in its inode", dcache.dentry_path(dentry))
  end
  return object.string(text, MAX_PATH)
end

local function is_link(dentry)
  local inode = dentry.d_inode
  return inode ~= nil and inode.i_mode & S_IFMT == S_IFLNK
end

--- Where a path leads.
-- @param root `struct path` where paths start, as a task's `fs.root`
-- @param ns `struct mnt_namespace` whose mounts are crossed
-- @tparam string path from that root; "." and ".." as in the kernel
-- @tparam[opt] boolean nofollow not to follow a symbolic link at its end
-- @return `struct dentry`, which may be negative (no d_inode: there is no such file)
-- @return `struct mount` that it lies in
-- @raise kvm.Error `notfound`: a name is not in the dentry cache; `unsupported`: a symbolic link whose text is not in memory; `format`,
--  `fault`, `excluded`
-- @usage local task = k:object "init_task"
-- assert(kvm.linux.namei.lookup(task.fs.root, task.nsproxy.mnt_ns, "/..") == task.fs.root.dentry)
function M.lookup(root, ns, path, nofollow)
  if #path > MAX_PATH then kvm_error.fail("inval", "a path of %d bytes", #path) end
  local mounts, links, parts = mounts_of(ns), 0, {}
  local start = {mount = object.container_of(root.mnt, "struct mount", "mnt"), dentry = root.dentry}
  local at = cross(start, mounts)
  start = at
  push(parts, path)
  while #parts > 0 do
    local part = table.remove(parts)
    if part == ".." then
      at = cross(up(at, start), mounts)
    elseif part ~= "." then
      local child = dcache.lookup(at.dentry, part)
      if not child then
        kvm_error.fail("notfound", "%s of %s is not in the dentry cache", part, (dcache.d_path {mnt = at.mount.mnt, dentry = at.dentry}))
      end
      if is_link(child) and not (nofollow and #parts == 0) then
        links = links + 1
        if links > MOST_LINKS then kvm_error.fail("inval", "%s has more than %d symbolic links", path, MOST_LINKS) end
        local text = target_of(child)
        if text:sub(1, 1) == "/" then at = start end
        push(parts, text)
      else
        at = cross({mount = at.mount, dentry = child}, mounts)
      end
    end
  end
  return at.dentry, at.mount
end

return M
