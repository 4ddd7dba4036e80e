-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local image = require "spec.support.image"
local types = require "kvm.type"

describe("kvm.type", function()
  harness.guard()
  local CORE = image.build()
  local k
  before_each(function() k = harness.open(harness.temp(CORE)) end)

  local function raised(f, ...)
    local ok, err = pcall(f, ...)
    assert.is_false(ok)
    return err
  end

  it("tells sizes, by name or of a type", function()
    assert.are.equal(48, types.sizeof(k, "struct thing"))
    assert.are.equal(4, types.sizeof(k, "pid_t"))
    assert.are.equal(16, types.sizeof(k, k:type("struct list_head")))
  end)

  it("tells offsets in bytes", function()
    assert.are.equal(40, types.offsetof(k, "struct thing", "pid"))
    assert.are.equal(8, types.offsetof(k, "struct thing", "list.prev"))
    assert.are.equal(8, types.offsetof(k, k:type("struct list_head"), "prev"))
  end)

  it("finds the first member that exists", function()
    local field, name = types.first(k, "struct thing", {"__pid", "pid", "name"})
    assert.are.equal("pid", name)
    assert.are.equal(40, field.offset)
    assert.are.equal(4, field.type:size())
  end)

  it("raises for what is not there, with all names that were tried", function()
    local err = raised(types.sizeof, k, "struct no_such")
    assert.are.equal("notfound", err.code)
    assert.are.equal("notfound", raised(types.offsetof, k, "struct no_such", "x").code)
    assert.are.equal("notfound", raised(types.offsetof, k, "struct thing", "x").code)
    err = raised(types.first, k, "struct thing", {"__state", "state"})
    assert.are.equal("notfound", err.code)
    assert.are.equal("struct thing has no member __state or state", err.message)
    assert.are.equal("notfound", raised(types.first, k, "struct no_such", {"x"}).code)
  end)

  it("raises for a bit field, which has no offset in bytes", function()
    local err = raised(types.offsetof, k, "struct thing", "high")
    assert.are.equal("inval", err.code)
    assert.are.equal("high of struct thing is a bit field", err.message)
  end)

  it("does not take a wrong path for a member that is not there", function()
    local err = raised(types.first, k, "struct thing", {"name[16]", "pid"})
    assert.are.equal("inval", err.code)
  end)

  it("gives the values of an enum's names", function()
    local k2 <close> = harness.open(harness.temp(require("spec.support.build.linux").build({also = function(self)
      self.types:enum("built_state", {"STATE_ON", "STATE_OFF"})
    end}):elf()))
    assert.are.same({STATE_ON = 0, STATE_OFF = 1}, types.enumerators(k2, "enum built_state"))
    assert.are.equal(types.enumerators(k2, "enum built_state"), types.enumerators(k2, "enum built_state"))
    assert.is_nil(types.enumerators(k2, "enum no_such"))
    assert.is_nil(types.enumerators(k2, "enum no_such"))
  end)
end)
