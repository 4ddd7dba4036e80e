-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local irq = require "kvm.linux.irq"
local kvm = require "kvm"
local made = require "spec.support.irq"
local memory = require "spec.support.memory"

local TREE, DESC, ACTION = made.at.TREE, made.at.DESC, made.at.ACTION

describe("kvm.linux.irq", function()
  harness.guard()
  local k, symbols, desc

  before_each(function() k, symbols, desc = made.open() end)
  after_each(memory.forget)

  it("gives interrupts with counts, actions and CPUs", function()
    assert.are.same({{0, DESC}}, (memory.collect(irq.for_each_irq_desc(k), function(n, d) return {n, kvm.addr(d)} end)))
    assert.are.same({77}, irq.counts(desc, {0}))
    assert.are.same({{name = "TIMER", handler = "a_handler", addr = ACTION}, {handler = "0x99", addr = ACTION + 0x20}}, irq.actions(desc))
    assert.are.same({{0}, nil}, {irq.affinity(desc)}) -- of the mask's two CPUs there can be one
    assert.are.equal("chip", irq.chip(desc))
  end)

  it("gives what CPUs count by themselves, and softirqs", function()
    assert.are.same({{name = "NMI", what = "Non-maskable interrupts", counts = {5}}, {name = "LOC", what = "Local timer interrupts",
      counts = {6}}}, irq.of_cpus(k, {0}))
    assert.are.same({{name = "HI", counts = {7}}, {name = "TIMER", counts = {8}}}, irq.softirqs(k, {0}))
  end)

  it("stops where it is damaged", function()
    memory.set(k, "struct irqaction", ACTION + 0x20, {next = ACTION})
    local _, err = kvm.try(irq.actions, desc)
    assert.are.same({"format"}, {err.code})
    memory.set(k, "struct xarray", TREE, {xa_head = memory.UNMAPPED + 2})
    local got
    got, err = memory.collect(irq.for_each_irq_desc(k))
    assert.are.same({{}, "fault"}, {got, err.code})
  end)

  it("says what a kernel lacks", function()
    symbols.irq_desc_tree = nil
    local _, err = kvm.try(irq.for_each_irq_desc, k)
    assert.matches("^this kernel has no tree of interrupts %(CONFIG_SPARSE_IRQ%)", err.message)
  end)
end)
