-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local made = require "spec.support.workqueue"
local memory = require "spec.support.memory"
local wq = require "kvm.cmd.wq"
local workqueue = require "kvm.linux.workqueue"

local at = made.at
local of_cpu = workqueue.for_each_delayed

for _, layout in ipairs(made.layouts) do
  describe("kvm.cmd.wq " .. layout.name, function()
    harness.guard()
    local k, set, place
    local delayed = {}
    before_each(function()
      local _
      k, set, _, place = made.open(layout)
      delayed = {}
      function workqueue.for_each_delayed()
        local i = 0
        return function()
          i = i + 1
          if delayed[i] then return delayed[i], 250 end
        end
      end
    end)
    after_each(function()
      workqueue.for_each_delayed = of_cpu
      memory.forget()
    end)

    local function records(opts) return (memory.collect(wq.run(k, opts))) end
    local function kinds(opts)
      local out = {}
      for i, r in ipairs(records(opts)) do out[i] = r.kind or r.code end
      return table.concat(out, " ")
    end

    it("tells what runs and what waits", function()
      local r = records {}
      assert.are.equal("pool worker pending inactive", kinds {})
      assert.are.same({kind = "pool", pool = 3, cpu = 1, nice = -20, workers = 2, idle = 1, stalled_ns = 4000000000, addr = at.POOL,
        what = "2 workers, 1 idle, no progress for 4.000 s"}, r[1])
      assert.are.same({"kworker/1:0H", 70, "do_busy", "queue", "what it does"}, {r[2].comm, r[2].pid, r[2].func, r[2].workqueue, r[2].desc})
      assert.are.equal("kworker/1:0H runs do_busy" .. (layout.is_new and ", for 2.000 s, 0.000 s of CPU time" or ""), r[2].what)
      assert.are.same({kind = "pending", pool = 3, cpu = 1, func = "do_wait", workqueue = "queue", addr = at.WAITING, what = "do_wait"},
        r[3])
    end)

    it("tells all, or one queue's", function()
      assert.are.equal("pool worker worker pending inactive", kinds {all = true})
      assert.are.equal("pool worker pending inactive", kinds {workqueue = "qu*"})
      assert.are.equal("", kinds {workqueue = "other", all = true})
    end)

    it("tells delayed works", function()
      set("work_struct", at.HELD, {func = at.FUNCS + 16})
      set("delayed_work", at.HELD, {wq = at.WQ})
      delayed = {k:object(at.HELD, "struct delayed_work")}
      local r = records {}
      assert.are.same({kind = "delayed", cpu = 0, addr = at.HELD, remaining_ns = 1000000000, func = "do_wait", workqueue = "queue",
        what = "do_wait in 1.000 s"}, r[#r])
    end)

    it("tells the queues", function()
      assert.are.same({{kind = "queue", addr = at.WQ, workqueue = "queue", flags = {"mem_reclaim", "ordered"}, max_active = 4, rescuer = 71,
        active = 2, inactive = 1, what = "2 active, 1 inactive, at most 4; mem_reclaim ordered"}}, records {queues = true})
      assert.are.equal("", kinds {queues = true, workqueue = "no"})
    end)

    it("knows workers that are no tasks", function()
      set("worker", at.BUSY, {task = 0})
      local r = records {}
      assert.are.same({"softirq", nil, nil}, {r[2].comm, r[2].pid, r[2].partial})
    end)

    it("goes on behind a damaged pool", function()
      assert(k:write(place("worker_pool", at.POOL, "workers"), ("<I8"):pack(memory.UNMAPPED)))
      assert.are.equal("fault inactive", kinds {})
    end)
  end)
end
