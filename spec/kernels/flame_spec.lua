-- SPDX-License-Identifier: BSD-2-Clause
-- The flame graph of a real kernel: as many stacks as there are tasks, the known sleepers where they sleep, each function above its caller.
local cpumask = require "kvm.linux.cpumask"
local flame = require "kvm.cmd.flame"
local kvm = require "kvm"
local matrix = require "spec.kernels.matrix"
local sched = require "kvm.linux.sched"

for _, key in ipairs {"live510", "live61", "live612", "live72"} do
  matrix.describe(key, "elf", function(dump)
    local function counts(opts)
      local k <close> = kvm.check(kvm.open {core = dump.path})
      local lines, total, tasks = {}, 0, 0
      for rec in flame.run(k, opts) do
        assert.is_nil(rec.stopped)
        lines[rec.stack], total = rec.count, total + rec.count
      end
      for _ in sched.each_task(k) do tasks = tasks + 1 end
      return lines, total, tasks, #cpumask.of(k, "online")
    end

    it("has each task's stack once", function()
      for _, by in ipairs {"comm", "state", "cpu", "none"} do
        local _, total, tasks = counts {by = by}
        assert.are.equal(tasks, total)
      end
    end)

    it("shows where the module's threads wait, and that each is entered from outside", function()
      local seen = 0
      for line, n in pairs(counts {state = "D", by = "none"}) do
        if line:find "%[lab%]" then
          assert.matches("^ret_from_fork[%w_;]*;kthread;.*wait_%w+ %[lab%];.*schedule", line)
          seen = seen + n
        end
      end
      assert.is_true(seen > 0)
    end)

    it("has a stack for each CPU", function()
      local _, total, _, cpus = counts {active = true}
      assert.are.equal(cpus, total)
    end)
  end)
end
