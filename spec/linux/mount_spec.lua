-- SPDX-License-Identifier: BSD-2-Clause
local files = require "spec.support.files"
local harness = require "spec.support.harness"
local memory = require "spec.support.memory"
local mount = require "kvm.linux.mount"

describe("kvm.linux.mount", function()
  harness.guard()
  local k, task, set
  before_each(function() k, task, set = files.open() end)

  it("gives mounts with what is told of them", function()
    local got = memory.collect(mount.for_each_mount(task.nsproxy.mnt_ns), function(m)
      return {m.mnt_id, mount.device(m), (mount.dir(m, task.fs.root)), mount.fstype(m), (mount.options(m)), mount.propagation(m)}
    end)
    assert.are.same({{1, "testfs", "/", "testfs", "rw,sync", ""},
      {28, "/dev/x", "/srv", "testfs", "rw,sync,nosuid,relatime", "shared:3 master:0"}}, got)
    local m = k:object(files.MOUNT, "struct mount")
    set("mount", files.MOUNT, {["mnt.mnt_flags"] = 0x40})
    assert.are.same({"ro,sync", "ro", "rw,sync"}, {mount.options(m)})
    set("super_block", files.SB, {s_flags = 1, s_subtype = files.NAMES})
    assert.are.same({"ro", "ro", "ro"}, {mount.options(m)})
    assert.are.equal("testfs.testfs", mount.fstype(m))
    set("mount", files.MOUNT, {mnt_devname = 0})
    assert.are.equal("none", mount.device(m))
  end)

  it("leaves a reader's place in the list out", function()
    set("mount", files.MOUNT, {["mnt.mnt_flags"] = 0x10000000})
    assert.are.equal(1, #memory.collect(mount.for_each_mount(task.nsproxy.mnt_ns)))
  end)

  it("stops where the list is damaged", function()
    assert(k:write(files.NS, ("<I8"):pack(memory.UNMAPPED)))
    local got, err = memory.collect(mount.for_each_mount(task.nsproxy.mnt_ns))
    assert.are.same({{}, "fault"}, {got, err.code})
  end)
end)
