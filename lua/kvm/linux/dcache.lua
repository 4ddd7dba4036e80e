-- SPDX-License-Identifier: BSD-2-Clause
-- linux/dcache.h: names of dentries and paths of files, as d_path() (fs/d_path.c) gives them to /proc: from the root of the mount
-- tree down, " (deleted)" behind what has no name any more, and the names that pipes, sockets and the like make up
-- (d_op->d_dname, known by its function). Checked against Linux 5.10 (fs/d_path.c since 4.17), 6.1, 6.12 and 7.2.
local hlist = require "kvm.linux.hlist"
local kvm_error = require "kvm.error"
local list = require "kvm.linux.list"
local object = require "kvm.object"
local types = require "kvm.type"

local M = {}

local MAX_DEPTH <const> = 4096 -- PATH_MAX: components of a path
local NAME_MAX <const> = 4096
local MOST_CHILDREN <const> = 1 << 26
local CURSOR <const> = 0x20000000 -- DCACHE_DENTRY_CURSOR, include/linux/dcache.h of 5.10 to 6.12: a reader's place; an enum has it in 7.2

local function fail(o, form, ...)
  error(kvm_error.new {code = "format", addr = object.addr(o), message = form:format(...)}, 0)
end

--- The last component of a dentry's path.
-- @param dentry `struct dentry`
-- @treturn string "/" for a root
-- @raise kvm.Error
-- @usage assert(kvm.linux.dcache.name(k:object("init_task").fs.root.dentry) == "/")
function M.name(dentry)
  local len, k = dentry.d_name.len, object.handle(dentry)
  if len > NAME_MAX then fail(dentry, "dentry 0x%x: a name of %d bytes", object.addr(dentry), len) end
  return kvm_error.check(k:read(k:ptr(object.addr(dentry, "d_name.name")), len))
end

local function same(a, b) return a ~= nil and b ~= nil and object.addr(a) == object.addr(b) end
local function is_root(dentry) return same(dentry, dentry.d_parent) end
local function is_unlinked(dentry) return dentry.d_hash.pprev == nil and not is_root(dentry) end
local function mount_of(vfsmount) return object.container_of(vfsmount, "struct mount", "mnt") end

-- The components from a dentry up to ROOT (a struct path), or to where nothing is mounted on.
local function components(vfsmount, dentry, root)
  local out = {}
  for _ = 1, MAX_DEPTH do
    if root and same(dentry, root.dentry) and same(vfsmount, root.mnt) then return out, true end
    if same(dentry, vfsmount.mnt_root) or is_root(dentry) then
      local mount = mount_of(vfsmount)
      local parent = mount.mnt_parent
      if not parent or same(parent, mount) or not same(dentry, vfsmount.mnt_root) then return out, not root end
      dentry, vfsmount = mount.mnt_mountpoint, parent.mnt
    else
      table.insert(out, 1, M.name(dentry))
      dentry = dentry.d_parent
    end
  end
  return fail(dentry, "the path of dentry 0x%x has more than %d components", object.addr(dentry), MAX_DEPTH)
end

-- Names that file systems make up, by the function that makes them.
local MADE_UP <const> = {
  pipefs_dname = function(dentry) return ("pipe:[%d]"):format(dentry.d_inode.i_ino) end,
  sockfs_dname = function(dentry) return ("socket:[%d]"):format(dentry.d_inode.i_ino) end,
  anon_inodefs_dname = function(dentry) return "anon_inode:" .. M.name(dentry) end,
  pidfs_dname = function() return "anon_inode:[pidfd]" end, -- since 6.9
  simple_dname = function(dentry) return "/" .. M.name(dentry) .. " (deleted)" end,
  ns_dname = function(dentry)
    local ns = object.cast(dentry.d_inode.i_private, "struct ns_common")
    return ("%s:[%d]"):format(object.string(ns.ops.name), dentry.d_inode.i_ino)
  end,
}

local function made_up(path)
  local dentry = path.dentry
  local ops = dentry.d_op
  local maker = ops and ops.d_dname
  if not maker or is_root(dentry) and same(dentry, path.mnt.mnt_root) then return nil end
  local symbol = object.handle(dentry):symbol(object.addr(maker))
  local make = symbol and MADE_UP[symbol.name]
  return make and make(dentry) or nil
