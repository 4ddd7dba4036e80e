-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local files = require "spec.support.files"
local fuser = require "kvm.cmd.fuser"
local harness = require "spec.support.harness"
local memory = require "spec.support.memory"
local one_task = require "spec.support.one_task"

describe("kvm.cmd.fuser", function()
  harness.guard()
  local k, task, set
  before_each(function() k, task, set = files.open() end)
  one_task(function() return {pid = 7, comm = "one"}, task end)

  local function uses(file)
    local r = fake.collect(fuser.run(k, {file = file}))
    return r[1] and (r[1].uses or r[1].code)
  end

  it("tells who uses a file, by its path or one of its structures", function()
    assert.are.same({"fd 0", "fd 3", "mmap"}, uses "/srv/dir/file")
    assert.are.same({"cwd"}, uses "/srv/dir")
    assert.are.same({"root"}, uses "/")
    assert.are.same({"fd 0", "fd 3", "mmap"}, uses(("0x%x"):format(files.FILE)))
    assert.are.same({"fd 0", "fd 3", "mmap"}, uses(("0x%x"):format(files.dentry(4))))
    assert.is_nil(uses "/srv/dir/other")
  end)

  it("says where it stopped", function()
    set("fdtable", files.FDT, {max_fds = 3})
    assert.are.equal("format", uses "/srv")
    local ok, err = pcall(fuser.run, k, {file = ("0x%x"):format(memory.UNMAPPED)})
    assert.are.same({false, "fault"}, {ok, err.code})
  end)
end)
