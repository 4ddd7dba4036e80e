-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local made = require "spec.support.signal"
local memory = require "spec.support.memory"
local signal = require "kvm.linux.signal"

describe("kvm.linux.signal", function()
  harness.guard()
  local task, set
  before_each(function()
    local _
    _, task, set = made.open()
  end)

  it("names signals", function()
    assert.are.same({"HUP", "SYS", "RTMIN+0", "RTMIN+32"}, {signal.name(1), signal.name(31), signal.name(32), signal.name(64)})
    assert.are.same({"HUP", "RTMIN+32"}, signal.names(1 | math.mininteger))
    assert.are.same({}, signal.names(0))
  end)

  it("tells masks, handlers, what is queued, and limits", function()
    assert.are.same({blocked = 1 << 11, pending = 1, shared = 1 << 11, ignored = 1 << 12, caught = 1 << 9}, signal.masks(task))
    assert.are.same({"0x400000", 4, 0}, {signal.action(task, 10)})
    assert.are.same({"ignore", "default"}, {(signal.action(task, 13)), (signal.action(task, 1))})
    assert.are.same({{number = 12, code = -1, pid = 77, uid = 5, addr = made.at.QUEUE}},
      (memory.collect(signal.for_each_queued(task.signal.shared_pending))))
    assert.are.same({name = "Max open files", unit = "files", soft = 123, hard = -1}, signal.limits(task)[8])
    assert.are.equal(16, #signal.limits(task))
  end)

  it("knows a task that has ended", function()
    set("signalled", made.at.TASK, {sighand = 0})
    assert.is_nil(signal.masks(task).caught)
    local _, err = kvm.try(signal.action, task, 1)
    assert.are.equal("notfound", err.code)
  end)

  it("stops where the queue is damaged", function()
    set("sigpending", made.at.SIGNAL, {["list.prev"] = 0, ["list.next"] = memory.UNMAPPED})
    local got, err = memory.collect(signal.for_each_queued(task.signal.shared_pending))
    assert.are.same({{}, "fault"}, {got, err.code})
  end)
end)
