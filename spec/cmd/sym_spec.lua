-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local sym = require "kvm.cmd.sym"

local function kernel()
  return fake.new {symbols = {alpha = 0xffffffff81000000, add = 0xffffffff82000000}}
end

local function one(word) return sym.run(kernel(), {names = {word}})() end

describe("kvm.cmd.sym", function()
  it("looks up names and addresses", function()
    assert.are.same({name = "alpha", addr = 0xffffffff81000000, size = 8, kind = "D"}, one "alpha")
    local r = one "ffffffff81000012"
    assert.are.same({"alpha", 0x12}, {r.name, r.offset})
    assert.are.equal("ffffffff81000000 D alpha+0x12\n", sym.text(r))
    assert.are.equal("ffffffff81000000 D alpha\n", sym.text(one "alpha"))
    assert.are.equal("00000000000000ff t x\\x1b [m]\n", sym.text {addr = 255, kind = "t", name = "x\27", module = "m"})
  end)

  it("raises for a name that is not there", function()
    local ok, err = pcall(one, "nosuch")
    assert.are.same({false, "notfound"}, {ok, err.code})
  end)

  it("lists names that match a pattern", function()
    local k, asked = kernel(), nil
    rawset(k, "symbols", function(_, pattern)
      asked = pattern
      local list = {{name = "a1", value = 1, size = 0, type = "t"}, {name = "a2", value = 2, size = 0, type = "T", module = "m"}}
      return function() return table.remove(list, 1) end
    end)
    local r = fake.collect(sym.run(k, {pattern = "a*"}))
    assert.are.same({"^a.*$", 2, "m"}, {asked, #r, r[2].module})
  end)

  it("wants something to look for", function()
    local ok, err = pcall(sym.run, kernel(), {})
    assert.is_false(ok)
    assert.matches("needs a name", err.usage)
  end)
end)
