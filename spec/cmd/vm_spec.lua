-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local files = require "spec.support.files"
local harness = require "spec.support.harness"
local memory = require "spec.support.memory"
local command = require "kvm.cmd.vm"
local one_task = require "spec.support.one_task"

describe("kvm.cmd.vm", function()
  harness.guard()
  local k, task, set
  before_each(function() k, task, set = files.open() end)
  one_task(function() return {pid = 7, tid = 7, comm = "one", mm = 0}, task end)

  local function records(opts) return fake.collect(command.run(k, opts)) end

  it("tells of each area", function()
    local r = records {}
    assert.are.equal(4, #r)
    assert.are.same({pid = 7, comm = "one", start = 0x1000, ["end"] = 0x3000, size = 0x2000, permissions = "r-xp", flags = 5,
      offset = 0x2000, dev = "254:17", inode = 12, addr = files.area(0), mm = 0, name = "/srv/dir/file"}, r[1])
    assert.are.same({"[heap]", 0, "0:0", 0}, {r[2].name, r[2].offset, r[2].dev, r[2].inode})
    assert.are.equal(1, #records {path = "[sta"})
    assert.are.same({}, records {pids = {99}})
  end)

  it("names what can't be read, and where it stopped", function()
    set("vm_area_struct", files.area(0), {vm_file = memory.UNMAPPED})
    set("vm_area_struct", files.area(1), {vm_next = memory.UNMAPPED})
    local r = records {}
    assert.are.same({3, {"dev", "inode", "name"}, "fault"}, {#r, r[1].partial, r[3].code})
  end)

  it("has none for a task without", function()
    set("opened", files.TASK, {mm = 0})
    assert.are.same({}, records {})
  end)
end)
