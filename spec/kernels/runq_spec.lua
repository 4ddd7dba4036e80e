-- SPDX-License-Identifier: BSD-2-Clause
-- The run queues of a dump: what runs or waits is what the states of tasks say, and the guests' spinning task is among them.
local matrix = require "spec.kernels.matrix"
local rq = require "kvm.linux.rq"

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

  -- Those that have not run since: nearly all of what sleeps.
  it("has when tasks ran last, and their load", function()
    if dump.is_torn then return end
    local k, compared, same = dump:open(), 0, 0
    local now = rq.clock(k)
    for pid, ms in dump:truth().raw.pid_sched:gmatch "(%d+)/sched:se%.exec_start +: +([%d.]+)" do
      local p = k:procs("pid", tonumber(pid))()
      local task = p and k:object(p.addr, "struct task_struct")
      local asleep = task and rq.asleep(task, now)
      if asleep then
        local whole, part = ms:match "^(%d+)%.(%d+)$"
        compared = compared + 1
        same = same + (now - asleep == whole * 1000000 + tonumber(part) and 1 or 0)
      end
    end
    assert.is_true(compared >= 20 and same >= compared * 0.8, ("%d of %d"):format(same, compared))
    local total = 0
    for _, r in ipairs(matrix.records(matrix.luakvm("runq", dump.path, "--json"))) do
      if r.class == "current" then
        assert.is_true(r.cpu_load_avg >= 0 and r.cpu_util_avg >= 0)
        total = total + r.uninterruptible
      end
      if r.comm == "spin" and not dump.is_busy then assert.is_true(r.util_avg > 300, r.util_avg) end -- it has most of a CPU
    end
    local sleeping = 0
    for p in k:procs(nil, nil, true) do sleeping = sleeping + (p.state == "D" and 1 or 0) end
    assert.is_true(math.abs(total - sleeping) <= 2, ("%d uninterruptible, %d are in state D"):format(total, sleeping))
  end)
end)
