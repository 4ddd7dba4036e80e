-- SPDX-License-Identifier: BSD-2-Clause
local cpu = require "kvm.linux.cpu"
local harness = require "spec.support.harness"
local kvm = require "kvm"
local made = require "spec.support.cpu"
local memory = require "spec.support.memory"

describe("kvm.linux.cpu", function()
  harness.guard()
  after_each(memory.forget)

  for _, topo in ipairs {false, true} do
    it("tells of a CPU, its place " .. (topo and "in a struct of its own" or "beside"), function()
      local k = made.open(topo)
      local info = cpu.info(k, 0)
      assert.are.same({"GenuineIntel", 6, 85}, {info.x86_vendor_id, info.x86, info.x86_model})
      assert.are.same({1, 2}, {cpu.place(info)})
      assert.are.same({{"tsc", "lm"}, {"a_bug"}}, {cpu.flags(info), cpu.bugs(info)})
      assert.are.equal(2500000, cpu.tsc_khz(k))
    end)
  end

  it("takes bugs for what they are by the size of their table", function()
    local k = made.open(true, 512) -- two words of bugs, one of features
    assert.are.same({{"tsc"}}, {cpu.flags(cpu.info(k, 0))})
    for _, bytes in ipairs {0, 255, 3 * 256, 1 << 20} do
      memory.forget()
      k = made.open(true, bytes)
      assert.are.equal("format", select(2, kvm.try(cpu.flags, cpu.info(k, 0))).code)
    end
  end)

  it("raises for a CPU that there is not, and on another machine", function()
    assert.are.equal("inval", select(2, kvm.try(cpu.info, made.open(true), 7)).code)
    memory.forget()
    assert.are.equal("notfound", select(2, kvm.try(cpu.info, memory.open(), 0)).code)
  end)
end)
