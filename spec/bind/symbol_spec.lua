-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local badargs = require "spec.support.badargs"
local image = require "spec.support.image"

describe("symbols", function()
  harness.guard()
  local CORE = image.build()
  local k
  before_each(function() k = harness.open(harness.temp(CORE)) end)

  it("are looked up by nlist", function()
    local found, missing = k:nlist{"do_thing", "no_such", "linux_banner", "neither"}
    assert.are.same({
      do_thing = {value = image.TEXT + 0x100, type = "t", size = 0x80},
      linux_banner = {value = image.TEXT + 0x2000, type = "D", size = 0x100},
    }, found)
    assert.are.same({"no_such", "neither"}, missing)
    assert.are.same({{}, {}}, {k:nlist{}})
  end)

  it("are looked up by name", function()
    local sym, offset = k:symbol("do_thing")
    assert.are.same({name = "do_thing", value = image.TEXT + 0x100, type = "t", size = 0x80}, sym)
    assert.are.equal(0, offset)
  end)

  it("are looked up by an address in them", function()
    for off = 0, 0x7f, 0x7f do
      local sym, offset = k:symbol(image.TEXT + 0x100 + off)
      assert.are.equal("do_thing", sym.name)
      assert.are.equal(off, offset)
    end
    assert.are.equal("do_other_thing", k:symbol(image.TEXT + 0x180).name)
  end)

  it("are notfound when they are not there", function()
    local sym, message, code = k:symbol("no_such")
    assert.is_nil(sym)
    assert.matches("no symbol no_such", message, 1, true)
    assert.are.equal("notfound", code)
    sym, message, code = k:symbol(image.DATA)
    assert.is_nil(sym)
    assert.matches("no symbol at 0x", message, 1, true)
    assert.are.equal("notfound", code)
  end)

  it("are iterated in the order of the table", function()
    local last, count = image.TEXT, 0
    for sym in k:symbols() do
      assert.is_true(sym.value >= last)
      assert.are.equal(sym.value, k:symbol(sym.name).value)
      last, count = sym.value, count + 1
    end
    assert.are.equal(11, count)
  end)

  it("are filtered by a Lua pattern", function()
    local names = {}
    for sym in k:symbols("^do_.*thing$") do names[#names + 1] = sym.name end
    assert.are.same({"do_thing", "do_other_thing"}, names)
    assert.is_nil(k:symbols("nothing has this name")())
  end)

  it("can be iterated in part", function()
    for sym in k:symbols() do
      if sym.name == "_stext" then break end
    end
    local step = k:symbols()
    step()
    assert.is_table(step())
  end)

  it("end with nil, and go on doing so", function()
    local step = k:symbols("^_end$")
    assert.are.equal("_end", step().name)
    assert.is_nil(step())
    assert.is_nil(step())
  end)

  it("raise for wrong arguments", function()
    assert.is_true(badargs.check(k.nlist, "nlist", {k, {"x"}}, {"any", "table"}) > 5)
    assert.is_true(badargs.check(k.symbol, "symbol", {k, "x"}, {"any", "string|integer"}) > 4)
    assert.is_true(badargs.check(k.symbols, "symbols", {k, "x"}, {"any", "?string"}) > 4)
    assert.has_error(function() k:nlist{"a", 2} end, "bad name #2 to 'nlist' (string expected, got number)")
    local step = k:symbols("[")
    assert.has_error(step, "malformed pattern (missing ']')")
  end)

  it("are told to be missing where the dump has no table of them", function()
    local bare = CORE:gsub("SYMBOL%(kallsyms_names%)", "SYMBOL(kallsyms_namez)")
    local h = harness.open(harness.temp(bare))
    local found, message, code = h:nlist{"do_thing"}
    assert.is_nil(found)
    assert.matches("kallsyms", message, 1, true)
    assert.is_string(code)
    local step = h:symbols()
    local ok, err = pcall(step)
    assert.is_false(ok)
    assert.matches("kallsyms", err.message, 1, true)
    assert.is_nil(step())
  end)
end)
