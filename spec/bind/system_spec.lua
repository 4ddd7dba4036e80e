-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local image = require "spec.support.image"
local linux = require "spec.support.build.linux"

describe("the system", function()
  harness.guard()
  local kernel = linux.build()
  local ELF = kernel:elf()
  local k
  before_each(function() k = harness.open(harness.temp(ELF)) end)

  it("has a load average of three numbers", function()
    assert.are.same({1.5, 0.25, 0.125}, {k:loadavg()})
  end)

  it("fails to tell the load average where the kernel has none", function()
    local h = harness.open(harness.temp(image.build()))
    local one, message, code = h:loadavg()
    assert.is_nil(one)
    assert.matches("avenrun", message, 1, true)
    assert.are.equal("notfound", code)
  end)

  it("has no modules when none is loaded", function()
    assert.is_nil(k:modules()())
  end)

  it("raises from the iterator where modules or swap can't be listed", function()
    local h = harness.open(harness.temp(image.build()))
    for _, name in ipairs{"modules", "swaps"} do
      local step = h[name](h)
      local ok, err = pcall(step)
      assert.is_false(ok, name)
      assert.are.equal("kvm.Error", getmetatable(err).__name)
      assert.are.equal("notfound", err.code)
      assert.is_nil(step())
    end
  end)
end)
