-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local harness = require "spec.support.harness"
local memory = require "spec.support.memory"
local pte = require "kvm.cmd.pte"

local S = memory.START

describe("kvm.cmd.pte", function()
  harness.guard()
  local k
  before_each(function()
    k = memory.open "struct swap_info_struct { int prio; };"
    memory.symbols {swap_info = S, nr_swapfiles = S + 0x40}
    assert(k:write(S, ("<i8"):pack(S + 0x80)))
    assert(k:write(S + 0x40, ("<I4"):pack(1)))
  end)
  after_each(memory.forget)

  it("tells what entries say", function()
    local r = fake.collect(pte.run(k, {entries = {"8000000012345063", "0", ~(6 << 9) & ~(31 << 59) & ~0x101 | 30 << 59}}))
    assert.are.same({entry = 0x8000000012345063, present = true, physical = 0x12345000, pfn = 0x12345,
      flags = {"present", "rw", "accessed", "dirty", "nx"}, what = "present rw accessed dirty nx"}, r[1])
    assert.are.same({entry = 0, present = false, what = "empty"}, r[2])
    assert.are.equal("not present, type 30, offset 0x6", r[3].what)
  end)

  it("tells of swap areas", function()
    local entry = ~(5 << 9) & ~(31 << 59) & ~0x101
    local r = fake.collect(pte.run(k, {entries = {entry}}))[1]
    assert.are.same({false, 0, 5, "not present, page 5 of swap area 0"}, {r.present, r.swap_type, r.swap_offset, r.what})
  end)

  it("takes numbers alone", function()
    local ok, err = pcall(pte.run, k, {entries = {"no such"}})
    assert.are.same({false, "inval", '"no such" is no hexadecimal number'}, {ok, err.code, err.message})
  end)
end)
