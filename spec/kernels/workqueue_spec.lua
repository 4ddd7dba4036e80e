-- SPDX-License-Identifier: BSD-2-Clause
-- Workqueues: what containers/lab_workqueues.c has queued in the guest; the workers are the tasks that the guest called kworker, with the
-- names that it gave them.
local kvm = require "kvm"
local matrix = require "spec.kernels.matrix"

local linux = kvm.linux
local PF_WQ_WORKER = 0x20

local function wq(dump, ...)
  local out = matrix.records(matrix.luakvm("wq", dump.path, "--json", ...))
  for _, r in ipairs(out) do assert.is_nil(r.stopped) end
  return out
end

matrix.each_with_module(function(dump)
  local function of(name)
    local out = {}
    for _, r in ipairs(wq(dump, "-w", name)) do
      out[r.kind] = out[r.kind] or {}
      table.insert(out[r.kind], r)
    end
    return out
  end

  it("tells what runs, what waits behind it, and what waits for its time", function()
    local r = of "lab_wq"
    assert.are.same({1, 1, 1, 1}, {#r.pool, #r.worker, #r.inactive, #r.delayed})
    assert.are.same({0, -20}, {r.pool[1].cpu, r.pool[1].nice})
    local worker = r.worker[1]
    assert.are.same({"lab_work_stuck", "lab-stuck"}, {worker.func, worker.desc})
    assert.matches("^kworker/0:%d+H", worker.comm)
    assert.are.same({"lab_work_behind", 0}, {r.inactive[1].func, r.inactive[1].cpu})
    assert.are.equal("lab_work_later", r.delayed[1].func)
    -- 10,000 s, of which at most some minutes are over; a wheel rounds up by an eighth
    assert.is_true(r.delayed[1].remaining_ns > 9700e9 and r.delayed[1].remaining_ns < 11300e9, r.delayed[1].remaining_ns)
    local uptime = linux.timekeeping.clocks(dump:open()).monotonic_ns
    assert.is_true(not worker.age_ns or worker.age_ns > 2e9 and worker.age_ns < uptime)
    assert.is_true(not worker.cpu_ns or worker.cpu_ns < 1e9)
  end)

  it("tells the works of an ordered queue", function()
    local r = of "lab_ordered"
    assert.are.same({"lab_work_stuck", -1}, {r.worker[1].func, r.pool[1].cpu})
    assert.are.same({2, "lab_work_behind", "lab_work_behind"}, {#r.inactive, r.inactive[1].func, r.inactive[2].func})
  end)

  it("tells queues with their flags and counts", function()
    local queues = {}
    for _, r in ipairs(wq(dump, "-q")) do queues[r.workqueue] = r end
    local own, ordered = queues.lab_wq, queues.lab_ordered
    assert.are.same({1, 1, 1}, {own.max_active, own.active, own.inactive})
    assert.are.same({1, 1, 2}, {ordered.max_active, ordered.active, ordered.inactive})
    local flags = {}
    for _, name in ipairs(own.flags) do flags[name] = true end
    assert.is_true(flags.mem_reclaim and flags.highpri and not flags.unbound and not flags.ordered)
    flags = table.concat(ordered.flags, " ")
    assert.is_true(flags:find "ordered" and flags:find "unbound" and not flags:find "mem_reclaim")
    assert.is_true(dump:open():procs("pid", own.rescuer)().flags & PF_WQ_WORKER ~= 0)
    assert.is_truthy(queues.events and queues.events_unbound and queues.writeback)
  end)

  it("knows that a work is in no queue", function()
    local k = dump:open()
    local function queue_of(name)
      return linux.workqueue.of_work(kvm.check(k:object(kvm.check(k:symbol(name)).value, "struct work_struct")))
    end
    assert.is_nil(queue_of "lab_idle")
    assert.are.equal("lab_wq", linux.workqueue.name(queue_of "lab_behind"))
    assert.are.equal("lab_ordered", linux.workqueue.name(queue_of "lab_ordered_2"))
  end)

  it("has every worker, and the names that the guest gave threads of the kernel", function()
    local k, workers, report = dump:open(), {}, matrix.report()
    for pool in linux.workqueue.for_each_pool(k) do
      local count = 0
      for worker in linux.workqueue.for_each_worker(pool) do
        if not linux.workqueue.is_bh(pool) then workers[worker.task.pid] = worker end
        count = count + 1
      end
      assert.are.equal(pool.nr_workers, count)
    end
    for queue in linux.workqueue.for_each(k) do
      if queue.rescuer then workers[queue.rescuer.task.pid] = queue.rescuer end
    end
    local names, threads, changed = 0, 0, 0
    for p in k:procs() do
      local task = k:object(p.addr, "struct task_struct")
      local is_worker = p.flags & PF_WQ_WORKER ~= 0
      if is_worker ~= (workers[p.pid] ~= nil) then report.add("%d (%s) is %sa worker", p.pid, p.comm, is_worker and "" or "not ") end
      local t = dump:truth().tasks[tostring(p.pid)]
      if t and p.flags & linux.sched.PF_KTHREAD ~= 0 then
        local name = linux.kthread.comm(task)
        names = names + 1
        -- what a worker worked on last changes
        if name ~= t.comm then
          changed = changed + 1
          if not is_worker then report.add("%d is %s, was %s", p.pid, name, t.comm) end
        end
        if linux.kthread.func(task) == (is_worker and (p.comm:find "^kworker/[u%d]" and "worker_thread" or "rescuer_thread")) then
          threads = threads + 1
        end
      end
    end
    report.check()
    assert.is_true(names > 40 and threads > 15, names .. " threads, " .. threads .. " workers")
    assert.is_true(changed < 12, changed .. " names have changed")
  end)
end)
