-- SPDX-License-Identifier: BSD-2-Clause
local checks = require "spec.support.check_context"
local object = require "kvm.object"
local workqueue = require "kvm.linux.workqueue"

local S <const> = 1000000000

local function each(list)
  local i = 0
  return function()
    i = i + 1
    return list[i]
  end
end

describe("kvm.linux.check.stuck_work", function()
  local own, addr = {}, object.addr
  local running, inactive
  before_each(function()
    for name, f in pairs(workqueue) do own[name] = f end
    running, inactive = {func = "lab_work", wq = {name = "lab_wq"}, age_ns = 40 * S}, {"a", "a", "b"}
    function workqueue.for_each_pool() return each {{}} end
    function workqueue.is_bh() return false end
    function workqueue.for_each_worker() return each {{task = {}, current_pwq = {}}} end
    function workqueue.for_each_inactive() return each(inactive) end
    function workqueue.running() return running end
    function workqueue.func(work) return work end
    function workqueue.name(wq) return wq.name end
    function object.addr(_, member) return member and 8 or 64 end
  end)
  after_each(function()
    for name, f in pairs(own) do workqueue[name] = f end
    object.addr = addr
  end)
  local function run()
    local c = checks.new {ptr = function() return 1 end, symbol = function() return {module = "lab"} end}
    function c.task_at() return {pid = 9, comm = "kworker/0:1", state = "D"} end
    function c.asleep_ns() return 11 * S end
    function c.stack() return {{name = "lab_wait", module = "lab", trusted = true, offset = 1, pc = 1}} end
    function c.task_text(_, t) return ("pid %d (%s)"):format(t.pid, t.comm) end
    return checks.run("stuck_work", c)
  end

  it("tells of a work, its workqueue and what waits behind it", function()
    local found = run()
    assert.are.equal("stuck work: lab_work [lab] on workqueue lab_wq has not ended for 40 s, 3 works wait behind it", found[1].title)
    assert.are.equal("3 works wait behind it: a (2), b", found[1].evidence[2])
    assert.are.same({"error", {9}, {"lab_work", "lab_wait"}}, {found[1].severity, found[1].pids, found[1].functions})
  end)

  it("takes the time that its task has slept where the kernel keeps none", function()
    running.age_ns = nil
    assert.are.equal("warning", run()[1].severity)
  end)

  it("is quiet about what nothing waits for, what is young, what does nothing", function()
    inactive = {}
    assert.are.same({}, (run()))
    inactive, running.age_ns = {"a"}, 9 * S
    assert.are.same({}, (run()))
    running = nil
    assert.are.same({}, (run()))
  end)
end)
