-- SPDX-License-Identifier: BSD-2-Clause
local bitmap = require "kvm.linux.bitmap"
local fake = require "spec.support.fake_kernel"
local kvm_error = require "kvm.error"

local function all(step)
  local out = {}
  for n in step do out[#out + 1] = n end
  return out
end

describe("kvm.linux.bitmap", function()
  local k
  before_each(function()
    k = fake.new()
    k:map(0x1000, ("<I8I8I8"):pack(1 << 0 | 1 << 1 | 1 << 63, 0, 1 << 2 | 1 << 7 | 1 << 20))
  end)

  it("gives the bits that are set, and no more than there are", function()
    assert.are.same({0, 1, 63, 130, 135}, all(bitmap.for_each_set_bit(k, 0x1000, 140)))
    assert.are.same({0, 1, 63, 130, 135, 148}, all(bitmap.for_each_set_bit(k, 0x1000, 192)))
    assert.are.same({0, 1}, all(bitmap.for_each_set_bit(k, 0x1000, 63)))
    assert.are.same({0}, all(bitmap.for_each_set_bit(k, 0x1000, 1)))
    assert.are.same({}, all(bitmap.for_each_set_bit(k, 0x1000, 0)))
  end)

  it("counts and tests them", function()
    for bits, want in pairs {[0] = 0, [2] = 2, [64] = 3, [131] = 4, [192] = 6} do assert.are.equal(want, bitmap.weight(k, 0x1000, bits)) end
    for bit, want in pairs {[0] = true, [2] = false, [63] = true, [64] = false, [148] = true} do
      assert.are.equal(want, bitmap.test_bit(k, bit, 0x1000))
    end
    assert.are.equal("inval", select(2, kvm_error.try(bitmap.test_bit, k, -1, 0x1000)).code)
  end)

  it("gives ranges, and the text that the kernel prints", function()
    local out = {}
    k:map(0x2000, ("<I8I8"):pack(0xf | 1 << 10 | 3 << 62, 1))
    for first, last in bitmap.for_each_set_range(k, 0x2000, 128) do out[#out + 1] = {first, last} end
    assert.are.same({{0, 3}, {10, 10}, {62, 64}}, out)
    assert.are.equal("0-3,10,62-64", bitmap.list(bitmap.for_each_set_bit(k, 0x2000, 128)))
    assert.are.equal("", bitmap.list(bitmap.for_each_set_bit(k, 0x2000, 0)))
  end)

  it("reads large ones in pieces", function()
    k:map(0x100000, ("\0"):rep(1 << 17) .. "\1" .. ("\0"):rep(7))
    k.reads = 0
    assert.are.same({1 << 20}, all(bitmap.for_each_set_bit(k, 0x100000, (1 << 20) + 64)))
    assert.are.equal(3, k.reads)
  end)

  it("raises for memory that is not there and sizes that can't be", function()
    assert.are.equal("fault", select(2, kvm_error.try(bitmap.weight, k, 0x9000, 8)).code)
    assert.are.equal("format", select(2, kvm_error.try(bitmap.weight, k, 0x1000, -1)).code)
    assert.are.equal("format", select(2, kvm_error.try(bitmap.for_each_set_bit, k, 0x1000, 1 << 40)).code)
  end)
end)
