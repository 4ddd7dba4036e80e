-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local image = require "spec.support.image"
local built = require "spec.support.cdef_build"

describe("kvm.cdef.record", function()
  harness.guard()
  local k
  before_each(function() k = harness.open(harness.temp(image.build())) end)

  it("sizes enums by their values, as gcc does", function()
    for body, want in pairs{
      ["A"] = "4 false", ["A = -1"] = "4 true", ["A = 0xffffffff"] = "4 false", ["A = 0x100000000"] = "8 false",
      ["A = -1, B = 0x80000000"] = "8 true", ["A = 0xffffffffffffffff"] = "8 false", ["A = -0x80000001LL"] = "8 true",
    } do
      local t = built.text(k, ("enum e { %s };"):format(body)).e
      assert.are.equal(want, ("%d %s"):format(t.size, t.signed), body)
    end
    for body, want in pairs{
      ["A = 255"] = 1, ["A = 256"] = 2, ["A = -128"] = 1, ["A = -129"] = 2, ["A = -1, B = 128"] = 2, ["A = 65536"] = 4,
    } do
      assert.are.equal(want, built.text(k, ("enum __packed e { %s };"):format(body)).e.size, body)
    end
  end)

  it("counts on from the value before, and remembers constants", function()
    local types, scope = built.text(k, "enum e { A, B = 5, C, D = -2, E, F = 0x7fffffff, G };")
    local values = {}
    for i, v in ipairs(types.e.values) do values[i] = v.name .. "=" .. v.value end
    assert.are.equal("A=0 B=5 C=6 D=-2 E=-1 F=2147483647 G=2147483648", table.concat(values, " "))
    assert.are.equal(6, scope.constants.C.v)
    assert.is_true(scope.constants.G.wide)
  end)

  it("keeps fields with what they ask for", function()
    local t = built.text(k, "struct t { char a; int b:3 __aligned(8), :2; short c __packed offset(33); } size(40);").t
    assert.are.same({true, 8, 3, 64}, {t.fields[2].named, t.fields[2].aligned, t.fields[2].bits, t.fields[2].at})
    assert.are.same({false, 2, 67}, {t.fields[3].named, t.fields[3].bits, t.fields[3].at})
    assert.are.same({true, 33, 264}, {t.fields[4].packed, t.fields[4].offset, t.fields[4].at})
    assert.are.same({40, 8}, {t.size, t.align})
  end)
end)
