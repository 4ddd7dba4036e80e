-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local badargs = require "spec.support.badargs"
local image = require "spec.support.image"

describe("numbers", function()
  harness.guard()
  local CORE, AT = image.build(), image.TEXT + 0x2100
  local k
  before_each(function() k = harness.open(harness.temp(CORE)) end)

  it("are read in the target's byte order, signed and unsigned", function()
    assert.are.equal(-2, k:i64(AT))
    assert.are.equal(-2, k:u64(AT))
    assert.are.equal(-2, k:ptr(AT))
    assert.are.equal(-3, k:i32(AT + 8))
    assert.are.equal(0xfffffffd, k:u32(AT + 8))
    assert.are.equal(-4, k:i16(AT + 12))
    assert.are.equal(0xfffc, k:u16(AT + 12))
    assert.are.equal(-5, k:i8(AT + 14))
    assert.are.equal(0xfb, k:u8(AT + 14))
    assert.are.equal(0xfe, k:u8(AT + 15))
    assert.are.equal(1.5, k:f32(AT + 16))
    assert.are.equal(-2.25, k:f64(AT + 20))
  end)

  it("are integers or floats as their C type is", function()
    for _, name in ipairs{"u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "ptr"} do
      assert.are.equal("integer", math.type(k[name](k, AT)), name)
    end
    assert.are.equal("float", math.type(k:f32(AT)))
    assert.are.equal("float", math.type(k:f64(AT)))
  end)

  it("are read across pages that are no neighbours in physical memory", function()
    local at = image.DATA + 4096 - 6
    local bytes = image.CROSSING
    assert.are.equal(("<i8"):unpack(bytes), k:u64(at))
    assert.are.equal(("<I4"):unpack(bytes, 4), k:u32(at + 3))
    assert.are.equal(("<I2"):unpack(bytes, 6), k:u16(at + 5))
  end)

  it("are read at any alignment", function()
    local bytes = image.PAGE_A
    for off = 0, 63 do
      assert.are.equal(("<i8"):unpack(bytes, off + 1), k:u64(image.DATA + off))
      assert.are.equal(("<i4"):unpack(bytes, off + 1), k:i32(image.DATA + off))
    end
  end)

  it("are read in another address space", function()
    assert.are.equal(("<i8"):unpack(image.PAGE_B, 9), k:u64(image.PHYS_B + 8, "physical"))
    assert.are.equal(("<i8"):unpack(image.PAGE_B, 9), k:u64(image.DATA + 4096 + 8, "virtual"))
  end)

  it("stay right when more pages are in use than are cached", function()
    for _ = 1, 2 do
      for page = 0, 8 do
        for _, va in ipairs{image.TEXT + 0x30000 + page * 4096, image.DATA, image.LARGE} do
          assert.are.equal(("<i8"):unpack(k:read(va, 8)), k:u64(va))
        end
      end
    end
  end)

  it("raise an error value with the address that can't be read", function()
    for _, case in ipairs{
      {image.UNMAPPED, image.UNMAPPED}, {image.DATA + 8188, image.DATA + 8192}, {image.LARGE + 8192, image.LARGE + 8192},
      {image.HOLED + 4092, image.HOLED + 4096}, {1, 1}, {-1, -1}, {0x1000000000000, 0x1000000000000},
    } do
      local ok, err = pcall(k.u64, k, case[1])
      assert.is_false(ok)
      assert.is_true(err.code == "fault" or err.code == "excluded", err.code)
      assert.are.equal(("%x"):format(case[2]), ("%x"):format(err.addr))
      assert.are.equal(err.message, tostring(err))
    end
    local ok, err = pcall(k.u64, k, image.PHYS_B + 4092, "physical")
    assert.is_false(ok)
    assert.are.equal(image.PHYS_B + 4096, err.addr)
  end)

  it("raise for wrong arguments", function()
    for _, name in ipairs{"u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "ptr", "f32", "f64"} do
      assert.is_true(badargs.check(k[name], name, {k, AT, "virtual"}, {"any", "integer", "space"}) > 6)
    end
  end)
end)
