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

  it("gives all by the names of /proc/vmstat, in its order", function()
    local mmzone = require "kvm.linux.mmzone"
    local own, events = mmzone.for_each_populated_zone, mmzone.numa_events
    finally(function() mmzone.for_each_populated_zone, mmzone.numa_events = own, events end)
    k = memory.open [[
      struct cpumask { unsigned long bits[1]; };
      enum zone_stat_item { NR_FREE_PAGES, NR_B, NR_VM_ZONE_STAT_ITEMS };
      enum numa_stat_item { NUMA_HIT, NUMA_MISS, NR_VM_NUMA_STAT_ITEMS };
      enum node_stat_item { NR_A, NR_FILE_PAGES, NR_VM_NODE_STAT_ITEMS };
      enum writeback_stat_item { NR_DIRTY_THRESHOLD, NR_VM_WRITEBACK_STAT_ITEMS };
      enum vm_event_item { PGPGIN, PGFAULT, NR_VM_EVENT_ITEMS };
    ]]
    assert(k:write(CPUS, ("<I8I8I8"):pack(OFFSET, 1, 1)))
    assert(k:write(NODE, ("<i8i8"):pack(1, 200)))
    assert(k:write(ZONE, ("<i8i8"):pack(-5, 3)))
    assert(k:write(EVENTS, ("<i8i8"):pack(10, 20)))
    function mmzone.for_each_populated_zone()
      local zones = {{1}, {2}}
      return function() return table.remove(zones) end
    end
    function mmzone.numa_events(zone) return {NUMA_HIT = 100 * zone[1], NUMA_MISS = zone[1]} end
    local TEXT = S + 0x200
    symbols.vmstat_text = TEXT
    for i, name in ipairs {"nr_free", "nr_b", "numa_hit", "numa_miss", "nr_a", "nr_file", "nr_threshold", "pgpgin", "pgfault"} do
      assert(k:write(TEXT + 8 * (i - 1), ("<I8"):pack(TEXT + 0x100 + 32 * i)))
      assert(k:write(TEXT + 0x100 + 32 * i, name .. "\0"))
    end
    assert.are.same({{"nr_free", 0}, {"nr_b", 3}, {"numa_hit", 300}, {"numa_miss", 3}, {"nr_a", 1}, {"nr_file", 200}, {"pgpgin", 10},
      {"pgfault", 20}}, (memory.collect(vmstat.for_each(k), function(name, n) return {name, n} end)))
    symbols.vmstat_text = nil
    assert.are.equal("notfound", select(2, kvm.try(vmstat.for_each, k)).code)
  end)
end)
