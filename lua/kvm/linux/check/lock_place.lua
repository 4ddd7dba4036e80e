-- SPDX-License-Identifier: BSD-2-Clause
-- What a lock is part of, as text: whose inode, whose address space, which super block, page or buffer. An inode is told by that its own
-- mapping's host is itself, others by the slab cache that their memory is of, or by the kernel's list of them: nothing is guessed. Checked
-- against Linux 5.10, 6.1, 6.12 and 7.2.
local dcache = require "kvm.linux.dcache"
local fs = require "kvm.linux.fs"
local kvm_error = require "kvm.error"
local layout = require "kvm.layout"
local object = require "kvm.object"
local page_flags = require "kvm.linux.page_flags"
local slub = require "kvm.linux.slub"
local types = require "kvm.type"

local M = {}

local INODE <const>, SUPER_BLOCK <const> = "struct inode", "struct super_block"
local MAPPING_FLAGS <const> = 3 -- of struct page's mapping: no file's

-- Members of struct inode that tasks wait for; where they are in the kernel.
local INODE_MEMBERS = {"i_rwsem", "i_data.i_mmap_rwsem", "i_data.invalidate_lock", "i_state"}

-- Slab caches of one struct each.
local OF_CACHE = {
  mm_struct = "struct mm_struct", signal_cache = "struct signal_struct", sighand_cache = "struct sighand_struct",
  files_cache = "struct files_struct", fs_cache = "struct fs_struct", task_struct = "struct task_struct",
  buffer_head = "struct buffer_head", dentry = "struct dentry", kernfs_node_cache = "struct kernfs_node", cred = "struct cred",
}

-- Bits of i_state that are waited for, include/linux/fs.h: macros until 6.11, enum inode_state_bits since.
local INODE_BITS <const> = {[3] = "I_NEW", [7] = "I_SYNC", [9] = "I_DIO_WAKEUP"}

local function bit_name(k, enum, bit, prefix)
  for name, value in pairs(types.enumerators(k, enum) or {}) do
    if value == bit and (not prefix or name:find(prefix)) then return (name:gsub("^__", "")) end
  end
  return nil
end

-- --- inodes

local function inode_text(inode)
  local sb = inode.i_sb
  local id = sb.s_id
  local type_name = object.string(sb.s_type.name)
  local path = kvm_error.try(fs.path, inode)
  return ("inode %d of %s%s%s"):format(inode.i_ino, type_name, id ~= type_name and (" (%s)"):format(id) or "", path and ", " .. path or "")
end

-- The inode that has its member NAME at ADDR.
local function inode_at(k, addr, name)
  local field = types.of(k, INODE):strip():field(name)
  local at = field and addr - field.offset
  if not at or k:read(at + types.offsetof(k, INODE, "i_data.host"), 8) ~= ("<i8"):pack(at) then return nil end
  return kvm_error.check(k:object(at, INODE))
end

local function inode_bit(k, wait)
  if wait.variable then
    for name, bit in pairs(types.enumerators(k, "enum inode_state_bits") or {}) do
      local inode = inode_at(k, wait.lock - bit, "i_state")
      if inode then return (name:gsub("^__", "")), inode end
    end
    return nil
  end
  return INODE_BITS[wait.bit] or wait.bit and ("bit %d of i_state"):format(wait.bit), inode_at(k, wait.lock, "i_state")
end

local function of_inode(context, wait)
  local k = context.k
  if wait.kind == "bit lock" then
    local name, inode = inode_bit(k, wait)
    return inode and ("%s of %s"):format(name, inode_text(inode))
  end
  for _, name in ipairs(INODE_MEMBERS) do
    local inode = inode_at(k, wait.lock, name)
    if inode then return ("%s of %s"):format(name:match "[%w_]+$", inode_text(inode)), name == "i_rwsem" and "inode lock" or nil end
  end
  return nil
end

-- --- super blocks

local function of_super_block(context, wait)
  local at = wait.lock - types.offsetof(context.k, SUPER_BLOCK, "s_umount")
  for sb in fs.for_each_super_block(context.k) do
    if object.addr(sb) == at then
      return ("s_umount of the super block of %s (%s)"):format(object.string(sb.s_type.name), sb.s_id)
    end
  end
  return nil
end

-- --- objects of slab caches

local function users_of(context, mm)
  for _, t in ipairs(context:tasks()) do
    if t.task.mm and object.addr(t.task.mm) == mm then return context:task_text(t) end
  end
  return nil
end

-- What an object is, besides its address.
local DESCRIBE = {
  mm_struct = function(context, info)
    local user = users_of(context, info.object)
    return user and "the address space of " .. user
  end,
  task_struct = function(context, info)
    local t = context:task_at(info.object)
    return t and context:task_text(t)
  end,
  dentry = function(context, info)
    return "dentry " .. dcache.dentry_path(kvm_error.check(context.k:object(info.object, "struct dentry")))
  end,
  buffer_head = function(context, info)
    local head = kvm_error.check(context.k:object(info.object, "struct buffer_head"))
    return ("the buffer of block %d of %d bytes"):format(head.b_blocknr, head.b_size)
  end,
}

local function member_at(k, struct, offset)
  local found
  for _, m in ipairs(layout.of(types.of(k, struct)).members) do
    if m.path and m.offset <= offset and offset < m.offset + m.size then found = m.path end
  end
  return found
end

local function of_slab(context, wait)
  local k = context.k
  local info = slub.object_info(k, wait.lock)
  if not info or not info.object then return nil end
  local struct = OF_CACHE[info.name]
  if not struct then return ("at %d in an object of slab cache %s at 0x%x"):format(info.offset, info.name, info.object) end
  local member = member_at(k, struct, info.offset) or ("byte %d"):format(info.offset)
  if struct == "struct buffer_head" and wait.bit then member = bit_name(k, "enum bh_state_bits", wait.bit) or member end
  local describe = DESCRIBE[info.name]
  return ("%s of %s"):format(member, describe and describe(context, info) or ("%s 0x%x"):format(struct, info.object))
end

-- --- pages

local function of_page(context, wait)
  if wait.kind ~= "page lock" then return nil end
  local k = context.k
  local rec = page_flags.describe(k, wait.lock)
  local name = bit_name(k, "enum pageflags", wait.bit, "^PG_") or ("bit %d"):format(wait.bit)
  local mapping = not rec.anon and rec.mapping or 0
  local host = mapping ~= 0 and mapping & MAPPING_FLAGS == 0 and kvm_error.check(k:object(mapping, "struct address_space")).host
  return ("%s of page 0x%x (PFN 0x%x)%s"):format(name, wait.lock, rec.pfn,
    host and (", page %d of %s"):format(rec.index, inode_text(host)) or "")
end

-- In this order; one that can't be read has no say.
local FINDERS = {of_page, of_inode, of_super_block, of_slab}

--- What a lock is part of.
-- @tparam Context context
-- @tparam table wait as kvm.linux.check.lock_waits gives it: kind, lock, bit
-- @treturn ?string "i_rwsem of inode 7 of tmpfs, /x"; nil where nothing tells
-- @treturn ?string what kind of lock that makes it: "inode lock"
-- @usage local context = require "kvm.linux.check.context".new(k)
-- assert(require "kvm.linux.check.lock_place".text(context, {kind = "mutex", lock = 4096}) == nil)
function M.text(context, wait)
  for _, find in ipairs(FINDERS) do
    local text, kind = kvm_error.try(find, context, wait)
    if text then return text, kind end
  end
  return nil
end

return M
