-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local made = require "spec.support.locks"
local memory = require "spec.support.memory"
local swait = require "kvm.linux.swait"

describe("kvm.linux.swait", function()
  harness.guard()

  it("gives the tasks that wait", function()
    local k, set, ring = made.open()
    local head, at = k:object(made.at.LOCK, "struct swait_queue_head"), made.at
    set("swait_queue", at.W1, {task = at.B})
    ring(at.LOCK, at.W1 + 8)
    assert.are.same({20}, (memory.collect(swait.for_each_task(head), function(t) return t.pid end)))
    set("swait_queue", at.W1, {["task_list.next"] = memory.UNMAPPED})
    local got, err = memory.collect(swait.for_each_task(head), function(t) return t.pid end)
    assert.are.same({{20}, "fault"}, {got, err.code})
    assert.has_error(function() swait.for_each_task(k:object(at.A, "struct task_struct")) end)
  end)
end)
