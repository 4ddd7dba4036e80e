-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local meminfo = require "kvm.linux.meminfo"
local memory = require "spec.support.memory"

local S = memory.START
local NODE, ZONE, RAM, SWAP, HUGE, CPUS = S, S + 0x80, S + 0x100, S + 0x108, S + 0x200, S + 0x140

describe("kvm.linux.meminfo", function()
  harness.guard()
  local k, symbols
  before_each(function()
    k = memory.open [[
      struct cpumask { unsigned long bits[1]; };
      enum node_stat_item { NR_ACTIVE_ANON, NR_INACTIVE_ANON, NR_ACTIVE_FILE, NR_INACTIVE_FILE, NR_KERNEL_STACK_KB, NR_SWAPCACHE };
      enum zone_stat_item { NR_FREE_PAGES, NR_MLOCK, NR_PAGETABLE };
      struct hstate { unsigned int order; unsigned long nr_huge_pages, free_huge_pages, resv_huge_pages, surplus_huge_pages; };
    ]]
    symbols = memory.one_cpu(k, CPUS, 0)
    symbols.vm_node_stat, symbols.vm_zone_stat, symbols._totalram_pages, symbols.total_swap_pages = NODE, ZONE, RAM, SWAP
    symbols.hstates, symbols.hugetlb_max_hstate, symbols.default_hstate_idx = HUGE, S + 0x120, S + 0x124
    memory.symbols(symbols)
    assert(k:write(NODE, ("<i8i8i8i8i8i8"):pack(10, 20, 30, 40, 50, 60)))
    assert(k:write(ZONE, ("<i8i8i8"):pack(1000, 2, 3)))
    assert(k:write(RAM, ("<i8i8"):pack(5000, -1)))
    assert(k:write(S + 0x120, ("<I4I4"):pack(2, 1)))
    local size = k:type("struct hstate"):size()
    memory.set(k, "struct hstate", HUGE, {order = 18, nr_huge_pages = 1})
    memory.set(k, "struct hstate", HUGE + size, {order = 9, nr_huge_pages = 3, free_huge_pages = 2})
  end)
  after_each(memory.forget)

  it("gives lines in bytes, and of huge pages in pages", function()
    local all = meminfo.all(k)
    for name, want in pairs {
      MemTotal = 5000 * 4096, MemFree = 1000 * 4096, SwapTotal = 0, Active = 40 * 4096, Inactive = 60 * 4096, ["Active(file)"] = 30 * 4096,
      KernelStack = 50 * 1024, SwapCached = 60 * 4096, Mlocked = 2 * 4096, PageTables = 3 * 4096, HugePages_Total = 3, HugePages_Free = 2,
      HugePages_Rsvd = 0, Hugepagesize = 2 << 20, Hugetlb = (1 << 30) + (6 << 20),
    } do
      assert.are.equal(want, all[name], name)
    end
  end)

  it("names the lines that it can't tell, and why", function()
    local seen = {}
    for name, value, err in meminfo.for_each(k) do
      if err then
        assert.is_nil(value)
        seen[name] = err.code
      end
    end
    assert.are.equal("notfound", seen.Buffers)
    assert.are.equal("notfound", seen.MemAvailable)
    assert.is_nil(seen.MemFree)
    assert.is_nil(meminfo.all(k).Dirty) -- this kernel has no such counter: no line
  end)
end)
