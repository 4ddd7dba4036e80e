-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local harness = require "spec.support.harness"
local kvm = require "kvm"
local memory = require "spec.support.memory"
local swapops = require "kvm.linux.swapops"

describe("kvm.linux.swapops", function()
  harness.guard()
  after_each(memory.forget)

  -- __swp_entry(3, 0x12345) of arch/x86/include/asm/pgtable_64.h
  it("takes entries apart", function()
    local entry = 3 << 59 | (~0x12345 & (1 << 50) - 1) << 9
    assert.are.same({3, 0x12345}, {swapops.entry(fake.new(), entry)})
    local _, err = kvm.try(swapops.entry, fake.new {facts = {arch = "s390x"}}, entry)
    assert.are.equal("unsupported", err.code)
  end)

  it("finds the area of a type", function()
    local S = memory.START
    local k = memory.open "struct swap_info_struct { unsigned long flags; };"
    assert.is_nil(swapops.area(k, 0)) -- a kernel without swap
    memory.symbols {swap_info = S, nr_swapfiles = S + 0x40}
    assert(k:write(S, ("<I8I8"):pack(S + 0x80, 0)))
    assert(k:write(S + 0x40, ("<I4"):pack(2)))
    assert.are.equal(S + 0x80, kvm.addr(swapops.area(k, 0)))
    for _, kind in ipairs {1, 2, 31, -1} do assert.is_nil(swapops.area(k, kind)) end
  end)
end)
