-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local image = require "spec.support.image"
local kvm = require "kvm"
local value = require "kvm.format.value"

describe("kvm.format.value", function()
  harness.guard()
  local CORE = image.build()
  local k
  before_each(function() k = harness.open(harness.temp(CORE)) end)

  local function enum(declaration, v, hex)
    kvm.cdef(k, declaration)
    return value.enum(k:type(declaration:match "enum %w+"), v, hex)
  end

  it("shows integers with their sign", function()
    local int, ulong = k:type("int"), k:type("long unsigned int")
    assert.are.equal("-1", value.integer(int, -1, false))
    assert.are.equal("0xffffffff", value.integer(int, -1, true))
    assert.are.equal("18446744073709551615", value.integer(ulong, -1, false))
    assert.are.equal("9223372036854775808", value.integer(ulong, math.mininteger, false))
    assert.are.equal("9223372036854775807", value.integer(ulong, math.maxinteger, false))
    assert.are.equal("0xffffffffffffffff", value.integer(ulong, -1, true))
    assert.are.equal("0x1f", value.integer(ulong, "0x" .. ("0"):rep(30) .. "1f", false))
    assert.are.equal("0x0", value.integer(ulong, "0x" .. ("0"):rep(32), false))
  end)

  it("names the values of enums", function()
    local color = k:type("enum color")
    assert.are.same({"RED", "GREEN", "3"}, {value.enum(color, 1), value.enum(color, -2), value.enum(color, 3)})
    assert.are.equal("0x3", value.enum(color, 3, true))
  end)

  it("joins flags, where no two values share a bit", function()
    local FLAGS = "enum flags { F_A = 1, F_B = 2, F_C = 4, F_ALSO_A = 1 };"
    assert.are.equal("F_A|F_C", enum(FLAGS, 5))
    assert.are.equal("F_B", enum(FLAGS, 2))
    assert.are.equal("F_A|0x10", enum(FLAGS, 17))
    assert.are.equal("16", enum(FLAGS, 16))
    assert.are.equal("0", enum(FLAGS, 0))
    assert.are.equal("5", enum("enum plain { P0, P1, P2, P3 };", 5))
  end)

  it("shows floating-point numbers so that they can be read back", function()
    for _, v in ipairs {0.1, 1 / 3, 1e300, -2.5, 5e-324} do assert.are.equal(v, tonumber(value.float(v))) end
    assert.are.same({"0.1", "1.0", "-inf", "inf", "nan"},
      {value.float(0.1), value.float(1.0), value.float(-math.huge), value.float(math.huge), value.float(0 / 0)})
  end)

  it("escapes strings and cuts them", function()
    assert.are.equal([["a\"\\\n\x1b"]], value.string('a"\\\n\27', 100))
    assert.are.equal('"abc"...', value.string("abcd", 3))
    assert.are.equal('"abc"', value.string("abc", 3))
  end)

  it("shows characters", function()
    local char = k:type("char")
    assert.are.same({"65 'A'", "0", "27", "39 '\\''"},
      {value.char(char, 65), value.char(char, 0), value.char(char, 27), value.char(char, 39)})
  end)

  it("names addresses", function()
    assert.are.equal("<do_thing+0x4>", value.symbol(k, image.TEXT + 0x104))
    assert.are.equal("<do_thing>", value.symbol(k, image.TEXT + 0x100))
    assert.is_nil(value.symbol(k, 16))
  end)

  it("tells why a value is not there", function()
    assert.are.equal("<excluded 0x10>", value.failure {code = "excluded", addr = 16})
    assert.are.equal("<unsupported>", value.failure {code = "unsupported"})
  end)
end)
