-- SPDX-License-Identifier: BSD-2-Clause
local entries = require "kvm.cmd.entries"
local harness = require "spec.support.harness"
local memory = require "spec.support.memory"

describe("kvm.cmd.entries", function()
  harness.guard()
  local k
  before_each(function()
    k = memory.open "struct item { long id; long *far; };"
    assert(k:write(memory.START, ("<i8"):pack(7)))
    memory.symbols {the_item = memory.START}
  end)
  after_each(memory.forget)

  it("finds where a container starts", function()
    assert.are.same({memory.START, 77, memory.START + 8},
      {entries.start(k, "the_item"), entries.start(k, 77), entries.start(k, "the_item+8")})
  end)

  it("shows members, also of what can't be read", function()
    assert.are.same({index = 3, addr = memory.START}, entries.record(k, memory.START, {}, 3))
    assert.are.same({index = 0, addr = memory.START, members = {id = "7"}, shown = "id=7"},
      entries.record(k, memory.START, {type = "struct item", show = {"id"}}, 0))
    local r = entries.record(k, memory.UNMAPPED, {type = "struct item", show = {"id"}}, 0)
    assert.are.equal(("id=<fault 0x%x>"):format(memory.UNMAPPED), r.shown)
  end)
end)
