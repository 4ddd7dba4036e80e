-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local image = require "spec.support.image"
local err = require "kvm.error"

describe("errors", function()
  harness.guard()
  local k
  before_each(function() k = harness.open(harness.temp(image.build())) end)

  it("are nil, message, code and, where there is one, the address", function()
    assert.are.equal(4, select("#", k:read(image.UNMAPPED, 1)))
    assert.are.equal(3, select("#", k:symbol("no_such")))
    assert.are.equal(3, select("#", k:write(image.DATA, "x")))
  end)

  it("are raised as values with the same fields by what can't return them", function()
    local _, message, code, addr = k:read(image.UNMAPPED, 8)
    local ok, e = pcall(k.u64, k, image.UNMAPPED)
    assert.is_false(ok)
    assert.is_true(err.is(e))
    assert.are.same({message, code, addr}, {e.message, e.code, e.addr})
    assert.are.equal(message, tostring(e))
  end)

  it("name the address that was asked for, not the physical one behind it", function()
    local _, message, _, addr = k:read(image.HOLED + 4096, 1)
    assert.are.equal(image.HOLED + 4096, addr)
    assert.matches(("0x%x"):format(image.HOLED + 4096), message, 1, true)
  end)
end)
