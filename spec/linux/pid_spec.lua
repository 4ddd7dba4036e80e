-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local made = require "spec.support.credentials"
local memory = require "spec.support.memory"
local pid = require "kvm.linux.pid"

describe("kvm.linux.pid", function()
  harness.guard()
  local k, task, set
  before_each(function() k, task, set = made.open() end)
  after_each(memory.forget)

  it("tells the ids of a task", function()
    assert.are.equal(made.at.PID, kvm.addr(pid.of_task(task)))
    assert.are.equal(made.at.PID, kvm.addr(pid.of_task(task, "TGID")))
    assert.are.equal(made.at.GROUP, kvm.addr(pid.of_task(task, "SID")))
    local _, err = kvm.try(pid.of_task, task, "XID")
    assert.are.equal("inval", err.code)
  end)

  it("tells their numbers in each namespace", function()
    local own, group = pid.of_task(task), pid.of_task(task, "PGID")
    local inner = pid.ns_of_pid(own)
    assert.are.equal(made.at.INNER, kvm.addr(inner))
    assert.are.same({9, 1, 4, 0}, {pid.nr(own), pid.nr(own, inner), pid.nr(group), pid.nr(group, inner)})
    assert.are.same({9, 1}, pid.ns_numbers(task))
    assert.are.same({4, 0}, pid.ns_numbers(task, "SID"))
    set("task_struct", made.at.TASK, {thread_pid = 0})
    assert.is_nil(pid.ns_numbers(task))
  end)

  it("finds ids, and tasks by them", function()
    local ns = pid.init_ns(k)
    assert.are.equal(made.at.PID, kvm.addr(pid.find(ns, 9)))
    assert.is_nil(pid.find(ns, 10))
    assert.is_nil(pid.find(ns, -1))
    assert.are.same({{9, made.at.PID}}, (memory.collect(pid.for_each(ns), function(nr, p) return {nr, kvm.addr(p)} end)))
    assert.are.same({task}, (memory.collect(pid.for_each_task(pid.find(ns, 9)))))
    assert.are.same({}, (memory.collect(pid.for_each_task(pid.of_task(task, "SID"), "SID"))))
  end)

  it("refuses an id of more namespaces than there can be", function()
    set("pid", made.at.PID, {level = 33})
    local _, err = kvm.try(pid.numbers, pid.of_task(task))
    assert.are.equal("format", err.code)
  end)
end)
