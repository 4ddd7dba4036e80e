-- SPDX-License-Identifier: BSD-2-Clause
local show = require "kvm.cli.shell.show"

describe("kvm.cli.shell.show", function()
  it("shows values", function()
    for _, case in ipairs {
      {1, "1"}, {65536, "65536 (0x10000)"}, {-1, "-1 (0xffffffffffffffff)"}, {1.5, "1.5"}, {true, "true"}, {"a\27[2Jb\n", "a\\x1b[2Jb\n"},
      {{}, "{}"},
      {{1, 2, {a = "x\n"}}, '{1, 2, {a = "x\\n"}}'}, {{b = 1, a = 2, [3] = 4, ["x y"] = 5}, '{[3] = 4, a = 2, b = 1, ["x y"] = 5}'},
      {{{{{}}}}, "{{{{...}}}}"},
    } do
      assert.are.equal(case[2], show.text(case[1]))
    end
  end)

  it("bounds tables, also those that hold themselves", function()
    local t = {}
    t.t = t
    assert.are.equal("{t = {t = {t = {...}}}}", show.text(t))
    local many = {}
    for i = 1, 1000 do many[i] = i end
    assert.matches("200,\n  %.%.%. 800 more\n}$", show.text(many))
  end)
end)
