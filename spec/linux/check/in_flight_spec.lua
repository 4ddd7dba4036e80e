-- SPDX-License-Identifier: BSD-2-Clause
local checks = require "spec.support.check_context"
local in_flight = require "kvm.linux.check.in_flight"

describe("kvm.linux.check.in_flight", function()
  local function inside(tasks) return in_flight.inside(checks.new(nil, {task_list = tasks}), {"^kfree", "_alloc$"}) end

  it("finds running tasks by the functions that they are in", function()
    local one = {pid = 1, on_cpu = 0, functions = {"memset", "kfree.part.0", "f"}}
    local two = {pid = 2, on_cpu = 1, functions = {"slab_alloc"}}
    local found = inside {one, two}
    assert.are.same({{task = one, name = "kfree.part.0"}, {task = two, name = "slab_alloc"}}, found)
  end)

  it("passes over tasks that sleep or do something else", function()
    assert.are.same({}, inside {{pid = 1, functions = {"kfree"}}, {pid = 2, on_cpu = 0, functions = {"skb_kfree"}}})
  end)
end)
