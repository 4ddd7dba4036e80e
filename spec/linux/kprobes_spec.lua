-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kprobes = require "kvm.linux.kprobes"
local kvm = require "kvm"
local made = require "spec.support.probes"
local memory = require "spec.support.memory"

describe("kvm.linux.kprobes", function()
  harness.guard()
  local k, set, symbols
  before_each(function()
    k, set, symbols = made.open()
    memory.symbols(symbols)
  end)
  after_each(memory.forget)

  local function all() return memory.collect(kprobes.for_each_kprobe(k), kvm.addr) end

  it("gives the probes, and those that one stands for instead of it", function()
    assert.are.same({made.at.PROBE, made.at.PART, made.at.RETURNING}, (all()))
  end)

  it("gives the functions that a probe calls", function()
    local function handlers(at) return kprobes.handlers(k:object(at, "struct kprobe")) end
    assert.are.same({{kind = "pre", addr = 0x5030}, {kind = "post", addr = 0x1100}}, handlers(made.at.PROBE))
    assert.are.same({{kind = "return", addr = 0x5040}}, handlers(made.at.RETURNING))
    set("kprobe", made.at.PROBE, {pre_handler = 0, post_handler = 0})
    assert.are.same({}, handlers(made.at.PROBE))
  end)

  it("gives none where there are none, and tells damage", function()
    assert(k:write(symbols.kprobe_table, ("\0"):rep(512)))
    assert.are.same({}, (all()))
    assert(k:write(symbols.kprobe_table, ("<I8"):pack(memory.UNMAPPED)))
    assert.are.equal("fault", select(2, all()).code)
    memory.forget()
    local _, err = kvm.try(kprobes.for_each_kprobe, k)
    assert.matches("CONFIG_KPROBES", err.message, 1, true)
  end)
end)
