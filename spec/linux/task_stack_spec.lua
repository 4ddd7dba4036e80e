-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local made = require "spec.support.stacks"
local memory = require "spec.support.memory"
local task_stack = require "kvm.linux.task_stack"

local S <const> = memory.START

describe("kvm.linux.task_stack", function()
  harness.guard()
  local k, symbols
  before_each(function() k, symbols = made.open() end)
  after_each(memory.forget)

  it("knows where a task's stack is, and how large, also before 6.10", function()
    assert.are.same({made.STACK, made.SIZE}, {task_stack.of(k, made.TASK), task_stack.size(k)})
    symbols.__start_init_task, symbols.__end_init_task = S, S + 0x800
    symbols.__end_init_stack = nil
    assert.are.equal(0x800, task_stack.size(k))
    symbols.__end_init_task = nil
    local ok, err = pcall(task_stack.size, k)
    assert.are.same({false, "notfound"}, {ok, err.code})
    memory.set(k, "struct task_struct", made.TASK, {stack = 0})
    assert.is_nil(task_stack.of(k, made.TASK))
    assert.is_nil(task_stack.pt_regs(k, made.TASK))
  end)

  it("knows the stacks of CPUs", function()
    local irq = {first = made.IRQ_STACK, last = made.TOP, kind = "irq", cpu = 0}
    assert.are.same({irq}, task_stack.of_cpus(k))
    made.words(k, S + 0x88, made.TOP, S + 0x140) -- before 5.12 the end itself
    assert.are.same({irq, {first = S + 0x180, last = S + 0x1c0, kind = "DF", cpu = 0}, {first = S + 0x200, last = S + 0x240, kind = "NMI",
      cpu = 0}, {first = S + 0x100, last = S + 0x140, kind = "entry", cpu = 0}}, task_stack.of_cpus(k))
  end)

  it("reads the registers of a task that sleeps", function()
    made.sleep(k, made.STACK + 0x100, 0x1234)
    local regs, at = task_stack.saved(k, made.TASK)
    assert.are.equal(made.STACK + 0x100, at)
    assert.are.same({rip = 0x1234, rsp = at + 56, rbp = 0, rbx = 3, r12 = 12, r13 = 13, r14 = 14, r15 = 15}, regs)
    memory.set(k, "struct task_struct", made.TASK, {["thread.sp"] = memory.UNMAPPED})
    local ok, err = pcall(task_stack.saved, k, made.TASK)
    assert.are.same({false, "fault"}, {ok, err.code})
  end)

  it("reads the registers of a program, which kernel threads have not", function()
    local at = task_stack.pt_regs(k, made.TASK)
    assert.are.equal(made.STACK + made.SIZE - 168, at)
    assert.is_nil(task_stack.user_registers(k, made.TASK)) -- cs says the kernel
    memory.set(k, "struct pt_regs", at, {ip = 0x401000, cs = 0x33, sp = 0x7ff0})
    local regs = task_stack.user_registers(k, made.TASK)
    assert.are.same({0x401000, 0x7ff0}, {regs.rip, regs.rsp})
    memory.set(k, "struct task_struct", made.TASK, {flags = 0x200000})
    assert.is_nil(task_stack.user_registers(k, made.TASK))
  end)

  it("reads the registers of a CPU out of crash_notes, or of the note that names its task", function()
    made.crash(k, symbols, {rip = 0x1234, rsp = 0x5678})
    local regs, from = task_stack.cpu_registers(k, 0)
    assert.are.same({0x1234, 0x5678, "crash_notes"}, {regs.rip, regs.rsp, from})
    symbols.crash_notes = nil
    assert.is_nil(task_stack.cpu_registers(k, 0)) -- no note is of task 7
    memory.set(k, "struct task_struct", made.TASK, {pid = 42})
    regs, from = task_stack.cpu_registers(k, 0)
    assert.are.same({k:registers(1).rip, "PRSTATUS"}, {regs.rip, from})
  end)
end)
