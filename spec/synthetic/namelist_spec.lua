-- SPDX-License-Identifier: BSD-2-Clause
-- A namelist beside the dump: its symbols, moved by the KASLR offset, and its types where the kernel has none in memory.
local harness = require "spec.support.harness"
local linux = require "spec.support.build.linux"
local support = require "spec.support.compile"

local SOURCE <const> = [[
struct inner { unsigned char low : 3, high : 5; };
struct only_in_the_namelist { int first; struct inner inner[3]; char name[16]; long *next; };
struct only_in_the_namelist sample_variable;
int sample_function(void) { return sample_variable.first; }
]]

local function compile(flags)
  return support.elf(SOURCE, flags)
end

describe("a namelist", function()
  harness.guard()

  local function open(kernel, flags)
    return harness.open{core = harness.temp(kernel:elf()), namelist = compile(flags)}
  end

  it("gives symbols, moved by the KASLR offset", function()
    local k = open(linux.build(), "-Wl,--build-id=none")
    local offset = k:info().kaslr_offset
    assert.is_true(offset > 0)
    local symbol = assert(k:symbol "sample_function")
    assert.are.equal(math.tointeger(0xffffffff81000000) + offset, symbol.value)
    assert.are.equal("T", symbol.type)
    local found, distance = k:symbol(symbol.value + 1)
    assert.are.equal("sample_function", found.name)
    assert.are.equal(1, distance)
  end)

  it("gives types from its DWARF when the kernel has no BTF", function()
    local k = open(linux.build{no_btf = true}, "-Wl,--build-id=none")
    local t = assert(k:type "struct only_in_the_namelist")
    assert.are.equal("DWARF", k:info{full = true}.types_from)
    assert.are.equal(32, t:size())
    assert.are.equal(4, t:field "inner".offset)
    assert.are.same({48, 3}, {t:field "inner[2].low".bit_offset, t:field "inner[2].low".bit_size})
    assert.are.equal("long int *", t:field "next".type:spell())
  end)

  it("is refused when it is of another build", function()
    local core = harness.temp(linux.build():elf())
    local k, message, code = require "kvm.core".open{core = core, namelist = compile "-Wl,--build-id=0x0123456789abcdef"}
    assert.is_nil(k)
    assert.are.equal("inval", code)
    assert.matches("build id 0123456789abcdef, but the core's kernel has %x+", message)
  end)
end)
