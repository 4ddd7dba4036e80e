-- SPDX-License-Identifier: BSD-2-Clause
local fdtable = require "kvm.linux.fdtable"
local files = require "spec.support.files"
local harness = require "spec.support.harness"
local kvm = require "kvm"
local memory = require "spec.support.memory"

describe("kvm.linux.fdtable", function()
  harness.guard()
  local k, task, set
  before_each(function() k, task, set = files.open() end)

  it("gives open files", function()
    assert.are.same({{0, files.FILE}, {3, files.FILE}},
      (memory.collect(fdtable.for_each_file(task), function(fd, file) return {fd, kvm.addr(file)} end)))
    assert.are.equal(files.FILE, kvm.addr(fdtable.fget(task, 3)))
    for _, fd in ipairs {-1, 1, 5, 64, 1000} do assert.is_nil(fdtable.fget(task, fd)) end
    assert.are.same({false, true, false}, {fdtable.close_on_exec(task, 0), fdtable.close_on_exec(task, 3), fdtable.close_on_exec(task, 64)})
  end)

  it("does not take for a table what none is", function()
    assert(k:write(files.CLOEXEC + 0x28, ("<I8"):pack(1))) -- "the first 64 are open"
    local got, err = memory.collect(fdtable.for_each_file(task))
    assert.are.same({{}, "format", files.BITS}, {got, err.code, err.addr})
  end)

  it("gives none for a task without files", function()
    set("opened", files.TASK, {files = 0})
    assert.are.same({}, (memory.collect(fdtable.for_each_file(task))))
    assert.is_nil(fdtable.fget(task, 0))
    assert.is_false(fdtable.close_on_exec(task, 0))
  end)

  it("refuses a table that can't be", function()
    for _, n in ipairs {65, 1 << 27, -64} do
      set("fdtable", files.FDT, {max_fds = n})
      local _, err = kvm.try(fdtable.for_each_file, task)
      assert.are.same({"format", files.FILES}, {err.code, err.addr})
    end
    set("fdtable", files.FDT, {max_fds = 64, fd = memory.UNMAPPED})
    local got, err = memory.collect(fdtable.for_each_file(task))
    assert.are.same({{}, "fault"}, {got, err.code})
    assert.is_truthy(k)
  end)
end)
