-- SPDX-License-Identifier: BSD-2-Clause
local checks = require "spec.support.check_context"
local harness = require "spec.support.harness"
local memory = require "spec.support.memory"
local task_stack = require "kvm.linux.task_stack"

local TASK <const>, STACK <const>, MAGIC <const> = memory.START, memory.START + 0x400, 0x57AC6E9D

describe("kvm.linux.check.stack_end", function()
  harness.guard()
  local size = task_stack.size
  local k
  before_each(function()
    k = memory.open "struct thread_struct { unsigned long sp; }; struct task_struct { void *stack; struct thread_struct thread; };"
    memory.set(k, "struct task_struct", TASK, {stack = STACK, ["thread.sp"] = STACK + 0x80})
    assert(k:write(STACK, ("<I8"):pack(MAGIC)))
    function task_stack.size() return 0x100 end
  end)
  after_each(function() task_stack.size = size end)
  local function run(fields)
    local t = {addr = TASK, pid = 5, comm = "deep"}
    for key, v in pairs(fields or {}) do t[key] = v end
    local c = checks.new(k, {task_list = {t}})
    function c.task_text(_, of) return ("pid %d (%s)"):format(of.pid, of.comm) end
    return checks.run("stack_end", c)
  end

  it("is quiet about whole stacks, and tasks that have none any more", function()
    assert.are.same({}, (run()))
    memory.set(k, "struct task_struct", TASK, {stack = 0})
    assert.are.same({}, (run()))
  end)

  it("tells where the magic is gone", function()
    assert(k:write(STACK, ("<I8"):pack(0x42)))
    local found = run()
    assert.are.equal("stack overrun: the magic at the stack's end is gone of pid 5 (deep)", found[1].title)
    assert.are.same({"critical", {5}}, {found[1].severity, found[1].pids})
  end)

  it("tells of a stack pointer that is elsewhere, but of a task that runs", function()
    memory.set(k, "struct task_struct", TASK, {["thread.sp"] = STACK + 0x100})
    assert.matches("saved stack pointer is outside", run()[1].title)
    assert.are.same({}, (run {on_cpu = 0}))
  end)

  it("tells of what can't be read, as no fault", function()
    memory.set(k, "struct task_struct", TASK, {stack = memory.UNMAPPED})
    local found = run()
    assert.are.same({"info", "the stacks of 1 tasks can't be read"}, {found[1].severity, found[1].title})
  end)
end)
