-- SPDX-License-Identifier: BSD-2-Clause
local checks = require "spec.support.check_context"
local harness = require "spec.support.harness"
local made = require "spec.support.irq"
local memory = require "spec.support.memory"
local rq = require "kvm.linux.rq"

local S <const> = 1000000000

describe("kvm.linux.check.irq", function()
  harness.guard()
  local own = {of = rq.of, latest = rq.latest, delay = rq.delay}
  local k, symbols, fields
  before_each(function()
    k, symbols = made.open()
    fields = {task_list = {}, records = {}, uptime_ns = 100 * S}
  end)
  after_each(function()
    memory.forget()
    for name, f in pairs(own) do rq[name] = f end
  end)

  local function set(members) memory.set(k, "struct irq_desc", made.at.DESC, members) end
  local function run() return checks.run("irq", checks.new(k, fields)) end

  it("is quiet about interrupts that are handled", function()
    set {irqs_unhandled = 9999}
    local found, err = run()
    assert.are.same({{}, nil}, {found, err})
  end)

  it("finds one that was switched off, with what the log says", function()
    set {core_internal_state__do_not_mess_with_it = 2, irqs_unhandled = 0}
    fields.records = {{time_ns = S, text = "irq 0: nobody cared (try booting ..."}, {time_ns = 2 * S, text = "Disabling IRQ #0"},
      {time_ns = 3 * S, text = "irq 10: nobody cared"}}
    local f = run()
    assert.are.same({1, "error"}, {#f, f[1].severity})
    assert.matches("^IRQ 0 was switched off, as nobody handled it: TIMER %(a_handler%), %? %(0x99%) gets no interrupts", f[1].title)
    assert.are.same({"log at 1.000 s: irq 0: nobody cared (try booting ...", "log at 2.000 s: Disabling IRQ #0"},
      {f[1].evidence[1], f[1].evidence[2]})
  end)

  it("finds one that nobody handles", function()
    set {irqs_unhandled = 50000, irq_count = 50010}
    local f = run()
    assert.are.same({1, "warning"}, {#f, f[1].severity})
    assert.matches("nobody handles IRQ 0: 50000 of its last 50010", f[1].title, 1, true)
  end)

  it("finds one that comes too often", function()
    set {tot_count = 30000000}
    assert(k:write(made.at.COUNTS + 0x20, ("<I4"):pack(30000000)))
    local f = run()
    assert.are.same({1, "warning"}, {#f, f[1].severity})
    assert.matches("came 300000 times a second on CPU 0", f[1].title, 1, true)
    fields.uptime_ns = 5 * S
    assert.are.same({}, (run()))
    assert(k:write(made.at.STAT + 0x20, ("<I4I4"):pack(5, 30000000))) -- the timer's
    fields.uptime_ns = 100 * S
    assert.matches("^Local timer interrupts %(LOC%) came 300000 times", run()[2].title)
  end)

  it("finds softirqs that wait for ksoftirqd", function()
    local waits = 3 * S
    function rq.of() return {curr = {pid = 77, comm = "hog"}} end
    function rq.latest() return 100 * S end
    function rq.delay() return waits end
    fields.task_list = {{pid = 14, tgid = 14, comm = "ksoftirqd/0", state = "R", task = {}}}
    local f = run() -- pending is 7
    assert.are.same({1, "warning", {77, 14}}, {#f, f[1].severity, f[1].pids})
    assert.are.equal("CPU 0: softirqs wait (HI, TIMER, 2), but ksoftirqd/0 has not got to run for 3.0 s; pid 77 (hog) runs", f[1].title)
    waits = 11 * S
    assert.are.equal("error", run()[1].severity)
    waits = S
    assert.are.same({}, (run()))
    waits = 11 * S
    assert(k:write(made.at.STAT + 0x20 + 8, ("<I2"):pack(0)))
    assert.are.same({}, (run()))
  end)

  it("tells damage behind what it found", function()
    symbols.irq_desc_tree = memory.UNMAPPED
    memory.symbols(symbols)
    local found, err = run()
    assert.are.same({{}, "fault"}, {found, err.code})
  end)
end)
