-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local ptob = require "kvm.cmd.ptob"

describe("kvm.cmd.ptob", function()
  it("converts numbers", function()
    local k = fake.new {symbols = {page_offset_base = 0x1000}}
    k:map(0x1000, ("<I8"):pack(0xffff888000000000))
    assert.are.same({{pfn = 0x1234, frame = 0x1234, physical = 0x1234000}}, fake.collect(ptob.run(k, {pfns = {"1234"}})))
    assert.are.same({{pfn = 0x1234, frame = 0x1234, physical = 0x1234000}}, fake.collect(ptob.run(k, {pfns = {0x1234}})))
  end)

  it("takes numbers alone", function()
    local ok, err = pcall(ptob.run, fake.new {}, {pfns = {"init_task"}})
    assert.are.same({false, "inval"}, {ok, err.code})
  end)
end)
