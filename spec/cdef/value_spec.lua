-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local image = require "spec.support.image"
local built = require "spec.support.cdef_build"

describe("kvm.cdef.value", function()
  harness.guard()
  local k
  before_each(function() k = harness.open(harness.temp(image.build())) end)

  local function value(expr, before)
    local _, scope = built.text(k, ("%s\nenum { RESULT = %s };"):format(before or "", expr))
    return scope.constants.RESULT.v
  end

  it("asks types for sizes, alignments and offsets", function()
    local text = "struct in { char a; struct { long b[3]; struct list_head l; }; struct thing t[2]; };"
    for expr, want in pairs{
      ["sizeof(struct in)"] = 144, ["sizeof(struct thing)"] = 48, ["sizeof(char [3][4])"] = 12, ["sizeof(void *)"] = 8,
      ["_Alignof(struct in)"] = 8, ["__alignof__(short)"] = 2, ["offsetof(struct in, b)"] = 8, ["offsetof(struct in, b[2])"] = 24,
      ["offsetof(struct in, l.prev)"] = 40, ["__builtin_offsetof(struct in, t[1].name[3])"] = 48 + 48 + 16 + 3,
      ["offsetof(struct thing, list.next)"] = 0,
    } do
      assert.are.equal(want, value(expr, text), expr)
    end
  end)

  it("computes macros where they are used", function()
    assert.are.equal(5, value("A", "#define A B + 2\n#define B 3"))
    assert.are.equal(7, value("A * 2 - 3", "#define A 5"))
    assert.are.equal(4, value("A", "#define A 3\n#define A 4"))
    assert.are.equal(24, value("SIZE", "#define SIZE sizeof(struct t)\nstruct t { long a[3]; };"))
  end)

  it("does not take bit fields and what is not there for a place", function()
    for _, expr in ipairs{"offsetof(struct thing, high)", "offsetof(struct thing, none)", "offsetof(struct thing, pid.x)",
      "offsetof(struct thing, pid[2])", "offsetof(int, x)"} do
      local ok, e = pcall(value, expr)
      assert.is_false(ok)
      assert.matches("offsetof: ", e.message, 1, true)
    end
  end)
end)
