-- SPDX-License-Identifier: BSD-2-Clause
local checks = require "spec.support.check_context"
local harness = require "spec.support.harness"
local lock_place = require "kvm.linux.check.lock_place"
local memory = require "spec.support.memory"
local page_flags = require "kvm.linux.page_flags"
local slub = require "kvm.linux.slub"

local S <const> = memory.START
local INODE, SB, TYPE, NAME, MM, SUPERS, PAGE = S + 0x100, S + 0x300, S + 0x400, S + 0x480, S + 0x500, S + 0x600, S + 0x700

local DECLARATIONS = [[
  struct list_head { struct list_head *next, *prev; };
  struct rw_semaphore { long count; };
  struct file_system_type { const char *name; };
  struct super_block { struct list_head s_list; struct rw_semaphore s_umount; char s_id[8]; struct file_system_type *s_type; };
  struct inode;
  struct address_space { struct inode *host; struct rw_semaphore invalidate_lock, i_mmap_rwsem; };
  struct inode { unsigned long i_ino, i_state; struct super_block *i_sb; struct rw_semaphore i_rwsem; struct address_space i_data; };
  struct mm_struct { long users; struct rw_semaphore mmap_lock; };
  struct buffer_head { unsigned long b_state, b_blocknr, b_size; };
  enum bh_state_bits { BH_Uptodate, BH_Dirty, BH_Lock };
  enum pageflags { PG_locked, PG_writeback };
]]
local WITH_BITS <const> = " enum inode_state_bits { __I_NEW = 0, __I_SYNC = 1 };"

describe("kvm.linux.check.lock_place", function()
  harness.guard()
  local real_info, real_describe = slub.object_info, page_flags.describe
  local function open(more)
    local k = memory.open(DECLARATIONS .. (more or ""))
    memory.symbols {super_blocks = SUPERS}
    memory.set(k, "struct inode", INODE, {i_ino = 77, i_sb = SB, ["i_data.host"] = INODE})
    memory.set(k, "struct super_block", SB, {s_type = TYPE, ["s_list.next"] = SUPERS, ["s_list.prev"] = SUPERS})
    memory.set(k, "struct list_head", SUPERS, {next = SB, prev = SB})
    assert(k:write(SB + 24, "vda1\0"))
    memory.set(k, "struct file_system_type", TYPE, {name = NAME})
    assert(k:write(NAME, "ext4\0"))
    slub.object_info = function() return nil end
    return k
  end
  after_each(function()
    slub.object_info, page_flags.describe = real_info, real_describe
    memory.forget()
  end)
  local function text(k, wait) return lock_place.text(checks.new(k, {task_list = {}}), wait) end
  local function offset(k, t, path) return k:type(t):strip():field(path).offset end

  it("says whose inode", function()
    local k = open()
    local function of(path) return {kind = "rw_semaphore", lock = INODE + offset(k, "struct inode", path)} end
    assert.are.same({"i_rwsem of inode 77 of ext4 (vda1)", "inode lock"}, {text(k, of "i_rwsem")})
    assert.are.same({"invalidate_lock of inode 77 of ext4 (vda1)"}, {text(k, of "i_data.invalidate_lock")})
    memory.set(k, "struct inode", INODE, {["i_data.host"] = INODE + 8})
    assert.is_nil(text(k, of "i_rwsem"))
  end)

  it("says which bit of an inode", function()
    local k = open()
    local state = INODE + offset(k, "struct inode", "i_state")
    assert.are.equal("I_SYNC of inode 77 of ext4 (vda1)", text(k, {kind = "bit lock", lock = state, bit = 7}))
    assert.are.equal("bit 30 of i_state of inode 77 of ext4 (vda1)", text(k, {kind = "bit lock", lock = state, bit = 30}))
    assert.is_nil(text(k, {kind = "bit lock", lock = state + 1, variable = true}))
    k = open(WITH_BITS)
    assert.are.equal("I_SYNC of inode 77 of ext4 (vda1)", text(k, {kind = "bit lock", lock = state + 1, variable = true}))
    assert.are.equal("I_NEW of inode 77 of ext4 (vda1)", text(k, {kind = "bit lock", lock = state, variable = true}))
  end)

  it("says whose super block", function()
    local k = open()
    local wait = {kind = "rw_semaphore", lock = SB + offset(k, "struct super_block", "s_umount")}
    assert.are.equal("s_umount of the super block of ext4 (vda1)", text(k, wait))
    memory.set(k, "struct list_head", SUPERS, {next = SUPERS, prev = SUPERS})
    assert.is_nil(text(k, wait))
  end)

  it("says what member of which slab object", function()
    local k = open()
    slub.object_info = function(_, addr) return {name = "mm_struct", object = MM, offset = addr - MM} end
    local wait = {kind = "rw_semaphore", lock = MM + 8}
    assert.are.equal(("mmap_lock of struct mm_struct 0x%x"):format(MM), text(k, wait))
    local user = {task = {mm = k:object(MM, "struct mm_struct")}, pid = 4, comm = "x"}
    local context = checks.new(k, {task_list = {user}, task_text = function(_, t) return ("pid %d (%s)"):format(t.pid, t.comm) end})
    assert.are.equal("mmap_lock of the address space of pid 4 (x)", (lock_place.text(context, wait)))
    slub.object_info = function() return {name = "kmalloc-64", object = MM, offset = 8} end
    assert.are.equal(("at 8 in an object of slab cache kmalloc-64 at 0x%x"):format(MM), text(k, wait))
    memory.set(k, "struct buffer_head", MM, {b_blocknr = 5, b_size = 1024})
    slub.object_info = function() return {name = "buffer_head", object = MM, offset = 0} end
    assert.are.equal("BH_Lock of the buffer of block 5 of 1024 bytes", text(k, {kind = "bit lock", lock = MM, bit = 2}))
  end)

  it("says which page, and of which file", function()
    local k = open()
    local mapping = INODE + offset(k, "struct inode", "i_data")
    page_flags.describe = function() return {pfn = 0x123, mapping = 0, index = 6} end
    assert.are.equal(("PG_locked of page 0x%x (PFN 0x123)"):format(PAGE), text(k, {kind = "page lock", lock = PAGE, bit = 0}))
    page_flags.describe = function() return {pfn = 0x123, mapping = mapping, index = 6} end
    assert.are.equal(("PG_writeback of page 0x%x (PFN 0x123), page 6 of inode 77 of ext4 (vda1)"):format(PAGE),
      text(k, {kind = "page lock", lock = PAGE, bit = 1}))
  end)
end)
