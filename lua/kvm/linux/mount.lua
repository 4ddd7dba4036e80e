-- SPDX-License-Identifier: BSD-2-Clause
-- fs/mount.h: what is mounted in a namespace, as /proc/PID/mounts and mountinfo tell it (fs/proc_namespace.c): in a list until 6.7, by
-- id in a red-black tree since 6.8. Options that a file system prints by itself (s_op->show_options) are code, and left out.
-- Checked against Linux 5.10, 6.1, 6.12 and 7.2.
local dcache = require "kvm.linux.dcache"
local list = require "kvm.linux.list"
local object = require "kvm.object"
local rbtree = require "kvm.linux.rbtree"
local types = require "kvm.type"

local M = {}

local MOST <const> = 1 << 24
local MNT_CURSOR <const> = 0x10000000 -- include/linux/mount.h, 5.8 to 6.7: a reader's place in the list

-- In the order in which they are printed (show_mnt_opts, show_sb_opts).
local MOUNT_FLAGS <const> = {{0x1, "nosuid"}, {0x2, "nodev"}, {0x4, "noexec"}, {0x8, "noatime"}, {0x10, "nodiratime"}, {0x20, "relatime"},
  {0x80, "nosymfollow"}}
local SB_FLAGS <const> = {{1 << 4, "sync"}, {1 << 7, "dirsync"}, {1 << 6, "mand"}, {1 << 25, "lazytime"}}
local MNT_READONLY <const>, SB_RDONLY <const> = 0x40, 1

--- The mounts of a namespace.
-- @param ns `struct mnt_namespace`
-- @return iterator of objects `struct mount`, in the order of /proc/mounts
-- @raise kvm.Error `format` where they are damaged; `fault`, `excluded`
-- @usage local ns = k:object("init_task").nsproxy.mnt_ns
-- for m in kvm.linux.mount.for_each_mount(ns) do assert(m.mnt_id > 0) end
function M.for_each_mount(ns)
  if types.of(object.handle(ns), "struct mnt_namespace"):strip():field "mounts" and object.is_object(ns.mounts) then
    return rbtree.for_each_entry("struct mount", ns.mounts, "mnt_node", MOST)
  end
  local step = list.for_each_entry("struct mount", ns.list, "mnt_list", MOST)
  return function()
    local m = step()
    while m and m.mnt.mnt_flags & MNT_CURSOR ~= 0 do m = step() end
    return m
  end
end

--- Where a mount is.
-- @param mount `struct mount`
-- @param[opt] root `struct path` from where, as a task's `fs.root`
-- @treturn string path
-- @treturn boolean whether it is below that root
-- @raise kvm.Error as kvm.linux.dcache.d_path
-- @usage local ns = k:object("init_task").nsproxy.mnt_ns
-- for m in kvm.linux.mount.for_each_mount(ns) do assert(kvm.linux.mount.dir(m):sub(1, 1) == "/") end
function M.dir(mount, root)
  return dcache.d_path({mnt = mount.mnt, dentry = mount.mnt.mnt_root}, root)
end

local function add(out, flags, names)
  for _, flag in ipairs(names) do
    if flags & flag[1] ~= 0 then out[#out + 1] = flag[2] end
  end
end

--- The options of a mount that the kernel itself keeps.
-- @param mount `struct mount`
-- @treturn string as they begin in /proc/mounts: "rw,nosuid,relatime"
-- @treturn string those of the mount alone, as in mountinfo
-- @treturn string those of the super block alone
-- @raise kvm.Error
-- @usage local ns = k:object("init_task").nsproxy.mnt_ns
-- for m in kvm.linux.mount.for_each_mount(ns) do assert(kvm.linux.mount.options(m):find "^r[ow]") end
function M.options(mount)
  local flags, sb = mount.mnt.mnt_flags, mount.mnt.mnt_sb.s_flags
  local read_only, sb_read_only = flags & MNT_READONLY ~= 0, sb & SB_RDONLY ~= 0
  local all, own, super = {(read_only or sb_read_only) and "ro" or "rw"}, {read_only and "ro" or "rw"}, {sb_read_only and "ro" or "rw"}
  add(all, sb, SB_FLAGS)
  add(all, flags, MOUNT_FLAGS)
  add(own, flags, MOUNT_FLAGS)
  add(super, sb, SB_FLAGS)
  return table.concat(all, ","), table.concat(own, ","), table.concat(super, ",")
end

--- The type of a mount's file system.
-- @param mount `struct mount`
-- @treturn string "ext4", "fuse.sshfs"
-- @raise kvm.Error
-- @usage local ns = k:object("init_task").nsproxy.mnt_ns
-- for m in kvm.linux.mount.for_each_mount(ns) do assert(#kvm.linux.mount.fstype(m) > 0) end
function M.fstype(mount)
  local sb = mount.mnt.mnt_sb
  local name = object.string(sb.s_type.name)
  local sub = sb.s_subtype and object.string(sb.s_subtype)
  return sub and sub ~= "" and name .. "." .. sub or name
end

--- What is mounted.
-- @param mount `struct mount`
-- @treturn string the device's path, or the name that mount(2) was given; "none"
-- @raise kvm.Error
-- @usage local ns = k:object("init_task").nsproxy.mnt_ns
-- for m in kvm.linux.mount.for_each_mount(ns) do assert(#kvm.linux.mount.device(m) > 0) end
function M.device(mount)
  return mount.mnt_devname and object.string(mount.mnt_devname) or "none"
end

--- How a mount is passed on to other namespaces.
-- @param mount `struct mount`
-- @treturn string "shared:1 master:2", as in mountinfo; "" for a private one
-- @raise kvm.Error
-- @usage local ns = k:object("init_task").nsproxy.mnt_ns
-- for m in kvm.linux.mount.for_each_mount(ns) do assert(kvm.linux.mount.propagation(m)) end
function M.propagation(mount)
  local out = {}
  -- MNT_SHARED and MNT_UNBINDABLE are mnt_flags until 6.15, mnt_t_flags since 6.16 (fs/mount.h, T_SHARED, T_UNBINDABLE).
  local moved = object.typeof(mount):strip():field "mnt_t_flags"
  local flags = moved and mount.mnt_t_flags or mount.mnt.mnt_flags
  local shared, unbindable = moved and 1 or 0x1000, moved and 2 or 0x2000
  if flags & shared ~= 0 then out[#out + 1] = ("shared:%d"):format(mount.mnt_group_id) end
  if mount.mnt_master then out[#out + 1] = ("master:%d"):format(mount.mnt_master.mnt_group_id) end
  if flags & unbindable ~= 0 then out[#out + 1] = "unbindable" end
  return table.concat(out, " ")
end

return M
