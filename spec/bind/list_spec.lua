-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local image = require "spec.support.image"

describe("a list's iterator", function()
  harness.guard()
  local k
  before_each(function() k = harness.open(harness.temp(image.build())) end)

  it("can be called without a for loop", function()
    local step = k:symbols()
    local first = step()
    assert.are.equal(image.TEXT, first.value)
    assert.are_not.equal(first, step())
  end)

  it("gives a value that a for loop closes, which frees the list", function()
    local step, state, control, list = k:symbols()
    assert.is_nil(state)
    assert.is_nil(control)
    assert.matches("^kvm.List", tostring(list))
    assert.is_table(step())
    do
      local closed <close> = list
      assert.is_truthy(closed)
    end
    assert.is_nil(step())
  end)

  it("gives fresh records", function()
    local a = k:symbols()()
    local name = a.name
    a.name = "changed"
    local b = k:symbols()()
    assert.are.equal(name, b.name)
    assert.are_not.equal(a, b)
  end)

  it("can be made often", function()
    for _ = 1, 200 do k:symbols()() end
    collectgarbage()
    assert.is_true(collectgarbage("count") < 50 * 1024)
  end)
end)
