-- SPDX-License-Identifier: BSD-2-Clause
local constant = require "kvm.cdef.constant"
local grammar = require "kvm.cdef.grammar"

local function compute(text, long)
  local env = {long = long or 8, pointer = long or 8}
  function env.fail(message) error(message, 0) end
  function env.name(node) return assert(({TEN = constant.of(10), HUGE = constant.of(-1, true)})[node.name], node.name) end
  function env.sizeof() return 24 end
  function env.alignof() return 8 end
  function env.offsetof(node) return #node.path end
  local v = constant.evaluate(env, grammar.expression(text))
  return ("%d%s%s"):format(v.v, v.wide and "L" or "", v.unsigned and "u" or "")
end

describe("kvm.cdef.constant", function()
  -- L: of 64 bits, u: unsigned; the values are gcc's
  local CASES = {
    ["1 + 2 * 3"] = "7", ["(1 + 2) * 3"] = "9", ["10 - 4 - 3"] = "3", ["7 / 2"] = "3", ["-7 / 2"] = "-3", ["-7 % 3"] = "-1",
    ["7 % -3"] = "1",
    ["1 << 4 | 1"] = "17", ["6 & 3 ^ 1"] = "3", ["~0"] = "-1", ["~0u"] = "4294967295u", ["!5"] = "0", ["!!5"] = "1", ["- -3"] = "3",
    ["+4"] = "4",
    ["1 < 2"] = "1", ["2 <= 1"] = "0", ["3 > 2 > 1"] = "0", ["1 == 1 != 0"] = "1", ["-1 < 0u"] = "0", ["-1 < 0ul"] = "0",
    ["-1L < 0u"] = "1",
    ["1 && 0 || 1"] = "1", ["0 && 1 / 0"] = "0", ["1 || 1 / 0"] = "1", ["1 ? 2 : 1 / 0"] = "2", ["0 ? 1 : 0 ? 2 : 3"] = "3",
    ["0 && 1 / 0 + 2 * 3"] = "0", ["2 || 0 && 1 / 0 == 3"] = "1",
    ["0x10"] = "16", ["010"] = "8", ["0b101"] = "5", ["0"] = "0", ["10u"] = "10u", ["10l"] = "10L", ["10ULL"] = "10Lu",
    ["2147483647"] = "2147483647", ["2147483648"] = "2147483648L", ["0x80000000"] = "2147483648u", ["0xffffffff"] = "4294967295u",
    ["0x100000000"] = "4294967296L", ["0xffffffffffffffff"] = "-1Lu", ["9223372036854775807"] = "9223372036854775807L",
    ["0x7fffffffffffffff"] = "9223372036854775807L", ["18446744073709551615u"] = "-1Lu",
    ["1 << 31"] = "-2147483648", ["1l << 63"] = "-9223372036854775808L", ["1u << 31"] = "2147483648u",
    ["1ul << 63"] = "-9223372036854775808Lu", ["-8 >> 1"] = "-4",
    ["0xffffffffffffffff >> 60"] = "15Lu", ["0xffffffffffffffff / 10"] = "1844674407370955161Lu", ["0xffffffffffffffff % 10"] = "5Lu",
    ["0xffffffffffffffff / 0x8000000000000000"] = "1Lu", ["4294967295u + 1"] = "0u", ["0u - 1"] = "4294967295u", ["HUGE + 1"] = "0Lu",
    ["'a'"] = "97", ["'\\n'"] = "10", ["'\\0'"] = "0", ["TEN * 2"] = "20", ["sizeof(int)"] = "24Lu", ["_Alignof(int) + 1"] = "9Lu",
    ["offsetof(struct x, a.b[2])"] = "6Lu", ["-2147483647 - 1"] = "-2147483648", ["5 - 6u"] = "4294967295u",
  }
  for text, want in pairs(CASES) do
    it("computes " .. text, function() assert.are.equal(want, compute(text)) end)
  end

  it("takes long for what it is on the machine", function()
    assert.are.equal("10", compute("10l", 4))
    assert.are.equal("10L", compute("10ll", 4))
    assert.are.equal("24u", compute("sizeof(int)", 4))
    assert.are.equal("4294967295u", compute("~0ul", 4))
    assert.are.equal("-1Lu", compute("~0ul", 8))
  end)

  for text, message in pairs{
    ["1 / 0"] = "division by zero", ["1 % 0"] = "division by zero", ["1u / 0u"] = "division by zero",
    ["2147483647 + 1"] = "the result does not fit into an int", ["-2147483647 - 2"] = "the result does not fit into an int",
    ["65536 * 65536"] = "the result does not fit into an int", ["0x7fffffffffffffff + 1"] = "integer overflow",
    ["-0x7fffffffffffffff - 2"] = "integer overflow", ["0x7fffffffffffffff * 2"] = "integer overflow",
    ["(-0x7fffffffffffffff - 1) / -1"] = "integer overflow", ["1 << 32"] = "a shift past the width of its type",
    ["1 << -1"] = "a shift past the width of its type", ["1l << 64"] = "a shift past the width of its type",
    ["3 << 31"] = "integer overflow", ["3l << 63"] = "integer overflow", ["-1 << 1"] = "integer overflow",
    ["18446744073709551616"] = "18446744073709551616 is too large", ["9223372036854775808"] = "9223372036854775808 is too large",
    ["0x10000000000000000"] = "0x10000000000000000 is too large", ["08"] = "no integer: 08", ["1f"] = "no integer: 1f",
    ["1lul"] = "no integer: 1lul", ["'\\q'"] = "unknown character '\\q'",
  } do
    it("refuses " .. text, function()
      local ok, e = pcall(compute, text)
      assert.is_false(ok)
      assert.are.equal(message, e)
    end)
  end

  it("makes values of integers", function()
    assert.are.same({v = 5, wide = false, unsigned = false}, constant.of(5))
    assert.are.same({v = -1, wide = false, unsigned = false}, constant.of(-1))
    assert.are.same({v = -1, wide = true, unsigned = true}, constant.of(-1, true))
    assert.are.same({v = 1 << 40, wide = true, unsigned = false}, constant.of(1 << 40))
    assert.are.same({v = 0x80000000, wide = false, unsigned = true}, constant.of(0x80000000, true))
  end)
end)
