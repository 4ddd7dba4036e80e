-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local made = require "spec.support.pagemap"
local memory = require "spec.support.memory"
local pagemap = require "kvm.linux.pagemap"

describe("kvm.linux.pagemap", function()
  harness.guard()
  local k, inode, slot
  before_each(function() k, inode, slot = made.open() end)
  after_each(memory.forget)

  it("leads from struct pages to page frames and back", function()
    assert.are.same({7, made.MAP + 7 * 64}, {pagemap.page_to_pfn(k, made.MAP + 7 * 64), pagemap.pfn_to_page(k, 7)})
    for _, wrong in ipairs {made.MAP + 8, made.MAP - 64, 0, 5} do
      local _, err = kvm.try(pagemap.page_to_pfn, k, wrong)
      assert.are.same({"inval", wrong}, {err.code, err.addr})
    end
  end)

  it("gives the pages of a file", function()
    assert.are.same({{index = 0, pages = 1, pfn = made.pfn, addr = made.MAP + 64 * made.pfn}, {index = 1, pages = 1, shadow = true},
      {index = 2, pages = 1, pfn = made.pfn, addr = made.MAP + 64 * made.pfn}}, (memory.collect(pagemap.for_each_page(inode))))
  end)

  it("gives the bytes that are cached, up to the file's end", function()
    local step, size = pagemap.contents(inode)
    local got = memory.collect(step, function(at, bytes) return {at, #bytes, bytes:sub(1, 5)} end)
    assert.are.same({8197, {{0, 4096, "hello"}, {8192, 5, "hello"}}}, {size, got})
    memory.set(k, "struct inode", made.at.INODE, {i_size = 3})
    got = memory.collect((pagemap.contents(inode)), function(at, bytes) return {at, bytes} end)
    assert.are.same({{0, "hel"}}, got)
    slot(0, made.MAP + 64 * (1 << 30)) -- not in the dump
    assert.are.same({}, (memory.collect((pagemap.contents(inode)))))
  end)

  it("stops where it is damaged", function()
    slot(2, made.MAP + 8)
    local got, err = memory.collect(pagemap.for_each_page(inode))
    assert.are.same({2, "inval"}, {#got, err.code})
    memory.set(k, "struct xa_node", made.at.NODE, {array = 0})
    got, err = memory.collect((pagemap.contents(inode)))
    assert.are.same({0, "format"}, {#got, err.code})
    memory.set(k, "struct inode", made.at.INODE, {i_size = -1})
    err = select(2, kvm.try(pagemap.contents, inode))
    assert.are.equal("format", err.code)
  end)

  it("says what a kernel lacks", function()
    memory.forget()
    local _, err = kvm.try(pagemap.pfn_to_page, k, 1)
    assert.matches("^this kernel has no map of pages in virtual memory %(CONFIG_SPARSEMEM_VMEMMAP%)", err.message)
  end)
end)
