-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local linux = require "spec.support.build.linux"
local redact = require "kvm.redact"

local built = linux.build {release = "6.1"}

describe("kvm.redact", function()
  harness.guard()

  it("finds members, the structures and strings behind pointers, and bytes", function()
    local k = harness.open(harness.temp(built:elf()))
    local task = k:object "init_task"
    local at, t = k:symbol("init_task").value, k:type "struct task_struct"
    local ranges = redact.ranges(k, [[
      # a comment
      erase init_task.comm
      erase init_task.real_parent.pid
      erase init_task.real_parent nullify
      erase init_task.comm size 2K
      erase linux_banner size 0x10
    ]])
    local parent = kvm.addr(task.real_parent)
    assert.are.same({
      {addr = at + t:field("comm").offset, len = 16, fill = "X", rule = "erase init_task.comm"},
      {addr = parent + t:field("pid").offset, len = 4, fill = "X", rule = "erase init_task.real_parent.pid"},
      {addr = at + t:field("real_parent").offset, len = 8, fill = "\0", rule = "erase init_task.real_parent nullify"},
      {addr = at + t:field("comm").offset, len = 2048, fill = "X", rule = "erase init_task.comm size 2K"},
      {addr = k:symbol("linux_banner").value, len = 16, fill = "X", rule = "erase linux_banner size 0x10"},
    }, ranges)
    local whole = redact.ranges(k, "erase init_task.real_parent")
    assert.are.same({parent, t:size()}, {whole[1].addr, whole[1].len})
  end)

  it("gives nothing behind NULL", function()
    local k = harness.open(harness.temp(built:elf()))
    assert.are.same({}, redact.ranges(k, "erase init_task.mm\n"))
    assert.are.same({}, redact.ranges(k, "erase init_task.comm size init_task.pid\n"))
  end)

  it("refuses what it does not understand, by the rule", function()
    local k = harness.open(harness.temp(built:elf()))
    for text, rule in pairs {
      ["rule 1: \"for x in y within z\" is not understood"] = "for x in y within z",
      ["rule 2: \"erase\" is not understood"] = "\nerase", ["rule 1: \"erase a size\" is not understood"] = "erase a size",
      ["no symbol nothing"] = "erase nothing",
      ["no member nothing"] = "erase init_task.nothing", ["only a pointer can be nullified"] = "erase init_task.pid nullify",
      ["say how many bytes with size"] = "erase _stext", ["\"erase init_task.comm size 0\" is not"] = "erase init_task.comm size 0",
      ["size 99999999999999999999\" is not"] = "erase init_task.comm size 99999999999999999999",
      ["size 18014398509481984K\" is not"] = "erase init_task.comm size 18014398509481984K",
      ["size 0xffffffffffffffff\" is not"] = "erase init_task.comm size 0xffffffffffffffff",
    } do
      local ok, err = pcall(redact.ranges, k, rule)
      assert.is_false(ok)
      assert.is_true(err.message:find(text, 1, true) ~= nil, err.message)
    end
  end)
end)
