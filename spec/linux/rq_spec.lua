-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local made = require "spec.support.rq"
local memory = require "spec.support.memory"
local rq = require "kvm.linux.rq"

describe("kvm.linux.rq", function()
  harness.guard()
  local k, set, queue
  before_each(function()
    k, set = made.open()
    queue = rq.of(k, 0)
  end)
  after_each(memory.forget)

  local function tasks()
    return memory.collect(rq.for_each_task(queue), function(task, class, delayed) return {task.pid, class, delayed} end)
  end

  it("gives the tasks that wait, also those of groups", function()
    assert.are.equal(made.at.RQ, kvm.addr(queue))
    assert.are.same({{103, "rt", false}, {101, "cfs", true}, {102, "cfs", false}}, (tasks()))
  end)

  it("knows the groups of the running task, and deadline tasks", function()
    local se = made.at.task(1) + k:type("struct task_struct"):strip():field("se").offset
    set("sched_entity", se, {["run_node.rb_right"] = 0})
    set("rq", made.at.RQ, {["cfs.curr"] = made.at.GROUP})
    assert.are.same({{103, "rt", false}, {101, "cfs", true}, {102, "cfs", false}}, (tasks()))
    local dl = made.at.task(0) + k:type("struct task_struct"):strip():field("dl").offset
    set("rq", made.at.RQ, {["dl.root.rb_root.rb_node"] = dl})
    set("sched_dl_entity", dl, {["rb_node.__rb_parent_color"] = 1})
    assert.are.same({100, "dl", false}, tasks()[1])
  end)

  it("knows the clock that was looked at last", function()
    assert.are.same({1000, 950}, {rq.latest(k), rq.clock(k)})
  end)

  it("tells how long a task waits", function()
    assert.are.same({100, 2}, {rq.delay(k:object(made.at.task(2), "struct task_struct"), 1000)})
    assert.are.same({nil, 0}, {rq.delay(k:object(made.at.task(0), "struct task_struct"), 1000)})
    assert.are.equal(0, (rq.delay(k:object(made.at.task(2), "struct task_struct"), 5)))
  end)

  it("tells how long a task has not run, and the load", function()
    local task = k:object(made.at.task(2), "struct task_struct")
    assert.are.equal(950, rq.clock(k))
    assert.is_nil(rq.asleep(task, 950)) -- it never ran
    set("task_struct", made.at.task(2), {["se.exec_start"] = 900, ["se.avg.load_avg"] = 5, ["se.avg.util_avg"] = 6})
    assert.are.same({50, 0}, {rq.asleep(task, 950), rq.asleep(task, 800)})
    set("task_struct", made.at.task(2), {on_rq = 1})
    assert.is_nil(rq.asleep(task, 950))
    assert.are.same({5, 6}, {rq.load(task.se)})
    assert.are.same({77, 88}, {rq.load(rq.of(k, 0).cfs)})
  end)

  it("stops where a queue is damaged, and does not run in a circle", function()
    set("sched_entity", made.at.GROUP, {["run_node.__rb_parent_color"] = 1})
    local got, err = tasks()
    assert.are.same({2, "format"}, {#got, err.code})
    set("sched_entity", made.at.GROUP, {["run_node.__rb_parent_color"] = made.at.task(1) +
      k:type("struct task_struct"):strip():field("se").offset, my_q = made.at.RQ + k:type("struct rq"):strip():field("cfs").offset})
    got, err = tasks()
    assert.are.equal("format", err.code)
    assert.matches("nested deeper than 64", err.message)
    assert.is_true(#got < 100)
    local ok, wrong = pcall(rq.of, k, 3)
    assert.are.same({false, "inval"}, {ok, wrong.code})
  end)
end)
