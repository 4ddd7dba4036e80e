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
end)
