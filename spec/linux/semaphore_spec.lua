-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local made = require "spec.support.locks"
local memory = require "spec.support.memory"
local semaphore = require "kvm.linux.semaphore"

for _, layout in ipairs(made.layouts) do
  describe("kvm.linux.semaphore " .. layout.name, function()
    harness.guard()

    it("tells its count, who waits, and who took it last where that is kept", function()
      local k, set, ring = made.open(layout)
      local sem = k:object(made.at.LOCK, "struct semaphore")
      made.wait(k, set, ring, layout, "semaphore", "semaphore_waiter")
      set("semaphore", made.at.LOCK, {count = 4})
      assert.are.equal(4, semaphore.count(sem))
      assert.are.same({20, 10}, (memory.collect(semaphore.for_each_waiter(sem), function(w) return w.task.pid end)))
      local holder, err = kvm.try(semaphore.last_holder, sem)
      if not layout.rings then return assert.are.equal("notfound", err.code) end
      assert.is_nil(holder)
      set("semaphore", made.at.LOCK, {last_holder = made.at.A})
      assert.are.equal(10, semaphore.last_holder(sem).pid)
    end)
  end)
end
