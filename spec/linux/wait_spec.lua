-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local made = require "spec.support.locks"
local memory = require "spec.support.memory"
local wait = require "kvm.linux.wait"

describe("kvm.linux.wait", function()
  harness.guard()
  after_each(memory.forget)

  it("gives the entries, their functions, the tasks that those wake", function()
    local k, set, ring = made.open()
    local at, funcs = made.at, {default_wake_function = 0x1000, pollwake = 0x2000, ep_poll_callback = 0x3000}
    memory.symbols(funcs)
    local polled = at.W2 + 0x100
    set("poll_wqueues", polled, {polling_task = at.A})
    set("wait_queue_entry", at.W1, {flags = 1, private = at.B, func = funcs.default_wake_function})
    set("wait_queue_entry", at.W2, {private = polled, func = funcs.pollwake})
    set("wait_queue_entry", at.W2 + 0x40, {private = at.B, func = funcs.ep_poll_callback})
    local link = k:type("struct wait_queue_entry"):strip():field("entry").offset
    ring(at.LOCK, at.W1 + link, at.W2 + link, at.W2 + 0x40 + link)
    assert.are.same({{"default_wake_function", true, 20}, {"pollwake", false, 10}, {"ep_poll_callback", false}},
      (memory.collect(wait.for_each_entry(k:object(at.LOCK, "struct wait_queue_head")), function(e)
        local task = wait.task(e)
        return {wait.func(e), wait.is_exclusive(e), task and task.pid}
      end)))
    set("wait_queue_entry", at.W1, {func = 0x1004})
    local entry = k:object(at.W1, "struct wait_queue_entry")
    assert.are.same({"0x1004", nil}, {wait.func(entry), wait.task(entry)})
    assert.has_error(function() wait.for_each_entry(entry) end)
  end)
end)
