-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local memory = require "spec.support.memory"
local mmzone = require "kvm.linux.mmzone"

local S = memory.START
local NODES, STATES, CPUS, PER_CPU, NODE = S, S + 0x40, S + 0x60, S + 0xa0, S + 0x100
local OFFSET = 0x40 -- of the CPU's own copies

describe("kvm.linux.mmzone", function()
  harness.guard()
  local k, symbols, zone
  before_each(function()
    k = memory.open [[
      typedef struct { unsigned long bits[1]; } nodemask_t;
      enum node_states { N_POSSIBLE, N_ONLINE };
      enum zone_stat_item { NR_FREE_PAGES };
      enum node_stat_item { NR_LRU_BASE, NR_FILE_PAGES };
      enum numa_stat_item { NUMA_HIT, NUMA_MISS, NR_VM_NUMA_EVENT_ITEMS };
      struct cpumask { unsigned long bits[1]; };
      struct per_cpu_zonestat { signed char vm_stat_diff[8]; unsigned long vm_numa_event[2]; };
      struct free_area { unsigned long nr_free; };
      struct zone { unsigned long present_pages, _watermark[3], watermark_boost; struct free_area free_area[3];
        struct { long counter; } vm_stat[1], vm_numa_event[2]; struct per_cpu_zonestat *per_cpu_zonestats; };
      struct pglist_data { struct zone node_zones[2]; int node_id, nr_zones; struct { long counter; } vm_stat[2]; };
    ]]
    symbols = memory.one_cpu(k, CPUS, OFFSET)
    symbols.node_data, symbols.node_states = NODES, STATES
    memory.symbols(symbols)
    assert(k:write(NODES, ("<I8I8"):pack(0, NODE)))
    assert(k:write(STATES, ("<I8I8"):pack(3, 2))) -- possible: 0 and 1; online: 1
    memory.set(k, "struct pglist_data", NODE, {node_id = 1, nr_zones = 2})
    local at = NODE + k:type("struct zone"):size()
    memory.set(k, "struct zone", at, {present_pages = 100, watermark_boost = 2})
    local z = k:type("struct zone"):strip()
    assert(k:write(at + z:field("_watermark").offset, ("<I8I8I8"):pack(10, 20, 30)))
    assert(k:write(at + z:field("free_area").offset, ("<I8I8I8"):pack(1, 0, 4)))
    assert(k:write(at + z:field("vm_stat").offset, ("<I8"):pack(17)))
    zone = k:object(at, "struct zone")
  end)
  after_each(memory.forget)

  it("gives nodes that are online, and zones that have memory", function()
    assert.are.same({NODE}, (memory.collect(mmzone.for_each_node(k), kvm.addr)))
    assert.are.same({{kvm.addr(zone), 1}}, (memory.collect(mmzone.for_each_populated_zone(k), function(z, n) return {kvm.addr(z), n} end)))
    symbols.node_data, symbols.contig_page_data = nil, NODE
    assert.are.same({NODE}, (memory.collect(mmzone.for_each_node(k), kvm.addr)))
  end)

  it("tells free blocks, counters and watermarks", function()
    assert.are.same({1, 0, 4}, mmzone.free_blocks(zone))
    assert.are.equal(17, mmzone.page_state(zone, "NR_FREE_PAGES"))
    assert.are.same({12, 22, 32}, {mmzone.watermarks(zone)})
    local _, err = kvm.try(mmzone.page_state, zone, "NR_NOTHING")
    assert.are.equal("notfound", err.code)
  end)

  it("tells a node's counters and what NUMA counts", function()
    memory.set(k, "struct zone", kvm.addr(zone), {per_cpu_zonestats = PER_CPU - OFFSET})
    local t = k:type("struct zone"):strip()
    assert(k:write(kvm.addr(zone) + t:field("vm_numa_event").offset, ("<i8i8"):pack(100, 2)))
    assert(k:write(PER_CPU + 8, ("<i8i8"):pack(11, 3)))
    assert.are.same({NUMA_HIT = 111, NUMA_MISS = 5}, mmzone.numa_events(zone))
    local node = mmzone.for_each_node(k)()
    assert(k:write(kvm.addr(node, "vm_stat"), ("<i8i8"):pack(1, 77)))
    assert.are.equal(77, mmzone.node_state(node, "NR_FILE_PAGES"))
    local _, err = kvm.try(mmzone.node_state, node, "NR_NOTHING")
    assert.are.equal("notfound", err.code)
  end)

  it("counts the pages that CPUs keep", function()
    for _, layout in ipairs {{member = "per_cpu_pageset", declarations = "struct per_cpu_pages { int pad, count; };" },
      {member = "pageset",
        declarations = "struct per_cpu_pages { int count; }; struct per_cpu_pageset { int pad; struct per_cpu_pages pcp; };"}} do
      local own = memory.open(("struct cpumask { unsigned long bits[1]; }; %s struct zone { struct %s *%s; };"):format(layout.declarations,
        layout.member == "pageset" and "per_cpu_pageset" or "per_cpu_pages", layout.member))
      memory.symbols(memory.one_cpu(own, CPUS, OFFSET))
      assert(own:write(S, ("<i8"):pack(PER_CPU - OFFSET)))
      assert(own:write(PER_CPU, ("<i4i4"):pack(0, 31)))
      assert.are.equal(31, mmzone.pages_of_cpus(own:object(S, "struct zone")))
      local cpu, pages = mmzone.for_each_cpu(own:object(S, "struct zone"))()
      assert.are.same({0, 31}, {cpu, pages.count})
    end
    local _, err = kvm.try(mmzone.pages_of_cpus, zone)
    assert.are.equal("notfound", err.code)
  end)

  it("stops where a node is not there", function()
    assert(k:write(NODES, ("<I8I8"):pack(0, memory.UNMAPPED)))
    local got, err = memory.collect(mmzone.for_each_populated_zone(k))
    assert.are.same({{}, "fault"}, {got, err.code})
  end)
end)
