-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local image = require "spec.support.image"
local emit = require "kvm.cdef.emit"

describe("kvm.cdef.emit", function()
  harness.guard()
  local k
  before_each(function() k = harness.open(harness.temp(image.build())) end)

  it("declares a type once", function()
    local t = {kind = "int", name = "word", size = 2, signed = true}
    local first = emit.type(k, t)
    assert.are.same({"word", 2, true}, {first:name(), first:size(), first:signed()})
    assert.is_true(rawequal(first, emit.type(k, t)))
    assert.is_nil(emit.type(k, {kind = "void"}))
  end)

  it("refers by tag to what is not declared yet", function()
    local s = {kind = "struct", tag = "self", size = 8, fields = {}}
    s.fields[1] = {name = "next", at = 0, t = {kind = "pointer", size = 8, target = s}}
    local t = emit.type(k, s)
    assert.are.equal("struct self *", t:members()[1].type:spell())
    assert.are.equal("forward", t:members()[1].type:target():kind())
    assert.are.equal(8, t:members()[1].type:target():size())
  end)

  it("leaves bit fields without a name out", function()
    local int = {kind = "known", type = k:type "int"}
    local t = emit.type(k, {kind = "struct", tag = "s", size = 4, fields = {
      {at = 0, t = int, bits = 3}, {name = "b", at = 3, t = int, bits = 5},
    }})
    assert.are.same({1, "b", 3, 5}, {t:count(), t:members()[1].name, t:members()[1].bit_offset, t:members()[1].bit_size})
  end)

  it("raises what k:declare refuses", function()
    local ok, e = pcall(emit.type, k, {kind = "int", name = "odd", size = 3})
    assert.is_false(ok)
    assert.are.same({"inval", "no int has 3 bytes"}, {e.code, e.message})
  end)
end)
