-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local made = require "spec.support.stacks"
local memory = require "spec.support.memory"
local stack = require "kvm.stack"

local LOW <const> = made.STACK + 0x100

describe("kvm.stack", function()
  harness.guard()
  local k, symbols
  before_each(function() k, symbols = made.open() end)
  after_each(memory.forget)

  local function brief(frames)
    local out = {}
    for i, f in ipairs(frames) do out[i] = ("%s %s %s"):format(stack.place(f), f.how, f.trusted) end
    return out
  end
  local function of_registers(pc, sp, more)
    local regs = {rip = pc, rsp = sp, rbp = 0}
    for name, value in pairs(more or {}) do regs[name] = value end
    return stack.new(k):of_registers(regs, made.TASK)
  end

  it("goes from a task that sleeps to where it began", function()
    made.sleep(k, LOW, made.INNER + 0x10)
    made.words(k, LOW + 56, made.RETURN)
    local frames = stack.of_task(k, made.TASK)
    assert.are.same({"inner+0x10 switch true", "outer+0x25 orc true"}, brief(frames))
    assert.is_true(frames.complete)
    assert.is_nil(frames.stopped)
    assert.are.same({LOW + 56, LOW + 64, "task"}, {frames[1].sp, frames[2].sp, frames[2].stack})
    assert.are.equal(stack.of(k), stack.of(k))
  end)

  it("goes through what was interrupted, to the program", function()
    made.rules(k, made.REGS, made.REGS)
    local at = LOW + 0x100
    memory.set(k, "struct pt_regs", LOW, {ip = made.OUTER + 0x30, cs = 0x10, sp = at, ax = 77})
    memory.set(k, "struct pt_regs", at, {ip = 0x401000, cs = 0x33, sp = 0x7ff0})
    local frames = of_registers(made.INNER + 4, LOW)
    assert.are.same({"inner+0x4 registers true", "outer+0x30 pt_regs true"}, brief(frames))
    assert.are.same({LOW, 77}, {frames[2].regs_at, frames[2].regs.rax})
    assert.are.same({true, 0x401000}, {frames.complete, frames.user.rip})
  end)

  it("goes on where only what the CPU pushed is left", function()
    made.rules(k, made.IRET, made.END)
    made.words(k, LOW, made.OUTER + 8, 0x10, 0, LOW + 0x80, 0x18)
    assert.are.same({"inner+0x4 registers true", "outer+0x8 pt_regs true"}, brief(of_registers(made.INNER + 4, LOW)))
  end)

  it("crosses to another stack, and back to none that it left", function()
    made.rules(k, made.REGS, made.END)
    memory.set(k, "struct pt_regs", made.IRQ_STACK + 0x100, {ip = made.OUTER + 8, cs = 0x10, sp = LOW})
    local frames = of_registers(made.INNER + 4, made.IRQ_STACK + 0x100)
    assert.are.same({"irq", "task", true}, {frames[1].stack, frames[2].stack, frames.complete})
    made.rules(k, made.REGS, made.REGS)
    memory.set(k, "struct pt_regs", LOW, {ip = made.INNER + 8, cs = 0x10, sp = made.IRQ_STACK + 0x200})
    frames = of_registers(made.INNER + 4, made.IRQ_STACK + 0x100)
    assert.matches("the stack pointer goes from", frames.stopped)
    assert.is_nil(frames.complete)
  end)

  it("stops where the stack pointer does not grow, and runs in no circle", function()
    made.rules(k, made.REGS, made.END)
    memory.set(k, "struct pt_regs", LOW, {ip = made.INNER + 8, cs = 0x10, sp = LOW})
    local frames = of_registers(made.INNER + 4, LOW)
    assert.matches("the stack pointer goes from", frames.stopped)
    assert.are.equal(1, #frames)
  end)

  it("looks through the stack where no table tells, and trusts nothing there", function()
    made.rules(k, made.UNDEFINED, made.END)
    made.words(k, LOW, 1, made.RETURN, made.INNER + 8, made.RETURN)
    local frames = of_registers(made.INNER + 4, LOW)
    assert.are.same({"inner+0x4 registers true", "outer+0x25 scan false", "outer+0x25 scan false"}, brief(frames))
    assert.matches("no unwind table knows inner+", frames.stopped .. "+")
    assert.are.equal(LOW + 16, frames[2].sp)
  end)

  it("trusts a function's first instructions, and no frame pointers where there are tables", function()
    made.rules(k, made.UNDEFINED, made.END)
    assert(k:write(made.INNER, "\x53\xba\1\0\0\0\x48\x81\xec\xb0\0\0\0"))
    made.words(k, LOW + 0xb8, made.RETURN)
    assert.are.same({"inner+0x40 registers true", "outer+0x25 prologue true"}, brief(of_registers(made.INNER + 0x40, LOW)))
    assert(k:write(made.INNER, "\xcc"))
    made.words(k, LOW + 0x40, LOW + 0x60, made.RETURN)
    assert.are.same({"inner+0x40 registers true", "outer+0x25 frame pointer false"},
      brief(of_registers(made.INNER + 0x40, LOW, {rbp = LOW + 0x40})))
  end)

  it("goes back from a call to where no code is", function()
    made.words(k, LOW, made.RETURN)
    local frames = of_registers(0, LOW)
    assert.are.same({"0x0 registers true", "outer+0x25 call true"}, brief(frames))
    assert.is_true(frames.complete)
  end)

  it("unwinds by frame pointers where the kernel has no tables", function()
    symbols.__start_orc_unwind = nil
    made.words(k, LOW + 0x40, 0, made.RETURN)
    assert.are.same({"inner+0x40 registers true", "outer+0x25 frame pointer true"},
      {table.unpack(brief(of_registers(made.INNER + 0x40, LOW, {rbp = LOW + 0x40})), 1, 2)})
  end)

  it("says what it could not read", function()
    made.rules(k, {0x7ff0, 5 | 2 << 8}, made.END)
    local frames = of_registers(made.INNER + 4, LOW)
    assert.are.same({"fault", 1}, {frames.code, #frames})
    memory.set(k, "struct task_struct", made.TASK, {["thread.sp"] = memory.UNMAPPED})
    assert.are.equal("fault", stack.new(k):of_task(made.TASK).code)
    memory.set(k, "struct task_struct", made.TASK, {["thread.sp"] = memory.START + 0x800, stack = made.IRQ_STACK + 0x1000})
    assert.matches("not on the task's stack", stack.new(k):of_task(made.TASK).stopped)
    memory.set(k, "struct task_struct", made.TASK, {stack = 0})
    assert.are.equal("notfound", stack.new(k):of_task(made.TASK).code)
  end)

  it("starts from the registers that a CPU left", function()
    made.crash(k, symbols, {rip = made.INNER + 4, rsp = LOW})
    made.words(k, LOW, made.RETURN)
    local unwinder = stack.new(k)
    local frames, from = unwinder:of_cpu(0)
    assert.are.equal("crash_notes", from)
    assert.are.same({"inner+0x4 registers true", "outer+0x25 orc true"}, brief(frames))
    assert.are.same(brief(frames), brief(unwinder:of_task(made.TASK)))
    made.crash(k, symbols, {rip = 0x401000, rsp = 0x7ff0, cs = 0x33})
    assert.are.same({0x401000, 0}, {unwinder:of_cpu(0).user.rip, #unwinder:of_cpu(0)})
    symbols.crash_notes = nil
    assert.is_nil(unwinder:of_cpu(0))
    frames = unwinder:of_task(made.TASK)
    assert.are.same({"notfound", 0, "outer+0x25 scan false"}, {frames.code, frames.cpu, brief(frames)[1]})
  end)

  it("knows return addresses by the call before them", function()
    local unwinder, at = stack.new(k), made.INNER + 16
    assert(k:write(at - 4, "\xff\x54\x24\8"))
    assert.is_true(unwinder:is_return_address(at))
    assert.is_false(unwinder:is_return_address(at - 1))
    assert.is_false(unwinder:is_return_address(made.INNER + 8))
    assert.is_false(unwinder:is_return_address(made.STACK))
  end)

  describe("where a tracer has put its return address", function()
    local HANDLER <const> = made.OUTER + 0x80
    before_each(function()
      kvm.cdef(k, "struct llist_node { struct llist_node *next; };"
        .. " struct rethook_node { struct llist_node llist; unsigned long ret_addr, frame; };"
        .. " struct task_struct { void *stack; struct { unsigned long sp; } thread; unsigned int flags; int pid, tgid; char comm[16];"
        .. " struct { void *first; } rethooks; };")
      symbols.arch_rethook_trampoline = HANDLER
      made.sleep(k, LOW, made.INNER + 0x10)
      made.words(k, LOW + 56, HANDLER)
    end)

    it("finds the caller that the tracer knows", function()
      local node = made.IRQ_STACK
      memory.set(k, "struct rethook_node", node, {ret_addr = made.RETURN, frame = LOW + 56})
      memory.set(k, "struct task_struct", made.TASK, {["rethooks.first"] = node})
      local frames = stack.of_task(k, made.TASK)
      assert.are.same({"inner+0x10 switch true", "outer+0x25 orc true"}, brief(frames))
      assert.are.same({"arch_rethook_trampoline", nil}, {frames[2].hook, frames[1].hook})
    end)

    it("shows the tracer where it knows of none", function()
      memory.set(k, "struct task_struct", made.TASK, {["rethooks.first"] = 0})
      made.words(k, LOW + 80, made.RETURN)
      local frames = stack.of_task(k, made.TASK)
      assert.are.same({HANDLER, true, nil}, {frames[2].pc, frames[2].trusted, frames[2].hook})
      assert.are.same({made.RETURN, "scan", false}, {frames[3].pc, frames[3].how, frames[3].trusted})
      assert.matches("nothing tells where arch_rethook_trampoline returns to", frames.stopped)
    end)
  end)
end)