end

--- The path of a file.
-- @param path `struct path`: that of a file (`f_path`), of a task's root or directory
-- @param[opt] root `struct path` where paths start, as that of a task's `fs.root`; without it where nothing is mounted on
-- @treturn string as /proc/PID/fd shows it
-- @treturn boolean whether the path starts at the root: what is not mounted, or mounted elsewhere, does not
-- @raise kvm.Error `format`: a path that does not end; `fault`, `excluded`
-- @usage assert(kvm.linux.dcache.d_path(k:object("init_task").fs.pwd) == "/")
function M.d_path(path, root)
  local own = made_up(path)
  if own then return own, true end
  local parts, reached = components(path.mnt, path.dentry, root)
  local text = "/" .. table.concat(parts, "/")
  return is_unlinked(path.dentry) and text .. " (deleted)" or text, reached
end

--- The path of a dentry within its file system.
-- @param dentry `struct dentry`
-- @treturn string
-- @raise kvm.Error as d_path
-- @usage assert(kvm.linux.dcache.dentry_path(k:object("init_task").fs.root.dentry) == "/")
function M.dentry_path(dentry)
  local parts, at = {}, dentry
  for _ = 1, MAX_DEPTH do
    if is_root(at) then return "/" .. table.concat(parts, "/") end
    table.insert(parts, 1, M.name(at))
    at = at.d_parent
  end
  return fail(dentry, "the path of dentry 0x%x has more than %d components", object.addr(dentry), MAX_DEPTH)
end

--- Whether a dentry can no longer be found by its name: the file was deleted, or the name given up.
-- @param dentry `struct dentry`
-- @treturn boolean
-- @raise kvm.Error
-- @usage assert(not kvm.linux.dcache.is_unhashed(k:object("init_task").fs.root.dentry))
function M.is_unhashed(dentry)
  return is_unlinked(dentry)
end

--- The dentries below a directory that are in memory, the latest first; also negative ones (no d_inode: a name that was looked for in
-- vain) and those that is_unhashed is true of.
-- @param dentry `struct dentry`
-- @treturn function an iterator of objects `struct dentry`
-- @raise kvm.Error `format`: a broken link, or a dentry of another directory; `fault`, `excluded`
-- @usage local root = k:object("init_task").fs.root.dentry
-- for child in kvm.linux.dcache.for_each_child(root) do assert(child.d_parent == root) end
function M.for_each_child(dentry)
  local k = object.handle(dentry)
  local step
  if types.of(k, "struct dentry"):strip():field "d_children" then -- since 6.8 (da549bdd15c2)
    step = hlist.for_each_entry("struct dentry", dentry.d_children, "d_sib", MOST_CHILDREN)
  else
    step = list.for_each_entry("struct dentry", dentry.d_subdirs, "d_child", MOST_CHILDREN)
  end
  local flags = types.enumerators(k, "enum dentry_flags")
  local cursor = flags and flags.DCACHE_DENTRY_CURSOR or CURSOR
  return function()
    for child in step do
      if child.d_flags & cursor == 0 then
        if not same(child.d_parent, dentry) then
          fail(child, "dentry 0x%x is of another directory than 0x%x", object.addr(child), object.addr(dentry))
        end
        return child
      end
    end
  end
end

--- The dentry of a name in a directory.
-- @param dentry `struct dentry` of the directory
-- @tparam string name
-- @return `struct dentry`, which may be negative; nil when it is not in memory
-- @raise kvm.Error as for_each_child
-- @usage local root = k:object("init_task").fs.root.dentry
-- for child in kvm.linux.dcache.for_each_child(root) do
-- assert(kvm.linux.dcache.is_unhashed(child) or kvm.linux.dcache.lookup(root, kvm.linux.dcache.name(child)) == child) end
function M.lookup(dentry, name)
  for child in M.for_each_child(dentry) do
    if child.d_name.len == #name and M.name(child) == name and not is_unlinked(child) then return child end
  end
  return nil
end

return M
