-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local files = require "spec.support.files"
local harness = require "spec.support.harness"
local memory = require "spec.support.memory"
local command = require "kvm.cmd.mount"
local one_task = require "spec.support.one_task"

describe("kvm.cmd.mount", function()
  harness.guard()
  local k, task, set
  before_each(function() k, task, set = files.open() end)
  one_task(function() return {pid = 7, tid = 7, comm = "one", mm = 0}, task end)

  local function records(opts) return fake.collect(command.run(k, opts)) end

  it("tells of each mount", function()
    local r = records {}
    assert.are.equal(2, #r)
    assert.are.same({id = 28, parent = 1, dev = "/dev/x", device = "254:17", dir = "/srv", root = "/", fstype = "testfs",
      options = "rw,sync,nosuid,relatime", own_options = "rw,nosuid,relatime", super_options = "rw,sync",
        propagation = "shared:3 master:0", addr = files.MOUNT,
      super_block = files.SB}, r[2])
  end)

  it("leaves out what can't be reached from the root", function()
    local mnt = k:type("struct mount"):strip():field("mnt").offset
    set("fs_struct", files.FS, {["root.mnt"] = files.MOUNT + mnt, ["root.dentry"] = files.dentry(2)})
    local r = records {}
    assert.are.same({1, "/"}, {#r, r[1].dir})
    assert.are.equal(2, #records {all = true})
  end)

  it("names what can't be read, and where it stopped", function()
    set("mount", files.ROOT_MOUNT, {mnt_devname = memory.UNMAPPED})
    local link = k:type("struct mount"):strip():field("mnt_list").offset
    assert(k:write(files.MOUNT + link, ("<I8"):pack(memory.UNMAPPED)))
    local r = records {}
    assert.are.same({{"dev"}, "fault", 3}, {r[1].partial, r[3].code, #r})
    set("opened", files.TASK, {nsproxy = 0})
    assert.matches("it has ended", records({})[1].stopped)
    local ok, err = pcall(command.run, k, {namespace = 99})
    assert.are.same({false, "notfound"}, {ok, err.code})
  end)

  it("tells of inodes, each file system's once", function()
    local sb, inode = k:object(files.SB, "struct super_block"), k:object(files.INODE, "struct inode")
    local kvm, at = require "kvm", memory.START + 0x1400
    for _, pair in ipairs {{kvm.addr(sb.s_inodes), kvm.addr(inode.i_sb_list)}, {kvm.addr(inode.i_sb_list), kvm.addr(sb.s_inodes)}} do
      assert(k:write(pair[1], ("<i8i8"):pack(pair[2], pair[2])))
    end
    set("inode", files.INODE, {i_mapping = at, i_nlink = 1, ["i_count.counter"] = 2})
    set("address_space", at, {nrpages = 3})
    local r = records {inodes = true}
    assert.are.same({{inode = files.INODE, number = 12, kind = "file", size = 5, links = 1, references = 2, cached_pages = 3, dirty = {},
      dir = "/", dev = "testfs", fstype = "testfs", options = "rw,sync", addr = files.ROOT_MOUNT, super_block = files.SB}}, r)
    assert.are.equal(0, #records {inodes = true, fstype = "ext4"})
    assert.are.equal(0, #records {inodes = true, dirty = true})
    set("super_block", files.SB, {s_bdi = at + 0x40})
    set("backing_dev_info", at + 0x40, {capabilities = 1})
    assert.are.equal(0, #records {inodes = true, dirty = true})
    set("inode", files.INODE, {i_state = 1 << 5})
    r = records {inodes = true, dirty = true}
    assert.are.same({{"pages"}, 0, 0, {"dirty_ns"}}, {r[1].dirty, r[1].dirty_pages, r[1].writeback_pages, r[1].partial})
    assert(k:write(kvm.addr(inode.i_sb_list), ("<i8"):pack(memory.UNMAPPED)))
    assert.are.equal("fault", records({inodes = true})[2].code)
    assert.has_error(function() command.run(k, {dirty = true}) end)
    assert.are.equal(2, #records {fstype = "testfs"})
  end)
end)
