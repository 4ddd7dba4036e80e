-- SPDX-License-Identifier: BSD-2-Clause
local report_parts = require "kvm.cmd.report_parts"

describe("kvm.cmd.report_parts", function()
  it("has equal stacks once, the most frequent first, with who has them", function()
    local sleep = {{name = "__schedule", offset = 1, stack = "task"}, {name = "schedule", offset = 2, stack = "task"}}
    local list, numbers = report_parts.group {
      {tid = 1, comm = "a", addr = 16, frames = {{name = "entry", offset = 3, stack = "task"}}},
      {tid = 2, comm = "b", addr = 32, frames = sleep}, {tid = 3, comm = "c", addr = 48, frames = sleep},
    }
    assert.are.same({2, 1, 2, {2, 3}}, {#list, list[2].count, list[1].count, list[1].tids})
    assert.are.equal(numbers[32], numbers[48])
    assert.are_not.equal(numbers[16], numbers[32])
    assert.are.equal(list[1].stack, numbers[32])
  end)
end)
