-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local made = require "spec.support.workqueue"
local memory = require "spec.support.memory"
local workqueue = require "kvm.linux.workqueue"

local at, collect = made.at, memory.collect

for _, layout in ipairs(made.layouts) do
  describe("kvm.linux.workqueue " .. layout.name, function()
    harness.guard()
    local k, set, ring, place
    before_each(function() k, set, ring, place = made.open(layout) end)
    after_each(memory.forget)

    local function pool() return workqueue.for_each_pool(k)() end

    it("gives workqueues, their names and flags, the pools that serve them", function()
      assert.are.same({{"queue", {"mem_reclaim", "ordered"}, {3}}}, (collect(workqueue.for_each(k), function(wq)
        return {workqueue.name(wq), workqueue.flags(wq), (collect(workqueue.for_each_pwq(wq), function(p) return p.pool.id end))}
      end)))
      assert.are.same({3}, (collect(workqueue.for_each_pool(k), function(p) return p.id end)))
    end)

    it("gives workers and what they run", function()
      local workers = collect(workqueue.for_each_worker(pool()))
      assert.are.same({{70, false}, {71, true}}, {{workers[1].task.pid, workqueue.is_idle(workers[1])},
        {workers[2].task.pid, workqueue.is_idle(workers[2])}})
      local run = workqueue.running(workers[1])
      assert.are.same({"do_busy", at.WORK, at.WQ}, {run.func, kvm.addr(run.work), kvm.addr(run.wq)})
      assert.are.same(layout.is_new and {2000000000, 250} or {}, {run.age_ns, run.cpu_ns})
      assert.is_nil(workqueue.running(workers[2]))
    end)

    it("gives what waits, and for which queue", function()
      local function name(work) return {workqueue.func(work), kvm.addr(workqueue.of_work(work))} end
      assert.are.same({{"do_wait", at.WQ}}, (collect(workqueue.for_each_pending(pool()), name)))
      local pwq = workqueue.for_each_pwq(workqueue.for_each(k)())()
      assert.are.same({{"do_wait", at.WQ}}, (collect(workqueue.for_each_inactive(pwq), name)))
      assert.is_nil(workqueue.of_work(k:object(at.WORK, "struct work_struct")))
    end)

    it("tells how long nothing has moved", function()
      assert.are.equal(4000000000, workqueue.stalled_ns(pool()))
      local head = place("worker_pool", at.POOL, "worklist")
      ring(head)
      assert.is_nil(workqueue.stalled_ns(pool()))
    end)

    it("knows pools that run in softirqs", function()
      assert.is_false(workqueue.is_bh(pool()))
      set("worker_pool", at.POOL, {flags = 1})
      assert.are.equal(layout.is_new or false, workqueue.is_bh(pool()))
    end)

    it("stops where a list is broken", function()
      assert(k:write(place("worker", at.BUSY, "node"), ("<I8"):pack(memory.UNMAPPED)))
      local got, err = collect(workqueue.for_each_worker(pool()))
      assert.are.same({1, "fault"}, {#got, err.code})
    end)
  end)
end

describe("kvm.linux.workqueue of delayed works", function()
  local timer = require "kvm.linux.timer"
  local for_each_timer = timer.for_each_timer
  after_each(function()
    timer.for_each_timer = for_each_timer
    memory.forget()
  end)

  it("picks them among the timers", function()
    local k = memory.open "struct timer_list { long expires; }; struct delayed_work { long work; struct timer_list timer; };"
    function timer.for_each_timer(_, cpu)
      local list, i = {{func = "other", addr = 0x10, remaining = 1}, {func = "delayed_work_timer_fn", addr = memory.START + 8,
        remaining = 10 + cpu}}, 0
      return function()
        i = i + 1
        return list[i]
      end
    end
    assert.are.same({{memory.START, 12}}, (memory.collect(workqueue.for_each_delayed(k, 2), function(d, left)
      return {kvm.addr(d), left}
    end)))
  end)
end)
