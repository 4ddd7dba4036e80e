-- SPDX-License-Identifier: BSD-2-Clause
local checks = require "spec.support.check_context"
local harness = require "spec.support.harness"
local memory = require "spec.support.memory"

local S <const> = memory.START
local BYTES <const>, FIRST <const>, COUNT <const> = 64, 16, 32 -- of a struct page; the page frame of the first; how many there are
local NODE <const>, PER_CPU <const>, NODES <const>, BASES <const>, CPUS <const>, STATES <const>, NAME <const> = S + 0x1000, S + 0x1400,
  S + 0x1500, S + 0x1540, S + 0x1580, S + 0x15c0, S + 0x1600
local OFFSET <const> = 0x40
local BUDDY <const> = 0xf0000000

describe("kvm.linux.check.page_sanity", function()
  harness.guard()
  local k, zone
  local function page(i) return S + BYTES * i end
  local function set(i, members) memory.set(k, "struct page", page(i), members) end
  local function ring(head, node)
    assert(k:write(head, ("<i8i8"):pack(node or head, node or head)))
    if node then assert(k:write(node, ("<i8i8"):pack(head, head))) end
  end
  local function list(order) return zone + k:type "struct zone":strip():field(("free_area[%d].free_list"):format(order)).offset end

  -- Of 32 pages 8 to 15 are free, a block of order 3; 1 is in the list of a CPU; 16 to 19 are a compound page.
  before_each(function()
    k = memory.open [[
      typedef struct { unsigned long bits[1]; } nodemask_t; struct cpumask { unsigned long bits[1]; };
      enum node_states { N_POSSIBLE, N_ONLINE }; enum zone_type { ZONE_DMA, ZONE_DMA32, ZONE_NORMAL, __MAX_NR_ZONES };
      enum pageflags { PG_locked, PG_lru, PG_head, __NR_PAGEFLAGS };
      enum pagetype { PGTY_buddy = 0xf0, PGTY_slab = 0xf5, PGTY_mapcount_underflow = 0xff };
      struct page { unsigned long flags; union { unsigned long compound_head; struct list_head buddy_list, pcp_list; };
        void *mapping; unsigned long index, private; unsigned int page_type; int _refcount; unsigned long memcg_data; };
      struct free_area { struct list_head free_list[1]; unsigned long nr_free; };
      struct per_cpu_pages { int count; struct list_head lists[1]; };
      struct zone { struct per_cpu_pages *per_cpu_pageset; unsigned long present_pages; const char *name; struct free_area free_area[4]; };
      struct pglist_data { int node_id; int nr_zones; struct zone node_zones[1]; };]]
    assert(k:write(S, ("\0"):rep(memory.SIZE)))
    local symbols = memory.one_cpu(k, CPUS, OFFSET)
    for name, at in pairs {node_data = NODES, node_states = STATES, vmemmap_base = BASES, page_offset_base = BASES + 8,
      max_pfn = BASES + 16} do symbols[name] = at end
    memory.symbols(symbols)
    assert(k:write(BASES, ("<i8i8i8"):pack(S - BYTES * FIRST, S, FIRST + COUNT)))
    assert(k:write(NODES, ("<i8"):pack(NODE)))
    assert(k:write(STATES, ("<i8i8"):pack(1, 1)))
    assert(k:write(NAME, "Normal\0"))
    zone = NODE + k:type "struct pglist_data":strip():field("node_zones").offset
    memory.set(k, "struct zone", zone, {present_pages = COUNT, name = NAME, per_cpu_pageset = PER_CPU - OFFSET})
    for i = 0, COUNT - 1 do set(i, {page_type = 0xffffffff, _refcount = i >= 8 and i < 16 and 0 or 1}) end
    for order = 0, 2 do ring(list(order)) end
    ring(list(3), page(8) + 8)
    set(8, {page_type = BUDDY, private = 3})
    set(1, {_refcount = 0})
    ring(PER_CPU + 8, page(1) + 8)
    set(16, {flags = 4})
    for i = 17, 19 do set(i, {compound_head = page(16) + 1}) end
  end)
  after_each(memory.forget)

  local function run(tasks)
    local context = checks.new(k, {task_list = tasks or {}})
    function context.is_panic() return false end
    function context.task_text(_, t) return ("pid %d (%s)"):format(t.pid, t.comm) end
    return checks.run("page_sanity", context)
  end
  local function is_told(title, evidence)
    local f, err = run()
    assert.is_nil(err)
    assert.are.same({1, "critical", "certain"}, {#f, f[1].severity, f[1].confidence})
    assert.matches(title, f[1].title, 1, true)
    assert.matches(evidence, f[1].evidence[1], 1, true)
  end

  it("is quiet about sound pages", function()
    assert.are.same({{}, nil}, {run()})
  end)

  it("finds free pages that have a reference, a mapping or flags", function()
    set(11, {_refcount = 1})
    is_told(("free page in use, 0x%x"):format(page(11)), "(page frame 0x1b): free list of order 3, migrate type 0, zone Normal: refcount 1")
    set(11, {_refcount = 0, page_type = 0})
    is_told("free page in use", "page_type or mapcount 0x0")
    set(11, {page_type = 0xffffffff, flags = 3})
    is_told("free page in use", "flags locked|lru")
  end)

  it("finds those among the ones of a CPU", function()
    set(1, {_refcount = 2})
    is_told("free page in use", "list 0 of CPU 0, zone Normal: refcount 2")
  end)

  it("finds blocks that are not what their list says", function()
    set(8, {page_type = 0xffffffff})
    is_told("block in a free list that is not marked free", "page_type 0xffffffff, refcount 0")
    set(8, {page_type = BUDDY, private = 2})
    is_told("free block of another order than its list", "private is 2")
    set(8, {private = 3, _refcount = 7})
    is_told("free page in use", "refcount 7")
  end)

  it("finds a block that lies where its order does not fit", function()
    set(8, {page_type = 0xffffffff})
    set(9, {page_type = BUDDY, private = 2})
    for i = 16, 19 do set(i, {flags = 0, compound_head = 0}) end
    ring(list(3))
    ring(list(2), page(9) + 8)
    is_told("free block that lies where its order does not fit", "free list of order 2")
  end)

  it("finds broken lists", function()
    assert(k:write(page(8) + 16, ("<i8"):pack(0xdead000000000122)))
    is_told("broken list of free pages", "leads back to 0xdead000000000122 (deleted list entry (LIST_POISON2))")
  end)

  it("finds compound pages without a head", function()
    set(16, {flags = 0})
    local f = run()
    assert.are.equal(1, #f)
    assert.matches("page of a compound page whose head is none", f[1].title)
    set(16, {flags = 4})
    for i = 17, 19 do set(i, {compound_head = 0}) end
    is_told("head of a compound page that has no second page", "leads to 0x0")
    set(17, {compound_head = page(20) + 1})
    f = run()
    assert.matches("head of a compound page that has no second page", f[1].title)
    assert.matches("page of a compound page whose head is none", f[2].title)
  end)

  it("takes what a CPU has not finished for no damage", function()
    set(11, {_refcount = 1})
    local f = run {{pid = 3, comm = "x", on_cpu = 0, functions = {"get_page_from_freelist"}}}
    assert.are.same({"info", "possible"}, {f[1].severity, f[1].confidence})
  end)
end)
