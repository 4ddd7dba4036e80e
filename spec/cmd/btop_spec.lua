-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local btop = require "kvm.cmd.btop"

describe("kvm.cmd.btop", function()
  it("converts numbers", function()
    local k = fake.new {symbols = {page_offset_base = 0x1000}}
    k:map(0x1000, ("<I8"):pack(0xffff888000000000))
    assert.are.same({{physical = 0x1234567, pfn = 0x1234, frame = 0x1234}}, fake.collect(btop.run(k, {addrs = {"1234567"}})))
    assert.are.same({{physical = 0x1234567, pfn = 0x1234, frame = 0x1234}}, fake.collect(btop.run(k, {addrs = {0x1234567}})))
  end)

  it("takes numbers alone", function()
    local ok, err = pcall(btop.run, fake.new {}, {addrs = {"init_task"}})
    assert.are.same({false, "inval"}, {ok, err.code})
  end)
end)
