-- SPDX-License-Identifier: BSD-2-Clause
local context_of = require "kvm.linux.check.context"
local kvm_error = require "kvm.error"
local panic = require "kvm.linux.panic"
local printk = require "kvm.linux.printk"
local sched = require "kvm.linux.sched"
local stack = require "kvm.stack"

describe("kvm.linux.check.context", function()
  local own = {panic.cpu, printk.records, sched.each_task, stack.of, stack.of_task}
  local calls
  local function count(name, f)
    return function(...)
      calls[name] = (calls[name] or 0) + 1
      return f(...)
    end
  end
  local function each(list)
    local i = 0
    return function()
      i = i + 1
      return list[i]
    end
  end
  before_each(function()
    calls = {}
    panic.cpu = count("panic", function() return 1 end)
    printk.records = count("log", function() return each {{time_ns = 0, text = "kernel BUG at a.c:1!"}} end)
    sched.each_task = count("tasks", function()
      return each {{addr = 64, pid = 10, tid = 11, comm = "one", state = "S"}, {addr = 128, pid = 0, tid = 0, comm = "swapper/1",
        idle = true}}
    end)
    function stack.of() return {running = {[1] = 128}} end
    stack.of_task = count("stack", function() return {{name = "f", trusted = true}, {name = "guess", trusted = false},
      {trusted = true}} end)
  end)
  after_each(function() panic.cpu, printk.records, sched.each_task, stack.of, stack.of_task = table.unpack(own) end)

  it("reads each thing once", function()
    local c = context_of.new {}
    for _ = 1, 2 do
      local tasks = c:tasks()
      assert.are.same({11, 10, "one", "S"}, {tasks[1].pid, tasks[1].tgid, tasks[1].comm, tasks[1].state})
      assert.is_nil(tasks[1].on_cpu)
      assert.are.equal(1, tasks[2].on_cpu)
      assert.is_true(tasks[2].idle)
      assert.are.same({"f"}, c:functions(tasks[1]))
      assert.are.equal("one", c:task_at(64).comm)
      assert.is_nil(c:task_at(65))
      assert.are.equal("bug", c:reports()[1].kind)
      assert.is_true(c:is_panic())
    end
    assert.are.same({tasks = 1, stack = 1, log = 1, panic = 1}, calls)
  end)

  it("fails again with the same error", function()
    sched.each_task = count("tasks", function() kvm_error.fail("fault", "gone") end)
    local c = context_of.new {}
    for _ = 1, 2 do
      local _, err = kvm_error.try(c.tasks, c)
      assert.are.equal("gone", err.message)
    end
    assert.are.equal(1, calls.tasks)
  end)

  it("makes text of addresses and tasks", function()
    local k = {symbol = function(_, addr)
      if addr == 0 then return nil end
      return {name = "f", module = addr > 100 and "m" or nil}, addr % 100
    end, i32 = function() return 5 end}
    local c = context_of.new(k)
    assert.are.same({"0x0", "f+0x10", "f+0x1 [m]", "f [m]"}, {c:symbol_text(0), c:symbol_text(16), c:symbol_text(101), c:symbol_text(200)})
    assert.are.equal("pid 1 (init)", c:task_text {pid = 1, comm = "init"})
  end)
end)
