-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local mm = require "kvm.linux.mm"

describe("kvm.linux.mm", function()
  it("multiplies pages", function()
    local k = fake.new {symbols = {_totalram_pages = 0x1000}}
    k:map(0x1000, ("<I8"):pack(119041))
    assert.are.equal(119041 * 4096, mm.totalram_bytes(k))
  end)

  it("knows the direct map", function()
    local k = fake.new {symbols = {page_offset_base = 0x1000}}
    k:map(0x1000, ("<I8"):pack(0xffff888000000000))
    assert.are.equal(0xffff888000012345, mm.phys_to_virt(k, 0x12345))
    local ok, err = pcall(mm.phys_to_virt, fake.new {symbols = {}}, 0)
    assert.are.same({false, "notfound"}, {ok, err.code})
  end)
end)
