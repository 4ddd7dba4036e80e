-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local made = require "spec.support.slub"
local memory = require "spec.support.memory"
local page_flags = require "kvm.linux.page_flags"

local S = memory.START

describe("kvm.linux.page_flags", function()
  harness.guard()
  local k
  after_each(memory.forget)

  local function set(i, members) memory.set(k, "struct page", S + 64 * i, members) end

  it("names flags and types of 7.2", function()
    k = made.open()
    assert.are.same({"locked", "referenced"}, page_flags.names(k, 5))
    assert.are.same({made.at.SLAB}, (memory.collect(page_flags.for_each_slab(k))))
    local rec = page_flags.describe(k, made.at.SLAB)
    assert.are.same({made.pfn + 1, "slab", 5, 0, 0}, {rec.pfn, rec.type, rec.flags, rec.node, rec.zone})
    set(2, {flags = 3 << 62 | 2 << 60, page_type = 0xffffffff, mapping = 0xffff888000000011, __folio_index = 7, _refcount = 3})
    rec = page_flags.describe(k, S + 128)
    assert.are.same({addr = S + 128, pfn = made.pfn + 2, flags = 3 << 62 | 2 << 60, names = {}, refcount = 3, private = 0, mapcount = 0,
      node = 0x38, zone = 0, mapping = 0xffff888000000010, anon = true, index = 7}, rec)
  end)

  it("tells where members lie, and which bits flags are", function()
    k = made.open()
    assert.are.same({bytes = 64, flags = 0, type = 48, refcount = 52, private = 40, head = 8}, page_flags.layout(k))
    assert.are.equal(6, page_flags.mask(k, {"writeback", "referenced", "of another release"}))
    assert.are.same({"buddy", nil}, {page_flags.type_name(k, 0, 0xf0000000), page_flags.type_name(k, 0, 0xffffffff)})
  end)

  it("finds heads", function()
    k = made.open()
    set(3, {compound_info = made.at.SLAB + 1})
    assert.are.equal(made.at.SLAB, page_flags.compound_head(k, S + 192))
    assert.are.equal(made.at.SLAB, page_flags.page_slab(k, S + 192))
    assert.are.equal(made.at.SLAB, page_flags.describe(k, S + 192).head)
    set(3, {compound_info = -128 | 1}) -- as 7.1 has it: a mask
    assert.are.equal(S + 128, page_flags.compound_head(k, S + 192))
    assert.are.equal(S + 256, page_flags.compound_head(k, S + 256))
    assert.is_nil(page_flags.page_slab(k, S + 256))
  end)

  it("names flags and types of 5.10", function()
    k = made.open(true)
    assert.are.equal("slab", page_flags.describe(k, made.at.SLAB).type)
    for i, name in ipairs {"buddy", "offline", "kmemcg", "table", "guard"} do
      set(4, {page_type = 0xffffffff & ~(0x80 << i - 1)})
      assert.are.equal(name, page_flags.describe(k, S + 256).type)
    end
    set(4, {page_type = 1})
    assert.are.same({2}, {page_flags.describe(k, S + 256).mapcount, page_flags.describe(k, S + 256).type})
  end)

  it("counts", function()
    k = made.open()
    local flags, kinds, pages = page_flags.count(k)
    assert.are.same({1, 1, 1, 64}, {flags.locked, flags.referenced, kinds.slab, pages})
  end)

  it("says what it can't", function()
    local symbols, _, err
    k, _, symbols = made.open()
    _, err = kvm.try(page_flags.describe, k, S + 1)
    assert.are.equal("inval", err.code)
    symbols.max_pfn = nil
    _, err = kvm.try(page_flags.count, k)
    assert.are.equal("notfound", err.code)
  end)
end)
