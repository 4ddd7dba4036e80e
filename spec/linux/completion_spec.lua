-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local made = require "spec.support.locks"
local memory = require "spec.support.memory"
local completion = require "kvm.linux.completion"

describe("kvm.linux.completion", function()
  harness.guard()

  it("tells how often it was done, and who waits", function()
    local k, set, ring = made.open()
    local c, at = k:object(made.at.LOCK, "struct completion"), made.at
    set("swait_queue", at.W1, {task = at.B})
    ring(at.LOCK + 8, at.W1 + 8)
    assert.are.equal(0, completion.done(c))
    assert.are.same({20}, (memory.collect(completion.for_each_task(c), function(t) return t.pid end)))
    set("completion", at.LOCK, {done = 2})
    assert.are.equal(2, completion.done(c))
    set("completion", at.LOCK, {done = 0xffffffff})
    assert.are.equal(math.huge, completion.done(c))
  end)
end)
