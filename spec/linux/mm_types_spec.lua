-- SPDX-License-Identifier: BSD-2-Clause
local files = require "spec.support.files"
local harness = require "spec.support.harness"
local kvm = require "kvm"
local memory = require "spec.support.memory"
local mm_types = require "kvm.linux.mm_types"

describe("kvm.linux.mm_types", function()
  harness.guard()
  local mm, set
  before_each(function()
    local _, task
    _, task, set = files.open()
    mm = task.mm
  end)

  it("gives areas in order, their permissions and names", function()
    assert.are.same({{0x1000, "r-xp", "/srv/dir/file"}, {0x7000, "rw-p", "[heap]"}, {0xf000, "rw-s", "[stack]"}, {0x20000, "---p", ""}},
      (memory.collect(mm_types.for_each_vma(mm), function(area)
        return {area.vm_start, mm_types.permissions(area), mm_types.name(area)}
      end)))
  end)

  it("finds the area of an address", function()
    for addr, want in pairs {[0x1000] = 0, [0x2fff] = 0, [0x7abc] = 1, [0x20fff] = 3} do
      assert.are.equal(files.area(want), kvm.addr(mm_types.find_vma(mm, addr)))
    end
    for _, addr in ipairs {0, 0xfff, 0x3000, 0x21000} do assert.is_nil(mm_types.find_vma(mm, addr)) end
  end)

  it("stops where areas are out of order, and does not run in a circle", function()
    set("vm_area_struct", files.area(2), {vm_next = files.area(0)})
    local got, err = memory.collect(mm_types.for_each_vma(mm))
    assert.are.same({3, "format", files.area(0)}, {#got, err.code, err.addr})
    set("vm_area_struct", files.area(1), {vm_end = 0x7000})
    got, err = memory.collect(mm_types.for_each_vma(mm))
    assert.are.same({1, files.area(1)}, {#got, err.addr})
    set("mm_struct", files.MM, {mmap = memory.UNMAPPED})
    got, err = memory.collect(mm_types.for_each_vma(mm))
    assert.are.same({0, "fault"}, {#got, err.code})
  end)
end)
