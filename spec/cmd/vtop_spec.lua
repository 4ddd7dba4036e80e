-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local harness = require "spec.support.harness"
local image = require "spec.support.image"
local vtop = require "kvm.cmd.vtop"

describe("kvm.cmd.vtop", function()
  harness.guard()
  local k
  before_each(function() k = harness.open(harness.temp(image.build())) end)

  it("gives physical addresses, their pages and flags", function()
    local r = fake.collect(vtop.run(k, {addrs = {"_stext", image.LARGE + 5, image.UNMAPPED}}))
    assert.are.same({image.TEXT, image.TEXT - image.KERNEL_MAP + image.PHYS_BASE, 4096}, {r[1].virtual, r[1].physical, r[1].page_bytes})
    assert.are.equal(r[1].physical >> 12, r[1].pfn)
    assert.are.equal("present", r[1].flags[1])
    assert.are.equal(table.concat(r[1].flags, " "), r[1].what)
    assert.are.same({2 << 20, (assert(k:translate(image.LARGE + 5)))}, {r[2].page_bytes, r[2].physical})
    assert.is_truthy((" " .. r[2].what .. " "):find " pse ")
    assert.are.same({"fault", image.UNMAPPED}, {r[3].code, r[3].addr})
    assert.is_nil((" " .. r[1].what .. " "):find " pse ")
  end)

  it("names what is not there", function()
    local ok, err = pcall(vtop.run, k, {addrs = {"no_such"}})
    assert.are.same({false, "notfound"}, {ok, err.code})
    ok, err = pcall(vtop.run, k, {addrs = {1}, process = 77})
    assert.are.same({false, "unsupported"}, {ok, err.code}) -- this kernel has no list of tasks
  end)
end)
