-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local vmcore_info = require "kvm.linux.vmcore_info"

describe("kvm.linux.vmcore_info", function()
  local k = fake.new {
    note = {["SYMBOL(prb)"] = "ffffffff81000010", ["OFFSET(a.b)"] = "12", ["SIZE(a)"] = "40", ["NUMBER(n)"] = "-5"},
    symbols = {other = 0x77}, types = {["struct a"] = {size = 99, b = 1, c = 20}, ["struct t"] = {size = 8, ["m.n"] = 4}},
  }
  local info = vmcore_info.of(k)

  it("takes what the note has", function()
    assert.are.equal(0xffffffff81000010, info:symbol "prb")
    assert.are.equal(12, info:offset "a.b")
    assert.are.equal(40, info:size "a")
    assert.are.equal(-5, info:number "n")
  end)

  it("asks symbols and types for the rest", function()
    assert.are.equal(0x77, info:symbol "other")
    assert.are.equal(20, info:offset "a.c")
    assert.are.equal(4, info:offset "t.m.n")
    assert.are.equal(8, info:size "t")
  end)

  it("guesses nothing", function()
    assert.is_nil(info:symbol "none")
    assert.is_nil(info:number "none")
    for _, call in ipairs {function() info:offset "a.none" end, function() info:size "none" end} do
      local ok, err = pcall(call)
      assert.are.same({false, "notfound"}, {ok, err.code})
    end
  end)
end)
