-- SPDX-License-Identifier: BSD-2-Clause
local checks = require "spec.support.check_context"
local cpumask = require "kvm.linux.cpumask"
local harness = require "spec.support.harness"
local kvm_error = require "kvm.error"
local memory = require "spec.support.memory"
local panic = require "kvm.linux.panic"
local rq = require "kvm.linux.rq"

local S <const> = 1000000000
local START <const> = memory.START

describe("kvm.linux.check.runqueue", function()
  harness.guard()
  local own = {of = rq.of, for_each_task = rq.for_each_task, delay = rq.delay}
  local of, panic_cpu = cpumask.of, panic.cpu
  local k, queues, waiting
  local function task(i, members)
    memory.set(k, "struct task_struct", START + 0x800 + 0x40 * i, members)
    return k:object(START + 0x800 + 0x40 * i, "struct task_struct")
  end
  before_each(function()
    k = memory.open [[
      struct sched_info { unsigned long last_arrival; };
      struct task_struct { int pid, policy, prio; char comm[8]; struct sched_info sched_info; };
      struct rq { unsigned long clock; unsigned int nr_running; struct task_struct *curr, *idle; };
    ]]
    queues, waiting = {START, START + 0x100}, {}
    for _, at in ipairs(queues) do
      memory.set(k, "struct rq", at, {clock = 100 * S, nr_running = 1, curr = START + 0x800, idle = START + 0x900})
    end
    task(0, {pid = 5, policy = 1, prio = 98, comm = 0x676f68, ["sched_info.last_arrival"] = 50 * S})
    function cpumask.of() return {0, 1} end
    function panic.cpu() return nil end
    function rq.of(_, cpu) return kvm_error.check(k:object(queues[cpu + 1], "struct rq")) end
    function rq.for_each_task(queue)
      local list = queue == k:object(queues[1], "struct rq") and waiting or {}
      return coroutine.wrap(function() for _, w in ipairs(list) do coroutine.yield(w.task, "cfs", w.delayed) end end)
    end
    function rq.delay(t) for _, w in ipairs(waiting) do if w.task == t then return w.ns, 0 end end end
  end)
  after_each(function()
    for name, f in pairs(own) do rq[name] = f end
    cpumask.of, panic.cpu = of, panic_cpu
  end)

  local function run() return checks.run("runqueue", checks.new(k)) end

  it("is quiet where all get on", function()
    waiting = {{task = task(1, {pid = 6}), ns = 4 * S}, {task = task(2, {pid = 7}), ns = 50 * S, delayed = true},
      {task = task(3, {pid = 8, policy = 5}), ns = 50 * S}, {task = task(4, {pid = 9})}}
    local found, err = run()
    assert.are.same({{}, nil}, {found, err})
  end)

  it("finds tasks that do not get to run, and who does", function()
    waiting = {{task = task(1, {pid = 6, comm = 0x61}), ns = 11 * S}, {task = task(2, {pid = 7, comm = 0x62, prio = 120}), ns = 40 * S}}
    local f = run()
    assert.are.same({1, "error", {5, 7, 6}}, {#f, f[1].severity, f[1].pids})
    assert.are.equal("2 tasks do not get to run on CPU 0, pid 7 (b) for 40.0 s; pid 5 (hog) runs", f[1].title)
    assert.are.same({"it runs pid 5 (hog), policy FIFO, prio 98 since 50.0 s",
      "pid 7 (b), policy normal, prio 120 has waited in queue cfs for 40.0 s"}, {f[1].evidence[1], f[1].evidence[2]})
    waiting[2].ns = 12 * S
    assert.are.equal("warning", run()[1].severity)
  end)

  it("finds a CPU whose clock stands still, unless it sleeps", function()
    memory.set(k, "struct rq", queues[2], {clock = 92 * S})
    local f = run()
    assert.are.same({1, "warning", {5}}, {#f, f[1].severity, f[1].pids})
    assert.are.equal("the clock of CPU 1 has stood still for 8.0 s, while it runs pid 5 (hog)", f[1].title)
    memory.set(k, "struct rq", queues[2], {clock = 90 * S})
    assert.are.equal("error", run()[1].severity)
    function panic.cpu() return 1 end
    assert.are.equal("info", run()[1].severity)
    function panic.cpu() return nil end
    memory.set(k, "struct rq", queues[2], {curr = START + 0x900})
    assert.are.same({}, (run()))
  end)

  it("finds very long queues", function()
    memory.set(k, "struct rq", queues[1], {nr_running = 100})
    local f = run()
    assert.are.same({1, "warning", "CPU 0 has 100 tasks that want to run"}, {#f, f[1].severity, f[1].title})
  end)

  it("looks at all CPUs and tells damage behind that", function()
    local each = rq.for_each_task
    function rq.for_each_task(queue)
      if queue == k:object(queues[1], "struct rq") then kvm_error.fail("format", "damaged") end
      return each(queue)
    end
    memory.set(k, "struct rq", queues[2], {nr_running = 500})
    local f, err = run()
    assert.are.same({1, "damaged"}, {#f, err.message})
  end)
end)
