-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local ptov = require "kvm.cmd.ptov"

describe("kvm.cmd.ptov", function()
  it("converts numbers", function()
    local k = fake.new {symbols = {page_offset_base = 0x1000}}
    k:map(0x1000, ("<I8"):pack(0xffff888000000000))
    assert.are.same({{physical = 0x1000, virtual = 0xffff888000001000}}, fake.collect(ptov.run(k, {addrs = {"1000"}})))
    assert.are.same({{physical = 0x1000, virtual = 0xffff888000001000}}, fake.collect(ptov.run(k, {addrs = {0x1000}})))
  end)

  it("takes numbers alone", function()
    local ok, err = pcall(ptov.run, fake.new {}, {addrs = {"init_task"}})
    assert.are.same({false, "inval"}, {ok, err.code})
  end)
end)
