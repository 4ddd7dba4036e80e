-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local memory = require "spec.support.memory"
local vmstat = require "kvm.linux.vmstat"

local S = memory.START
local NODE, ZONE, EVENTS, CPUS, OFFSET = S, S + 0x40, S + 0x80, S + 0xc0, 0x40

describe("kvm.linux.vmstat", function()
  harness.guard()
  local k, symbols
  before_each(function()
    k = memory.open [[
      struct cpumask { unsigned long bits[1]; };
      enum node_stat_item { NR_A, NR_FILE_PAGES, NR_VM_NODE_STAT_ITEMS };
      enum zone_stat_item { NR_FREE_PAGES, NR_B };
      enum vm_event_item { PGPGIN, PGFAULT, NR_VM_EVENT_ITEMS };
    ]]
    symbols = memory.one_cpu(k, CPUS, OFFSET)
    symbols.vm_node_stat, symbols.vm_zone_stat, symbols.vm_event_states = NODE, ZONE, EVENTS - OFFSET
    memory.symbols(symbols)
    assert(k:write(NODE, ("<i8i8"):pack(1, 200)))
    assert(k:write(ZONE, ("<i8i8"):pack(-5, 3)))
    assert(k:write(EVENTS, ("<i8i8"):pack(10, 20)))
  end)
  after_each(memory.forget)

  it("gives counters by name, none below 0", function()
    assert.are.same({200, 0, 3}, {vmstat.node_page_state(k, "NR_FILE_PAGES"), vmstat.zone_page_state(k, "NR_FREE_PAGES"),
      vmstat.zone_page_state(k, "NR_B")})
    assert.are.same({PGPGIN = 10, PGFAULT = 20}, vmstat.events(k))
    assert.are.same({true, false}, {vmstat.has(k, "node_stat_item", "NR_A"), vmstat.has(k, "zone_stat_item", "NR_A")})
  end)

  it("says what a kernel lacks", function()
    local _, err = kvm.try(vmstat.node_page_state, k, "NR_NOTHING")
    assert.are.same({"notfound", "this kernel has no counter NR_NOTHING"}, {err.code, err.message})
    symbols.vm_event_states = nil
    _, err = kvm.try(vmstat.events, k)
    assert.matches("^this kernel has no event counters %(CONFIG_VM_EVENT_COUNTERS%)", err.message)
  end)
end)
