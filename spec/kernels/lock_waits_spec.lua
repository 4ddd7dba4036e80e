-- SPDX-License-Identifier: BSD-2-Clause
-- What tasks wait for in the guests that have the module of containers/ (lab_locks.c), and what locks of real objects are part of.
local check_context = require "kvm.linux.check.context"
local kvm = require "kvm"
local lock_place = require "kvm.linux.check.lock_place"
local lock_waits = require "kvm.linux.check.lock_waits"
local matrix = require "spec.kernels.matrix"
local types = require "kvm.type"

matrix.each_with_module(function(dump)
  it("tells which lock the module's tasks wait for, and who holds it", function()
    local waits = {}
    for _, w in ipairs((lock_waits.all(check_context.new(dump:open())))) do waits[w.task.comm] = w end
    local k = dump:open()
    for comm, expected in pairs {
      ["lab-mutex"] = {"mutex", "lab_mutex", "lab-owner"}, ["lab-write"] = {"rw_semaphore", "lab_rwsem_read", "lab-reader"},
      ["lab-percpu"] = {"percpu_rwsem", "lab_percpu_rwsem", nil, "held by 3 readers, which the kernel does not record"},
    } do
      local w = assert(waits[comm], comm)
      assert.are.same({expected[1], k:symbol(expected[2]).value, expected[4]}, {w.kind, w.lock, w.held})
      assert.are.equal(expected[3], w.owner and w.owner.comm)
    end
  end)

  it("tells what locks are part of", function()
    local k = dump:open()
    local context = check_context.new(k)
    local init
    for _, t in ipairs(context:tasks()) do
      if t.pid == 1 then init = t end
    end
    local root = init.task.fs.root.dentry.d_inode
    local function text(o, t, member, kind)
      return lock_place.text(context, {kind = kind or "rw_semaphore", lock = kvm.addr(o) + types.offsetof(k, t, member), bit = 7})
    end
    assert.are.equal("mmap_lock of the address space of pid 1 (init)", (text(init.task.mm, "struct mm_struct", "mmap_lock")))
    assert.matches("^i_rwsem of inode 1 of rootfs, /$", (text(root, "struct inode", "i_rwsem")))
    assert.are.equal("I_SYNC of inode 1 of rootfs, /", (text(root, "struct inode", "i_state", "bit lock")))
    assert.are.equal("s_umount of the super block of rootfs (rootfs)", (text(root.i_sb, "struct super_block", "s_umount")))
    assert.matches("^exec_update_lock of struct signal_struct 0x", (text(init.task.signal, "struct signal_struct", "exec_update_lock")))
  end)
end)
