-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local made = require "spec.support.locks"
local memory = require "spec.support.memory"
local rwsem = require "kvm.linux.rwsem"

for _, layout in ipairs(made.layouts) do
  describe("kvm.linux.rwsem " .. layout.name, function()
    harness.guard()
    local k, set, ring, sem
    before_each(function()
      k, set, ring = made.open(layout)
      sem = k:object(made.at.LOCK, "struct rw_semaphore")
    end)

    it("tells a writer, and who waits for what", function()
      made.wait(k, set, ring, layout, "rw_semaphore", "rwsem_waiter")
      set("rwsem_waiter", made.at.W2, {type = 1})
      set("rw_semaphore", made.at.LOCK, {["count.counter"] = 7, ["owner.counter"] = made.at.A})
      assert.are.same({locked = "write", readers = 0, waiters = true, handoff = true}, rwsem.state(sem))
      assert.are.same({10, false}, {rwsem.owner(sem).pid, (select(2, rwsem.owner(sem)))})
      assert.are.same({{20, "write"}, {10, "read"}},
        (memory.collect(rwsem.for_each_waiter(sem), function(w, what) return {w.task.pid, what} end)))
    end)

    it("tells readers", function()
      set("rw_semaphore", made.at.LOCK, {["count.counter"] = 3 << 8, ["owner.counter"] = made.at.B | 3})
      assert.are.same({locked = "read", readers = 3, waiters = false, handoff = false}, rwsem.state(sem))
      assert.are.same({20, true}, {rwsem.owner(sem).pid, (select(2, rwsem.owner(sem)))})
    end)

    it("does not take the last reader of a free one for its owner", function()
      set("rw_semaphore", made.at.LOCK, {["owner.counter"] = made.at.B | 1})
      assert.are.same({"no", nil}, {rwsem.state(sem).locked, (rwsem.owner(sem))})
    end)
  end)
end

describe("kvm.linux.rwsem with CONFIG_PREEMPT_RT", function()
  it("says so", function()
    local k = memory.open "struct rw_semaphore { int rwbase; };"
    local sem = k:object(memory.START, "struct rw_semaphore")
    for _, f in ipairs {rwsem.state, rwsem.owner, rwsem.for_each_waiter} do
      assert.are.equal("unsupported", select(2, kvm.try(f, sem)).code)
    end
  end)
end)
