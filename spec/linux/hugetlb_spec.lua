-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local hugetlb = require "kvm.linux.hugetlb"
local kvm = require "kvm"
local memory = require "spec.support.memory"

local S = memory.START
local POOLS, COUNT = S, S + 0x400

describe("kvm.linux.hugetlb", function()
  harness.guard()
  local k, symbols
  before_each(function()
    k = memory.open [[
      struct hstate { unsigned int order; unsigned long nr_huge_pages, free_huge_pages, resv_huge_pages, surplus_huge_pages;
        unsigned int nr_huge_pages_node[2], free_huge_pages_node[2], surplus_huge_pages_node[2]; };
    ]]
    symbols = {hstates = POOLS, hugetlb_max_hstate = COUNT, default_hstate_idx = COUNT + 4}
    memory.symbols(symbols)
    assert(k:write(COUNT, ("<I4I4"):pack(2, 1)))
    local t = k:type "struct hstate"
    memory.set(k, "struct hstate", POOLS, {order = 18, nr_huge_pages = 1})
    memory.set(k, "struct hstate", POOLS + t:size(), {order = 9, nr_huge_pages = 5, free_huge_pages = 4, resv_huge_pages = 3,
      surplus_huge_pages = 2})
    assert(k:write(POOLS + t:size() + t:strip():field("nr_huge_pages_node").offset, ("<I4I4I4I4I4I4"):pack(1, 4, 0, 3, 0, 2)))
  end)
  after_each(memory.forget)

  it("gives pools and what they have", function()
    local all = memory.collect(hugetlb.for_each_hstate(k), function(pool, default) return {hugetlb.usage(pool), default} end)
    assert.are.same({{{bytes = 1 << 30, total = 1, free = 0, surplus = 0, reserved = 0}, false},
      {{bytes = 2 << 20, total = 5, free = 4, surplus = 2, reserved = 3}, true}}, all)
    local nodes = memory.collect(hugetlb.for_each_hstate(k), function(pool) return hugetlb.usage(pool, 1) end)
    assert.are.same({bytes = 2 << 20, total = 4, free = 3, surplus = 2}, nodes[2])
  end)

  it("says what a kernel lacks, and what can't be", function()
    assert(k:write(COUNT, ("<I4"):pack(17)))
    local _, err = kvm.try(hugetlb.for_each_hstate, k)
    assert.are.equal("format", err.code)
    symbols.hstates = nil
    _, err = kvm.try(hugetlb.for_each_hstate, k)
    assert.matches("this kernel has no huge pages %(CONFIG_HUGETLB_PAGE%)", err.message)
  end)
end)
