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

  it("tells what is used, no counter below 0", function()
    local page = 4096
    assert.are.same({size_bytes = 40 * page, peak_bytes = 40 * page, locked_bytes = 0, pinned_bytes = 0, rss_bytes = 5 * page,
      rss_peak_bytes = 6 * page, anon_bytes = 4 * page, file_bytes = page, shmem_bytes = 0, data_bytes = 3 * page, stack_bytes = 2 * page,
      exe_bytes = 2 * page, lib_bytes = 7 * page, pagetables_bytes = 8192, swap_bytes = 2 * page, hugetlb_bytes = 0}, mm_types.usage(mm))
  end)

  it("has letters for flags", function()
    assert.are.same({"rd", "wr", "gd", "hg"}, mm_types.flag_names(0x1 | 0x2 | 0x100 | 1 << 29 | 1 << 11 | 1 << 40))
    assert.are.same({}, mm_types.flag_names(0))
  end)
end)
