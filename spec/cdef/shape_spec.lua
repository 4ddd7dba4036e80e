-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local image = require "spec.support.image"
local abi = require "kvm.cdef.abi"
local shape = require "kvm.cdef.shape"

describe("kvm.cdef.shape", function()
  harness.guard()
  local k
  local X86 = abi.of{arch = "x86_64"}
  before_each(function() k = harness.open(harness.temp(image.build())) end)

  it("asks the handle for its own types", function()
    local t = {kind = "known", type = k:type "struct thing"}
    assert.are.same({48, 8, "struct"}, {shape.size(t), shape.align(X86, t), shape.kind(t)})
    assert.are.equal("int", shape.kind{kind = "known", type = k:type "pid_t"})
  end)

  it("goes through typedefs, qualifiers and arrays", function()
    local int = {kind = "int", size = 4, align = 4}
    local const = {kind = "const", follows = true, target = int}
    assert.are.same({4, 4, "int", int}, {shape.size(const), shape.align(X86, const), shape.kind(const), shape.base(const)})
    local low = {kind = "typedef", follows = true, target = const, align = 2}
    assert.are.equal(2, shape.align(X86, low))
    assert.are.equal(2, shape.align(X86, {kind = "array", size = 8, target = low}))
    assert.is_nil(shape.size{kind = "typedef", follows = true, target = {kind = "struct", forward = true}})
  end)
end)
