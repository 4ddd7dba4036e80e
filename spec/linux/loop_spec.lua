-- SPDX-License-Identifier: BSD-2-Clause
local files = require "spec.support.files"
local harness = require "spec.support.harness"
local kvm = require "kvm"
local loop = require "kvm.linux.loop"
local memory = require "spec.support.memory"

describe("kvm.linux.loop", function()
  harness.guard()
  local k, set, disk, _
  local DISK, LOOP, OPS = memory.START + 0x1200, memory.START + 0x1280, memory.START + 0x1300
  before_each(function()
    k, _, set = files.open()
    kvm.cdef(k, [[struct block_device_operations { int x; };
      struct gendisk { char disk_name[32]; struct block_device_operations *fops; void *private_data; };]])
    set("gendisk", DISK, {fops = OPS, private_data = LOOP})
    disk = k:object(DISK, "struct gendisk")
    memory.symbols {lo_fops = OPS}
  end)
  after_each(memory.forget)

  it("knows a loop device by its driver", function()
    assert.is_true(loop.is_loop(disk))
    set("gendisk", DISK, {fops = OPS + 8})
    assert.is_false(loop.is_loop(disk))
  end)

  it("tells the file", function()
    local _, err = kvm.try(loop.device, disk)
    assert.are.equal("notfound", err.code) -- its module has no types
    kvm.cdef(k, "struct loop_device { long lo_offset, lo_sizelimit; int lo_flags, lo_state; struct file *lo_backing_file; };")
    set("loop_device", LOOP, {lo_offset = 512, lo_sizelimit = 8192, lo_flags = 1 | 16, lo_state = 1, lo_backing_file = files.FILE})
    assert.are.same({state = "bound", offset = 512, limit = 8192, flags = {"read_only", "direct_io"}, file = "/srv/dir/file", addr = LOOP},
      loop.device(disk))
    set("loop_device", LOOP, {lo_state = 0, lo_backing_file = 0})
    assert.are.same({"unbound", nil}, {loop.device(disk).state, loop.device(disk).file})
    set("loop_device", LOOP, {lo_backing_file = memory.UNMAPPED})
    assert.are.equal("fault", select(2, kvm.try(loop.device, disk)).code)
  end)
end)
