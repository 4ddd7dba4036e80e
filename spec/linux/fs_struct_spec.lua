-- SPDX-License-Identifier: BSD-2-Clause
local files = require "spec.support.files"
local fs_struct = require "kvm.linux.fs_struct"
local harness = require "spec.support.harness"

describe("kvm.linux.fs_struct", function()
  harness.guard()
  local task, set
  before_each(function()
    local _
    _, task, set = files.open()
  end)

  it("tells where the paths of a task start", function()
    set("fs_struct", files.FS, {umask = 23})
    assert.are.same({"/", "/srv/dir", 23}, {fs_struct.root(task), fs_struct.cwd(task), fs_struct.umask(task)})
  end)

  it("knows a task that has ended", function()
    set("opened", files.TASK, {fs = 0})
    assert.are.same({}, {fs_struct.root(task), fs_struct.cwd(task), fs_struct.umask(task)})
  end)
end)
