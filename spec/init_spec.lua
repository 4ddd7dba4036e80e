-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local image = require "spec.support.image"
local kvm = require "kvm"

describe("kvm", function()
  harness.guard()

  it("opens", function()
    local k = assert(kvm.open(harness.temp(image.build())))
    assert.are.equal(image.RELEASE, k:info().release)
    k:close()
  end)

  it("has a version, the one of the build", function()
    assert.matches("^%d+%.%d+%.%d+$", kvm.version)
    local f = assert(io.open("Makefile"))
    assert.are.equal(f:read("a"):match("\nVERSION := (%S+)"), kvm.version)
    f:close()
  end)

  it("has the error handling at hand", function()
    assert.are.equal(require "kvm.error", kvm.error)
    assert.are.equal(kvm.error.try, kvm.try)
    assert.are.equal(kvm.error.check, kvm.check)
  end)

  it("loads modules when they are asked for", function()
    package.loaded["kvm.format"] = nil
    local fresh = assert(loadfile((package.searchpath("kvm", package.path))))("kvm")
    assert.is_nil(rawget(fresh, "format"))
    assert.are.equal("0x10", fresh.format.hex(16))
    assert.are.equal(require "kvm.format", rawget(fresh, "format"))
    assert.are.equal(require "kvm.type", kvm.type)
    assert.are.equal(require "kvm.linux.sched", kvm.linux.sched)
    assert.are.equal(require "kvm.cmd", kvm.cmd)
  end)

  it("has nothing of names that no module has", function()
    assert.is_nil(kvm.no_such_module)
    assert.is_nil(kvm.linux.no_such_module)
    assert.is_nil(kvm["../kvm"])
    assert.is_nil(kvm[1])
  end)

  it("lets an error in a module through", function()
    package.preload["kvm.broken_for_this_test"] = function() error("it is broken", 0) end
    assert.has_error(function() return kvm.broken_for_this_test end, "it is broken")
    package.preload["kvm.broken_for_this_test"] = nil
  end)

  it("defines no global", function()
    local before = harness.snapshot()
    for name in pairs(package.loaded) do
      if name:find("^kvm") and name ~= "kvm.core" then package.loaded[name] = nil end
    end
    require "kvm"
    require "kvm.type"
    require "kvm.format"
    assert.are.same({}, harness.leaks(before))
  end)
end)
