-- SPDX-License-Identifier: BSD-2-Clause
-- On the sample; each kind by itself is in memory_spec.lua.
local context = require "kvm.linux.check.context"
local harness = require "spec.support.harness"
local kvm = require "kvm"
local memory_holders = require "kvm.linux.check.memory_holders"

describe("kvm.linux.check.memory_holders", function()
  harness.guard()

  it("shares what is not free among kinds, the largest first, and names who has it", function()
    local k <close> = kvm.check(kvm.open "examples/panic.kdump")
    local info, sum, named = kvm.linux.meminfo.all(k), 0, 0
    local holders = memory_holders.all(k, info)
    for i, h in ipairs(holders) do
      assert.is_true(i == 1 or holders[i - 1].bytes >= h.bytes)
      sum = sum + h.bytes
      local list = memory_holders.named(context.new(k), h)
      named = named + #list
      for j = 2, #list do assert.is_true((list[j - 1].bytes or math.maxinteger) >= (list[j].bytes or 0)) end
    end
    local used = info.MemTotal - info.MemFree
    assert.is_true(sum <= used and sum > used / 2, sum)
    assert.is_true(named > 10)
  end)
end)
