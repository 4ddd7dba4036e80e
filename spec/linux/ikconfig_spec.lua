-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local ikconfig = require "kvm.linux.ikconfig"
local kvm = require "kvm"
local memory = require "spec.support.memory"

local TEXT <const> = '#\n# General\n#\nCONFIG_SMP=y\n# CONFIG_KASAN is not set\nCONFIG_NAME="a \\"b\\""\nCONFIG_HZ=250\n\n'

local function gzip(text)
  local pipe = assert(io.popen(("gzip -n <'%s'"):format(harness.temp(text))))
  local bytes = pipe:read "a"
  assert(pipe:close())
  return bytes
end

describe("kvm.linux.ikconfig", function()
  harness.guard()
  after_each(memory.forget)

  local function open(packed, first, last)
    local k, at = memory.open(), memory.START + 8
    assert(k:write(at - 8, (first or "IKCFG_ST") .. packed .. (last or "IKCFG_ED")))
    memory.symbols {kernel_config_data = at, kernel_config_data_end = at + #packed}
    return k
  end

  it("gives the configuration and its options", function()
    local k = open(gzip(TEXT))
    assert.are.equal(TEXT, ikconfig.text(k))
    assert.are.same({{"CONFIG_SMP", "y"}, {"CONFIG_KASAN", "n"}, {"CONFIG_NAME", '"a \\"b\\""'}, {"CONFIG_HZ", "250"}},
      (memory.collect(ikconfig.for_each(k), function(name, value) return {name, value} end)))
  end)

  it("tells what is damaged", function()
    local packed = gzip(TEXT)
    for _, k in ipairs {open(packed, "IKCFG_XX"), open(packed, nil, "IKCFG_XX"), open(packed:sub(1, -9) .. ("x"):rep(8))} do
      assert.are.equal("format", select(2, kvm.try(ikconfig.text, k)).code)
    end
    local k = open(packed)
    for _, size in ipairs {-1, 1 << 30} do
      memory.symbols {kernel_config_data = memory.START, kernel_config_data_end = memory.START + size}
      assert.matches("a packed configuration of", select(2, kvm.try(ikconfig.text, k)).message)
    end
  end)

  it("says when a kernel has none", function()
    local _, err = kvm.try(ikconfig.for_each, memory.open())
    assert.are.equal("this kernel has no configuration in memory (CONFIG_IKCONFIG): no symbol kernel_config_data", err.message)
  end)
end)
