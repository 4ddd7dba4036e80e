-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local image = require "spec.support.image"
local err = require "kvm.error"
local core = require "kvm.core"

describe("kvm.error", function()
  harness.guard()

  it("makes values with message, code and address", function()
    local e = err.new{message = "broken", code = "format", addr = 16}
    assert.are.same({"broken", "format", 16}, {e.message, e.code, e.addr})
    assert.are.equal("broken", tostring(e))
    assert.are.equal("kvm.Error", getmetatable(e).__name)
    assert.are.equal(core.Error, getmetatable(e))
  end)

  it("refuses fields of wrong types", function()
    for _, fields in ipairs{
      {}, {message = 1, code = "io"}, {message = "m"}, {message = "m", code = 5}, {message = "m", code = "io", addr = "x"},
      {message = "m", code = "io", addr = 1.5},
    } do
      assert.has_error(function() err.new(fields) end)
    end
    assert.has_error(function() err.new("text") end, "bad argument #1 to 'new' (table expected, got string)")
  end)

  it("knows its own", function()
    local e = err.new{message = "m", code = "io"}
    assert.is_true(err.is(e))
    assert.is_true(err.is(e, "io"))
    assert.is_false(err.is(e, "fault"))
    for _, v in ipairs{"m", 1, {}, {code = "io"}, io.stdout} do assert.is_false(err.is(v)) end
    assert.is_false(err.is(nil))
  end)

  it("puts text before a message", function()
    local e = err.new{message = "page 3", code = "io"}
    assert.are.equal(e, e:prefix("open x"))
    assert.are.equal("open x: page 3", tostring(e))
  end)

  it("has a text even without a message", function()
    assert.are.equal("kvm.Error", tostring(setmetatable({}, core.Error)))
  end)
end)

describe("kvm.error.try", function()
  harness.guard()

  it("returns what the function returns", function()
    assert.are.same({1, nil, 3, n = 3}, table.pack(err.try(function(...) return ... end, 1, nil, 3)))
    assert.are.same({n = 0}, table.pack(err.try(function() end)))
  end)

  it("returns nil and the error value that was raised", function()
    local k = harness.open(harness.temp(image.build()))
    local v, e = err.try(k.u64, k, image.UNMAPPED)
    assert.is_nil(v)
    assert.are.equal("fault", e.code)
    assert.are.equal(image.UNMAPPED, e.addr)
  end)

  it("lets other errors pass, as they are", function()
    assert.has_error(function() err.try(error, "text", 0) end, "text")
    local value = {}
    local ok, raised = pcall(err.try, error, value)
    assert.is_false(ok)
    assert.are.equal(value, raised)
  end)
end)

describe("kvm.error.check", function()
  harness.guard()

  it("returns its arguments", function()
    assert.are.same({1, nil, 3, n = 3}, table.pack(err.check(1, nil, 3)))
    assert.are.same({false, "x", n = 2}, table.pack(err.check(false, "x")))
    assert.are.same({n = 1}, table.pack(err.check(nil)))
    assert.are.same({n = 0}, table.pack(err.check()))
  end)

  it("raises what a call has told, with code and address", function()
    local k = harness.open(harness.temp(image.build()))
    local ok, e = pcall(function() err.check(k:read(image.DATA, 9000)) end)
    assert.is_false(ok)
    assert.is_true(err.is(e, "fault"))
    assert.are.equal(image.DATA + 8192, e.addr)
    assert.are.equal(k:geterr(), e.message)
  end)

  it("raises an error value that try has returned", function()
    local e = err.new{message = "m", code = "io"}
    local ok, raised = pcall(err.check, nil, e)
    assert.is_false(ok)
    assert.are.equal(e, raised)
  end)
end)
