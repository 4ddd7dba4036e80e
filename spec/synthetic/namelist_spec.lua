-- SPDX-License-Identifier: BSD-2-Clause
-- A namelist beside the dump: its symbols, moved by the KASLR offset, and its types where the kernel has none in memory.
local harness = require "spec.support.harness"
local linux = require "spec.support.build.linux"

local SOURCE <const> = [[
struct inner { unsigned char low : 3, high : 5; };
struct only_in_the_namelist { int first; struct inner inner[3]; char name[16]; long *next; };
struct only_in_the_namelist sample_variable;
int sample_function(void) { return sample_variable.first; }
]]

-- An ELF file linked where a kernel is, from SOURCE.
local function compile(flags)
  local c, elf = harness.temp(SOURCE), harness.temp()
  local command = ("%s -x c %s -g -O1 -nostdlib -static -fno-pie -no-pie -mcmodel=kernel %s -Wl,-e,0 "
    .. "-Wl,-Ttext=0xffffffff81000000 -o %s 2>&1"):format(os.getenv "CC" or "cc", c, flags, elf)
  local pipe = assert(io.popen(command))
  local text = pipe:read "a"
  assert(pipe:close(), text)
  return elf
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
