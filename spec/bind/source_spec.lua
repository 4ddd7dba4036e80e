-- SPDX-License-Identifier: BSD-2-Clause
local badargs = require "spec.support.badargs"
local compile = require "spec.support.compile"
local harness = require "spec.support.harness"
local linux = require "spec.support.build.linux"

local SOURCE <const> = [[
#line 1 "kernel/sample.c"
static inline __attribute__((always_inline)) int inner(volatile int *p) {
  return *p;
}
int outer(volatile int *p) {
  return inner(p + 4) + 1;
}
static int twins = 1;
int other(int v) { return twins += v; }
]]

describe("source lines", function()
  harness.guard()

  local function open(source)
    return harness.open{core = harness.temp(linux.build():elf()), namelist = compile.elf(source, "-Wl,--build-id=none")}
  end

  it("are told from the innermost function outwards", function()
    local k = open(SOURCE)
    local seen
    for addr = k:symbol "outer".value, k:symbol "other".value - 1 do
      local places = k:source(addr)
      if places and #places == 2 then seen = places end
    end
    assert.is_table(seen)
    local inner, outer = seen[1], seen[2]
    assert.are.same({"inner", 2, true}, {inner.name, inner.line, inner.inlined})
    assert.are.same({"outer", 5, 10, false}, {outer.name, outer.line, outer.column, outer.inlined})
    for _, place in ipairs(seen) do assert.matches("kernel/sample.c$", place.file) end
  end)

  it("of the bytes between functions have the name of the symbol", function()
    local k = open [[
      __asm__(".globl by_hand\nby_hand: nop\nnop\n");
      int other(int v) { return v + 1; }]]
    local places = k:source(k:symbol "by_hand".value)
    assert.are.equal("by_hand", assert(places)[1].name)
  end)

  it("are notfound where no code is, and without a debug file", function()
    local k = open(SOURCE)
    for _, addr in ipairs{0, 1, -1, k:symbol "init_uts_ns".value} do
      local places, message, code = k:source(addr)
      assert.is_nil(places, message)
      assert.are.equal("notfound", code)
    end
    local bare = harness.open{core = harness.temp(linux.build():elf()), debug_dir = "/nonexistent"}
    local places, message, code = bare:source(bare:symbol "schedule".value)
    assert.is_nil(places)
    assert.are.equal("notfound", code)
    assert.matches("no debug file with build id", message, 1, true)
  end)

  it("need an address, and an open handle", function()
    local k = open(SOURCE)
    assert.is_true(badargs.check(k.source, "source", {k, 1}, {"handle", "integer"}) > 3)
    assert.is_true(badargs.check(k.variable, "variable", {k, "x"}, {"handle", "string|number|integer"}) > 3)
    k:close()
    assert.error_matches(function() k:source(1) end, "closed")
    assert.error_matches(function() k:variable "x" end, "closed")
  end)
end)

describe("the type of a variable", function()
  harness.guard()

  it("is found, of static ones too", function()
    local k = harness.open{
      core = harness.temp(linux.build():elf()), namelist = compile.elf(SOURCE, "-Wl,--build-id=none"),
    }
    assert.are.equal("int", k:variable "twins":spell())
    local t, message, code = k:variable "outer"
    assert.is_nil(t)
    assert.are.equal("notfound", code)
    assert.matches("outer", message, 1, true)
    assert.are.equal("notfound", (select(3, k:variable("twins", "no_module"))))
  end)
end)
