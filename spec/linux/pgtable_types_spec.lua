-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local image = require "spec.support.image"
local kvm = require "kvm"
local types = require "kvm.linux.pgtable_types"

describe("kvm.linux.pgtable_types", function()
  harness.guard()
  local k
  before_each(function() k = harness.open(harness.temp(image.build())) end)

  it("names flags", function()
    assert.are.same({"present", "rw", "accessed", "dirty", "nx"}, types.flags(k, 0x8000000012345063))
    assert.are.same({"present", "pse"}, types.flags(k, 0x81, 2 << 20))
    assert.are.same({"present"}, types.flags(k, 0x81, 4096))
    assert.are.same({"protnone"}, types.flags(k, 0x100))
    assert.are.same({}, types.flags(k, 0))
  end)

  it("knows what is mapped, and where to", function()
    assert.are.same({true, true, false}, {types.present(k, 0x63), types.present(k, 0x100), types.present(k, 0xfe)})
    assert.are.equal(0x12345000, types.physical(k, 0x8000000012345063))
    assert.are.equal(0x40000000, types.physical(k, 0x400010e3)) -- a large page with PAT
    assert.are.equal(0x12345000, types.physical(k, ~0x12345000 & 0xffffffffff000 | 0x100)) -- PROT_NONE
  end)

  it("knows x86-64 alone", function()
    local other = setmetatable({}, {__index = {info = function() return {arch = "aarch64"} end}})
    for _, name in ipairs {"flags", "present", "physical"} do
      local _, err = kvm.try(types[name], other, 1)
      assert.are.equal("unsupported", err.code)
    end
  end)
end)
