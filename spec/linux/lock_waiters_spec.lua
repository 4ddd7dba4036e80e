-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local made = require "spec.support.locks"
local memory = require "spec.support.memory"
local lock_waiters = require "kvm.linux.lock_waiters"

for _, layout in ipairs(made.layouts) do
  describe("kvm.linux.lock_waiters " .. layout.name, function()
    harness.guard()
    local k, set, ring
    before_each(function() k, set, ring = made.open(layout) end)

    local function pids()
      local step = lock_waiters.for_each(k:object(made.at.LOCK, "struct mutex"), "struct mutex_waiter")
      return memory.collect(step, function(w) return w.task.pid end)
    end

    it("gives them in order", function()
      made.wait(k, set, ring, layout, "mutex", "mutex_waiter")
      assert.are.same({20, 10}, (pids()))
    end)

    it("gives none where there is none", function()
      if not layout.rings then ring(made.at.LOCK + 8) end
      assert.are.same({}, (pids()))
    end)

    it("gives what it found before a broken link", function()
      made.wait(k, set, ring, layout, "mutex", "mutex_waiter")
      assert(k:write(made.at.W1, ("<I8"):pack(memory.UNMAPPED)))
      local got, err = pids()
      assert.are.same({{20}, true}, {got, err.code == "format" or err.code == "fault"})
      assert.is_true(kvm.error.is(err))
    end)
  end)
end
