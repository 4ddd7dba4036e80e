-- SPDX-License-Identifier: BSD-2-Clause
local cpumask = require "kvm.linux.cpumask"
local fake = require "spec.support.fake_kernel"
local flame = require "kvm.cmd.flame"
local harness = require "spec.support.harness"
local kvm_error = require "kvm.error"
local sched = require "kvm.linux.sched"
local stack = require "kvm.stack"

local SLEEP = {{name = "__schedule", how = "switch", stack = "task"}, {name = "schedule", how = "orc", stack = "task"},
  {name = "wait", module = "lab", how = "orc", stack = "task"}, complete = true}
local IRQ = {{name = "tick", how = "registers", stack = "irq"}, {name = "asm_irq", how = "orc", stack = "irq"},
  {pc = 0xffffffffc0001000, how = "pt_regs", stack = "task"}, {name = "entry", how = "frame pointer", stack = "task"}, complete = true,
  cpu = 1}
local LOST = {{name = "f", how = "switch", stack = "task"}, {name = "was_here_once", how = "scan", stack = "task"}, stopped = "no table"}
local USER = {user = {}, complete = true, cpu = 0}

local TASKS = {
  {addr = 1, comm = "a;b", state = "D", cpu = 0, frames = SLEEP},
  {addr = 2, comm = "a;b", state = "D", cpu = 0, frames = SLEEP},
  {addr = 3, comm = "busy", state = "R", cpu = 0, frames = IRQ},
  {addr = 4, comm = "lost", state = "S", frames = LOST},
  {addr = 5, comm = "user", state = "R", cpu = 0, frames = USER},
  {addr = 6, comm = "dead", state = "Z", cpu = 1, frames = {stopped = "no stack", code = "notfound"}},
}

describe("kvm.cmd.flame", function()
  harness.guard()
  local k = fake.new()
  local kept = {each_task = sched.each_task, current = sched.current, identity = sched.identity, of = stack.of, cpus = cpumask.of}
  local damaged

  before_each(function()
    damaged = nil
    function sched.each_task()
      local i = 0
      return function()
        i = i + 1
        if damaged == "list" and i == 4 then kvm_error.fail("format", "the list of tasks ends") end
        return TASKS[i]
      end
    end
    function sched.current(_, cpu) return cpu == 1 and 3 or 5 end
    function sched.identity(_, addr) return addr, addr, TASKS[addr].comm end
    function cpumask.of() return {0, 1, 2} end
    local unwinder = {}
    function unwinder.of_task(_, addr)
      if damaged == addr then kvm_error.fail("fault", "the stack is missing") end
      return TASKS[addr].frames
    end
    function unwinder.of_cpu(_, cpu) return cpu == 0 and USER or cpu == 1 and IRQ or nil end
    function stack.of() return unwinder end
  end)
  after_each(function()
    sched.each_task, sched.current, sched.identity = kept.each_task, kept.current, kept.identity
    stack.of, cpumask.of = kept.of, kept.cpus
  end)

  local function text(opts)
    local out = {}
    for rec in flame.run(k, opts) do out[#out + 1] = rec.stopped and rec.stopped .. "\n" or flame.text(rec) end
    return table.concat(out)
  end

  it("prints folded text, the outermost function first", function()
    assert.are.equal([[
a\x3bb;wait [lab];schedule;__schedule 2
busy;entry;0xffffffffc0001000;[irq stack];asm_irq;tick 1
dead;[no stack] 1
lost;[incomplete];f 1
user;[user mode] 1
]], text {})
  end)

  it("begins with what is asked for", function()
    assert.matches("^D %(disk sleep%);wait %[lab%];schedule;__schedule 2\nR %(running%);%[user mode%] 1\n", text {by = "state"})
    assert.matches("^CPU 0;%[user mode%] 1\nCPU 0;wait.-CPU 1;%[no stack%] 1\nCPU 1;entry.-no CPU;%[incomplete%];f 1\n$", text {by = "cpu"})
    assert.matches("\nwait %[lab%];schedule;__schedule 2\n$", text {by = "none"})
    local ok, err = pcall(flame.run, k, {by = "x"})
    assert.are.same({false, "inval"}, {ok, err.code})
  end)

  it("takes tasks in a state, or what the CPUs were doing", function()
    assert.are.equal("a\\x3bb;wait [lab];schedule;__schedule 2\nlost;[incomplete];f 1\n", text {state = "DS"})
    assert.are.equal("", text {state = "T"})
    assert.are.equal("busy;entry;0xffffffffc0001000;[irq stack];asm_irq;tick 1\nuser;[no stack] 1\nuser;[user mode] 1\n",
      text {active = true})
  end)

  it("tells of damage, and draws what is whole", function()
    damaged = 3
    assert.matches("^the stack is missing\na\\x3bb;[^\n]* 2\ndead", text {})
    damaged = "list"
    assert.matches("^the list of tasks ends\na\\x3bb;[^\n]* 2\nbusy;[^\n]* 1\n$", text {})
  end)

  it("writes an SVG, and never replaces a file", function()
    local path = harness.temp()
    os.remove(path)
    local said = text {svg = path}
    assert.matches(": 6 stacks, %d+ frames, [%d.]+ KiB\n$", said)
    local file = assert(io.open(path))
    local svg = file:read "a"
    file:close()
    assert.matches("<title>6 stacks of all tasks, Linux 6.1.0-fake</title>", svg, 1, true)
    assert.matches("<title>a;b (2 stacks, 33.33%)</title>", svg, 1, true)
    local ok, err = pcall(flame.run, k, {svg = path})
    assert.are.same({false, "inval"}, {ok, err.code})
    os.remove(path)
    assert.are.equal("", text {svg = path, state = "T"})
    assert.is_nil(io.open(path))
    assert.matches("nowhere", text {svg = "/nowhere/x.svg"})
  end)

  it("says how much is too narrow", function()
    assert.are.equal("x\\x1b: 3 stacks, 4 frames, 2.0 KiB; 5 more are too narrow to be seen\n",
      flame.text {path = "x\27", count = 3, frames = 4, bytes = 2048, left_out = 5})
  end)
end)
