-- SPDX-License-Identifier: BSD-2-Clause
-- linux/fs.h: types of file systems, super blocks, their inodes, which of them are to be written. Checked against Linux 5.10, 6.1, 6.12
-- and 7.2. Leaves out what a file system itself knows of an inode (the structure around it).
local dcache = require "kvm.linux.dcache"
local hlist = require "kvm.linux.hlist"
local kvm_error = require "kvm.error"
local list = require "kvm.linux.list"
local object = require "kvm.object"
local types = require "kvm.type"
local xarray = require "kvm.linux.xarray"

local M = {}

local MOST_TYPES <const>, MOST_SUPER_BLOCKS <const>, MOST_INODES <const> = 4096, 1 << 20, 1 << 28
local REQUIRES_DEV <const> = 1 -- FS_REQUIRES_DEV
local CAP_WRITEBACK <const> = 1 -- BDI_CAP_WRITEBACK, include/linux/backing-dev.h
local DIRTY_MARK <const>, WRITEBACK_MARK <const> = 0, 1 -- PAGECACHE_TAG_DIRTY, PAGECACHE_TAG_WRITEBACK

--- The types of file systems that the kernel knows, in the order of /proc/filesystems.
-- @param k an open handle
-- @treturn {table,...} name, nodev (boolean: it needs no disk), addr (`struct file_system_type *`)
-- @raise kvm.Error `format` where the list is damaged; `fault`, `excluded`
-- @usage assert(#kvm.linux.fs.filesystems(k) > 0)
function M.filesystems(k)
  local out, first = {}, kvm_error.check(k:object "file_systems")
  local function add(t)
    out[#out + 1] = {name = object.string(t.name), nodev = t.fs_flags & REQUIRES_DEV == 0, addr = object.addr(t)}
  end
  if types.of(k, "struct file_system_type"):strip():field "list" then -- a hlist in 7.2
    for t in hlist.for_each_entry("struct file_system_type", first, "list", MOST_TYPES) do add(t) end
    return out
  end
  while first do
    add(first)
    if #out > MOST_TYPES then kvm_error.fail("format", "the types of file systems don't end") end
    first = first.next
  end
  return out
end

--- The super blocks, of all that is mounted or that the kernel itself has.
-- @param k an open handle
-- @treturn function an iterator of objects `struct super_block`
-- @raise kvm.Error `format` where the list is damaged; `fault`, `excluded`
-- @usage for sb in kvm.linux.fs.for_each_super_block(k) do assert(sb.s_blocksize > 0) end
function M.for_each_super_block(k)
  local head = kvm_error.check(k:object("super_blocks", "struct list_head"))
  return list.for_each_entry("struct super_block", head, "s_list", MOST_SUPER_BLOCKS)
end

--- The inodes of a super block that are in memory.
-- @param sb `struct super_block`
-- @treturn function an iterator of objects `struct inode`
-- @raise kvm.Error `format` where the list is damaged; `fault`, `excluded`
-- @usage for sb in kvm.linux.fs.for_each_super_block(k) do
-- for inode in kvm.linux.fs.for_each_inode(sb) do assert(inode.i_sb == sb) break end end
function M.for_each_inode(sb)
  return list.for_each_entry("struct inode", sb.s_inodes, "i_sb_list", MOST_INODES)
end

--- Whether a file system's dirty inodes are ever written: those of memory (tmpfs, ramfs) or of the kernel (proc) are not.
-- @param sb `struct super_block`
-- @treturn boolean
-- @raise kvm.Error
-- @usage for sb in kvm.linux.fs.for_each_super_block(k) do assert(kvm.linux.fs.is_written_back(sb) ~= nil) end
function M.is_written_back(sb)
  local bdi = sb.s_bdi
  return bdi ~= nil and bdi.capabilities & CAP_WRITEBACK ~= 0
end

-- Bits of i_state that say what is dirty, in the order in which they are told. In 7.2 an enum names them.
local DIRTY <const> = {{"I_DIRTY_SYNC", "sync"}, {"I_DIRTY_DATASYNC", "datasync"}, {"I_DIRTY_PAGES", "pages"}, {"I_DIRTY_TIME", "time"}}
-- include/linux/fs.h, macros: as in 5.10 and 6.1, with an i_state of type long; as in 6.12, whose i_state has 32 bits
local WITH_LONG <const> = {I_DIRTY_SYNC = 1 << 0, I_DIRTY_DATASYNC = 1 << 1, I_DIRTY_PAGES = 1 << 2, I_DIRTY_TIME = 1 << 11}
local WITH_U32 <const> = {I_DIRTY_SYNC = 1 << 3, I_DIRTY_DATASYNC = 1 << 4, I_DIRTY_PAGES = 1 << 5, I_DIRTY_TIME = 1 << 11}

local function dirty_bits(inode)
  local own = types.enumerators(object.handle(inode), "enum inode_state_flags_enum")
  if own then return own end
  return object.typeof(inode):strip():field("i_state").type:strip():size() == 4 and WITH_U32 or WITH_LONG
end

--- What of an inode is marked as dirty; where is_written_back is not true of its super block nobody ever clears that.
-- @param inode `struct inode`
-- @treturn {string,...} "sync" (the inode), "datasync" (the inode, for fdatasync too), "pages", "time"; {} for a clean one
-- @raise kvm.Error
-- @usage for sb in kvm.linux.fs.for_each_super_block(k) do
-- for inode in kvm.linux.fs.for_each_inode(sb) do assert(#kvm.linux.fs.dirty(inode) <= 4) break end end
function M.dirty(inode)
  local state, own, out = inode.i_state, dirty_bits(inode), {}
  if object.is_object(state) then state = state.__state end -- 7.2
  for _, bit in ipairs(DIRTY) do
    if state & own[bit[1]] ~= 0 then out[#out + 1] = bit[2] end
  end
  return out
end

--- How many pages of a file are to be written, and are being written.
-- @param inode `struct inode`
-- @treturn integer dirty pages
-- @treturn integer pages under writeback
-- @raise kvm.Error `format` where the page cache is damaged; `fault`, `excluded`
-- @usage for sb in kvm.linux.fs.for_each_super_block(k) do
-- for inode in kvm.linux.fs.for_each_inode(sb) do assert(kvm.linux.fs.dirty_pages(inode) >= 0) break end end
function M.dirty_pages(inode)
  local counts = {}
  for i, mark in ipairs {DIRTY_MARK, WRITEBACK_MARK} do
    counts[i] = 0
    for _, _, pages in xarray.for_each_marked(inode.i_mapping.i_pages, mark) do counts[i] = counts[i] + pages end
  end
  return counts[1], counts[2]
end

--- A path of an inode within its file system.
-- @param inode `struct inode`
-- @treturn string by the first of its names that is in memory; nil when none is
-- @raise kvm.Error as kvm.linux.dcache.dentry_path
-- @usage local root = k:object("init_task").fs.root.dentry assert(kvm.linux.fs.path(root.d_inode) == "/")
function M.path(inode)
  local k = object.handle(inode)
  local _, member = types.first(k, "struct dentry", {"d_alias", "d_u.d_alias"}) -- in an anonymous union in 7.2
  local dentry = hlist.for_each_entry("struct dentry", inode.i_dentry, member)()
  return dentry and dcache.dentry_path(dentry)
end

local KINDS <const> = {[1] = "fifo", [2] = "char", [4] = "directory", [6] = "block", [8] = "file", [10] = "link", [12] = "socket"}

--- What kind of file an inode is.
-- @param inode `struct inode`
-- @treturn string "file", "directory", "link", "char", "block", "fifo", "socket"; "anon" for what has no kind (epoll, timerfd)
-- @raise kvm.Error
-- @usage assert(kvm.linux.fs.kind(k:object("init_task").fs.root.dentry.d_inode) == "directory")
function M.kind(inode)
  return KINDS[inode.i_mode >> 12] or "anon"
end

return M
