-- SPDX-License-Identifier: BSD-2-Clause
local checks = require "spec.support.check_context"
local cpumask = require "kvm.linux.cpumask"
local harness = require "spec.support.harness"
local memory = require "spec.support.memory"
local percpu = require "kvm.linux.percpu"
local sched = require "kvm.linux.sched"
local stack = require "kvm.stack"

local START <const>, S <const> = memory.START, 1000000000
local AT = {watchdog_touch_ts = START, tick_cpu_sched = START + 0x40, runqueues = START + 0x80}

describe("kvm.linux.check.lockup", function()
  harness.guard()
  local own = {cpumask.of, percpu.per_cpu_ptr, sched.current, stack.of}
  local k, frames
  before_each(function()
    k = memory.open [[
      struct timerqueue_node { long expires; }; struct hrtimer { struct timerqueue_node node; };
      struct tick_sched { struct hrtimer sched_timer; }; struct rq { long clock; };
    ]]
    memory.symbols(AT)
    function cpumask.of() return {0} end
    function percpu.per_cpu_ptr(_, addr) return addr end
    function sched.current() return 64 end
    function stack.of() return {of_cpu = function() return frames end} end
    frames = {{name = "lab_spin", module = "lab", offset = 3, pc = 3, sp = 1, trusted = true}, registers = {eflags = 0x246}}
    assert(k:write(AT.watchdog_touch_ts, ("<I8"):pack(100)))
    memory.set(k, "struct rq", AT.runqueues, {clock = (100 << 30) + 5 * S})
    memory.set(k, "struct tick_sched", AT.tick_cpu_sched, {["sched_timer.node.expires"] = 105 * S})
  end)
  after_each(function()
    memory.forget()
    cpumask.of, percpu.per_cpu_ptr, sched.current, stack.of = table.unpack(own)
  end)
  local function run(idle, panic_cpu)
    local c = checks.new(k, {uptime_ns = 105 * S})
    function c.setting() return 10 end
    function c.panic_cpu() return panic_cpu end
    function c.task_at() return {addr = 64, pid = 8, comm = "spin", idle = idle} end
    function c.task_text(_, t) return ("pid %d (%s)"):format(t.pid, t.comm) end
    return checks.run("lockup", c)
  end

  it("tells of a CPU whose watchdog has not run for twice its time", function()
    assert.are.same({}, (run()))
    memory.set(k, "struct rq", AT.runqueues, {clock = (100 << 30) + 26 * S})
    local found = run()
    assert.are.equal("soft lockup: CPU 0 stuck for 26 s in lab_spin+0x3 [lab], pid 8 (spin)", found[1].title)
    assert.are.same({"critical", {8}, {"lab_spin"}, {"lab"}}, {found[1].severity, found[1].pids, found[1].functions, found[1].modules})
  end)

  it("tells of a CPU with interrupts off whose tick does not come", function()
    frames.registers.eflags = 0x46
    assert.are.same({}, (run()))
    memory.set(k, "struct tick_sched", AT.tick_cpu_sched, {["sched_timer.node.expires"] = 100 * S})
    assert.are.equal("hard lockup: CPU 0 stuck for 5 s in lab_spin+0x3 [lab], pid 8 (spin)", run()[1].title)
  end)

  it("looks below an interrupt", function()
    memory.set(k, "struct rq", AT.runqueues, {clock = (100 << 30) + 26 * S})
    frames = {{name = "handler", offset = 1, trusted = true}, {name = "asm_sysvec_apic_timer_interrupt", offset = 1, trusted = true},
      {name = "lab_under", offset = 1, pc = 1, sp = 1, trusted = true, regs = {}}, registers = {eflags = 0x46}}
    assert.matches("in lab_under%+0x1", run()[1].title)
  end)

  it("leaves out idle CPUs and the one that panicked", function()
    memory.set(k, "struct rq", AT.runqueues, {clock = (100 << 30) + 26 * S})
    assert.are.same({}, (run(true)))
    assert.are.same({}, (run(false, 0)))
  end)
end)
