-- SPDX-License-Identifier: BSD-2-Clause
-- The run queues of a dump: what runs or waits is what the states of tasks say, and the guests' spinning task is among them.
local matrix = require "spec.kernels.matrix"

matrix.each(function(dump)
  if dump.key == "k72" and dump.is_filtered then return end -- it lacks slab pages, see tasks_spec.lua

  it("has on its queues the tasks that want to run, and no others", function()
    local records = matrix.records(matrix.luakvm("runq", dump.path, "--json"))
    local on_queue, running, per_cpu = {}, {}, {}
    for _, r in ipairs(records) do
      assert.is_nil(r.stopped)
      assert.is_nil(r.partial)
      if r.class == "current" then running[r.cpu], per_cpu[r.cpu] = r, 0 end
      if r.pid ~= 0 and not r.delayed then
        assert.is_nil(on_queue[r.pid])
        on_queue[r.pid] = r
        per_cpu[r.cpu] = per_cpu[r.cpu] + 1
      end
    end
    for cpu, r in pairs(running) do
      -- A dump's moment can lie within a change of the queue.
      assert.is_true(math.abs(r.running - per_cpu[cpu]) <= 1, ("CPU %d: %d run, %d are found"):format(cpu, r.running, per_cpu[cpu]))
    end
    assert.is_truthy(running[0] and running[1]) -- the guests have two CPUs
    local report, spins = matrix.report(), 0
    for p in dump:open():procs(nil, nil, true) do
      local r = on_queue[p.tid]
      if p.state == "R" and not r and p.tid ~= 0 then report.add("%d (%s) wants to run and is on no queue", p.tid, p.comm) end
      if r and p.state ~= "R" and r.class ~= "current" then report.add("%d (%s) waits for a CPU in state %s", p.tid, p.comm, p.state) end
      if p.comm == "spin" then spins = spins + (r and 1 or 0) end
    end
    assert.is_true(report.count <= 1, report[1])
    assert.are.equal(1, spins)
  end)
end)
