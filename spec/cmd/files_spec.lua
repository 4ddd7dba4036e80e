-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local files = require "spec.support.files"
local harness = require "spec.support.harness"
local memory = require "spec.support.memory"
local command = require "kvm.cmd.files"
local one_task = require "spec.support.one_task"

describe("kvm.cmd.files", function()
  harness.guard()
  local k, task, set
  before_each(function() k, task, set = files.open() end)
  one_task(function() return {pid = 7, tid = 7, comm = "one", mm = 0}, task end)

  local function records(opts) return fake.collect(command.run(k, opts)) end

  it("tells of each open file", function()
    local r = records {}
    assert.are.equal(2, #r)
    assert.are.same({pid = 7, tid = 7, comm = "one", fd = 3, kind = "file", flags = 2, access = "rw", close_on_exec = true, offset = 3,
      inode = 12, dev = "254:17", size = 5, deleted = false, addr = files.FILE, dentry = files.dentry(4), inode_addr = files.INODE,
      path = "/srv/dir/file"}, r[2])
    assert.are.equal(2, #records {path = "dir/"})
    assert.are.same({}, records {path = "nothing"})
    assert.are.same({}, records {pids = {99}})
  end)

  it("names what can't be read, and goes on", function()
    set("file", files.FILE, {f_inode = memory.UNMAPPED})
    local r = records {}
    assert.are.same({2, {"kind", "inode", "dev", "size"}, "/srv/dir/file"}, {#r, r[1].partial, r[1].path})
    set("fdtable", files.FDT, {max_fds = 5})
    r = records {}
    assert.are.same({1, "format"}, {#r, r[1].code})
    assert.matches("a table of 5 files", r[1].stopped)
  end)
end)
