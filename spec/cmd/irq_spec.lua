-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local harness = require "spec.support.harness"
local irq = require "kvm.cmd.irq"
local made = require "spec.support.irq"
local memory = require "spec.support.memory"

describe("kvm.cmd.irq", function()
  harness.guard()
  local k, symbols
  before_each(function() k, symbols = made.open() end)
  after_each(memory.forget)

  it("tells of interrupts, and of those that CPUs count", function()
    local r = fake.collect(irq.run(k))
    assert.are.same({irq = 0, name = "0", cpus = {0}, counts = {77}, total = 77, chip = "chip", hwirq = 0, affinity = {0},
      handlers = {"a_handler", "0x99"}, devices = {"TIMER", ""}, addr = made.at.DESC, what = "TIMER (a_handler), ? (0x99)"}, r[1])
    assert.are.same({"NMI", 5, "LOC", 6, 3}, {r[2].name, r[2].total, r[3].name, r[3].total, #r})
    r = fake.collect(irq.run(k, {softirqs = true}))
    assert.are.same({"HI", {7}, "TIMER", {8}}, {r[1].name, r[1].counts, r[2].name, r[2].counts})
  end)

  it("leaves out what nothing handles", function()
    memory.set(k, "struct irq_desc", made.at.DESC, {action = 0})
    assert(k:write(made.at.COUNTS + 0x20, ("<I4"):pack(0)))
    assert.are.equal("NMI", irq.run(k)().name)
    assert.are.equal("0", irq.run(k, {all = true})().name)
  end)

  it("names what can't be read, and goes on behind what is damaged", function()
    memory.set(k, "struct irq_desc", made.at.DESC, {action = memory.UNMAPPED})
    local r = fake.collect(irq.run(k))
    assert.are.same({{"handlers"}, 77}, {r[1].partial, r[1].total})
    memory.set(k, "struct xarray", made.at.TREE, {xa_head = memory.UNMAPPED + 2})
    r = fake.collect(irq.run(k))
    assert.are.same({"fault", "NMI", "LOC"}, {r[1].code, r[2].name, r[3].name})
    symbols.irq_desc_tree = nil
    assert.matches("CONFIG_SPARSE_IRQ", irq.run(k)().stopped)
  end)
end)
