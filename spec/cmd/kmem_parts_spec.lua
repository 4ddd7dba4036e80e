-- SPDX-License-Identifier: BSD-2-Clause
-- Nodes and huge pages; the other parts are asked through the command in kmem_spec.lua.
local harness = require "spec.support.harness"
local kmem_parts = require "kvm.cmd.kmem_parts"
local memory = require "spec.support.memory"

local S = memory.START
local NODES, STATES, CPUS, PER_CPU, NODE, POOL, COUNT = S, S + 0x40, S + 0x60, S + 0xa0, S + 0x100, S + 0x600, S + 0x700
local OFFSET = 0x40 -- of the CPU's own copies

describe("kvm.cmd.kmem_parts", function()
  harness.guard()
  local k
  before_each(function()
    k = memory.open [[
      typedef struct { unsigned long bits[1]; } nodemask_t;
      struct cpumask { unsigned long bits[1]; };
      enum node_states { N_POSSIBLE, N_ONLINE };
      enum zone_stat_item { NR_FREE_PAGES };
      enum node_stat_item { NR_FILE_PAGES, NR_ANON_MAPPED, NR_SHMEM, NR_FILE_DIRTY, NR_SLAB_RECLAIMABLE_B, NR_SLAB_UNRECLAIMABLE_B };
      enum numa_stat_item { NUMA_HIT, NR_VM_NUMA_EVENT_ITEMS };
      struct per_cpu_zonestat { unsigned long vm_numa_event[1]; };
      struct zone { unsigned long present_pages; struct { long counter; } managed_pages, vm_stat[1], vm_numa_event[1];
        struct per_cpu_zonestat *per_cpu_zonestats; };
      struct pglist_data { struct zone node_zones[1]; int node_id; unsigned long node_present_pages, node_spanned_pages, node_start_pfn;
        struct { long counter; } vm_stat[6]; };
      struct hstate { unsigned int order; unsigned long nr_huge_pages, free_huge_pages, resv_huge_pages, surplus_huge_pages;
        unsigned int nr_huge_pages_node[1], free_huge_pages_node[1], surplus_huge_pages_node[1]; char name[32]; };
    ]]
    local symbols = memory.one_cpu(k, CPUS, OFFSET)
    symbols.node_data, symbols.node_states = NODES, STATES
    symbols.hstates, symbols.hugetlb_max_hstate, symbols.default_hstate_idx = POOL, COUNT, COUNT + 4
    memory.symbols(symbols)
    assert(k:write(NODES, ("<i8"):pack(NODE)))
    assert(k:write(STATES, ("<i8i8"):pack(1, 1)))
    memory.set(k, "struct pglist_data", NODE, {node_present_pages = 90, node_spanned_pages = 100, node_start_pfn = 1})
    memory.set(k, "struct zone", NODE, {present_pages = 90, ["managed_pages.counter"] = 80, per_cpu_zonestats = PER_CPU - OFFSET})
    local zone, node = k:type("struct zone"):strip(), k:type("struct pglist_data"):strip()
    assert(k:write(NODE + zone:field("vm_stat").offset, ("<i8i8"):pack(30, 1000)))
    assert(k:write(PER_CPU, ("<i8"):pack(7)))
    assert(k:write(NODE + node:field("vm_stat").offset, ("<i8i8i8i8i8i8"):pack(1, 2, 3, 4, 5, 6)))
    memory.set(k, "struct hstate", POOL, {order = 9, nr_huge_pages = 3, free_huge_pages = 2, resv_huge_pages = 1})
    local pool = k:type("struct hstate"):strip()
    assert(k:write(POOL + pool:field("nr_huge_pages_node").offset, ("<I4I4I4z"):pack(3, 2, 0, "hugepages-2048kB")))
    assert(k:write(COUNT, ("<I4I4"):pack(1, 0)))
  end)
  after_each(memory.forget)

  local function records(part)
    local out = {}
    part(k, function(rec) out[#out + 1] = rec end, {})
    return out
  end

  it("tells of nodes", function()
    assert.are.same({{kind = "node", name = "node 0", node = 0, addr = NODE, present_pages = 90, spanned_pages = 100, start_pfn = 1,
      managed_pages = 80, free_pages = 30, bytes = 80 * 4096, count = 30, events = {numa_hit = 1007},
      pages = {file = 1, anon = 2, shmem = 3, dirty = 4, slab_reclaimable = 5, slab_unreclaimable = 6},
      what = "30 of 80 pages free, anon 2, dirty 4, file 1, shmem 3, slab_reclaimable 5, slab_unreclaimable 6, numa_hit 1007"}},
      records(kmem_parts.nodes))
    assert(k:write(NODES, ("<i8"):pack(memory.UNMAPPED)))
    assert.are.equal("fault", records(kmem_parts.nodes)[1].code)
  end)

  it("tells of huge pages", function()
    local all = {kind = "hugepages", name = "hugepages-2048kB", addr = POOL, count = 3, free_pages = 2, reserved_pages = 1,
      surplus_pages = 0, object_bytes = 2 << 20, bytes = 6 << 20, what = "2 of 3 free, 0 surplus, 1 reserved"}
    local r = records(kmem_parts.hugepages)
    assert.are.same(all, r[1])
    assert.are.same({0, 3, "node 0, 2 of 3 free, 0 surplus"}, {r[2].node, r[2].count, r[2].what})
  end)
end)
