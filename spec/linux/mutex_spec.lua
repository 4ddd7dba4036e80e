-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local made = require "spec.support.locks"
local memory = require "spec.support.memory"
local mutex = require "kvm.linux.mutex"

for _, layout in ipairs(made.layouts) do
  describe("kvm.linux.mutex " .. layout.name, function()
    harness.guard()
    local k, set, ring, lock
    before_each(function()
      k, set, ring = made.open(layout)
      lock = k:object(made.at.LOCK, "struct mutex")
    end)

    it("tells the owner, the flags, the waiters", function()
      made.wait(k, set, ring, layout, "mutex", "mutex_waiter")
      set("mutex", made.at.LOCK, {["owner.counter"] = made.at.A | 3})
      assert.are.same({10, true}, {mutex.owner(lock).pid, mutex.is_locked(lock)})
      assert.are.same({waiters = true, handoff = true, pickup = false}, mutex.flags(lock))
      assert.are.same({20, 10}, (memory.collect(mutex.for_each_waiter(lock), function(w) return w.task.pid end)))
    end)

    it("knows a free one", function()
      assert.are.same({false, nil}, {mutex.is_locked(lock), mutex.owner(lock)})
      set("mutex", made.at.LOCK, {["owner.counter"] = 4})
      assert.are.same({false, true}, {mutex.is_locked(lock), mutex.flags(lock).pickup})
    end)
  end)
end

describe("kvm.linux.mutex with CONFIG_PREEMPT_RT", function()
  it("says so", function()
    local k = memory.open "struct mutex { int rtmutex; };"
    local _, err = kvm.try(mutex.owner, k:object(memory.START, "struct mutex"))
    assert.are.equal("unsupported", err.code)
  end)
end)
