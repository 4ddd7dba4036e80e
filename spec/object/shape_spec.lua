-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local image = require "spec.support.image"
local kvm = require "kvm"
local shape = require "kvm.object.shape"

describe("kvm.object.shape", function()
  harness.guard()
  local CORE = image.build()
  local k
  before_each(function() k = harness.open(harness.temp(CORE)) end)

  local function raised(f, ...)
    local ok, err = pcall(f, ...)
    assert.is_false(ok)
    return err
  end

  it("is one for a type, whatever it is called", function()
    local s = shape.of(k, k:type "struct list_head")
    assert.are.equal(s, shape.of(k, k:type "list_head"))
    assert.are.equal(s, shape.of(k, kvm.type.of(k, "const struct list_head")))
    assert.are.same({"record", 16, k}, {s.kind, s.size, s.handle})
    assert.are.equal(shape.of(k, kvm.type.of(k, "int *")), shape.of(k, kvm.type.of(k, "pid_t *")))
    assert.are_not.equal(shape.of(k, kvm.type.of(k, "int *")), shape.of(k, kvm.type.of(k, "int [2]")))
    assert.are.equal("inval", raised(shape.of, k, k:type "int").code)
  end)

  it("tells how a type is read", function()
    for name, want in pairs {int = "int", ["unsigned int"] = "uint", char = "uint", ["enum color"] = "int", ["struct list_head"] = "inside",
      ["char [4]"] = "string", ["int [4]"] = "inside", ["int *"] = "ref", ["struct list_head *"] = "ref"} do
      assert.are.equal(want, shape.describe(k, kvm.type.of(k, name)).access, name)
    end
    assert.are.equal(shape.of(k, k:type "struct list_head").index, shape.describe(k, kvm.type.of(k, "struct list_head *")).target)
    assert.are.equal("inval", raised(shape.describe, k, k:type "void").code)
  end)

  it("compiles a member once", function()
    local s = shape.of(k, k:type "struct thing")
    assert.are.equal(shape.field(s, "list.prev"), shape.field(s, "list.prev"))
    assert.is_true(shape.leads(s, "list.prev"))
    assert.is_false(shape.leads(s, "pid"))
    assert.are.equal("notfound", raised(shape.field, s, "absent").code)
    assert.are.equal("inval", raised(shape.field, s, 1).code)
  end)

  it("reads a place", function()
    assert.are.equal(-2, shape.at(k, kvm.type.of(k, "long"), k:symbol "numbers".value))
    assert.are.equal("void", shape.void(k).kind)
  end)

  it("refuses a type without an end", function()
    local t = k:type "int"
    for _ = 1, 70 do t = k:declare {kind = "pointer", target = t, size = 8} end
    assert.are.equal("format", raised(shape.of, k, t).code)
  end)
end)
