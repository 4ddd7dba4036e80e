-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local made = require "spec.support.credentials"
local memory = require "spec.support.memory"
local nsproxy = require "kvm.linux.nsproxy"

describe("kvm.linux.nsproxy", function()
  harness.guard()
  local task, set
  before_each(function()
    local _
    _, task, set = made.open()
  end)
  after_each(memory.forget)

  it("tells the namespaces that a task has", function()
    assert.are.same({uts = 77, user = 78, pid = 80, pid_for_children = 80}, nsproxy.inums(task))
    assert.are.equal(made.at.UTS, kvm.addr(nsproxy.of_task(task, "uts")))
    local _, err = kvm.try(nsproxy.of_task, task, "sock")
    assert.are.equal("inval", err.code)
  end)

  it("knows a task that has ended", function()
    set("task_struct", made.at.TASK, {nsproxy = 0, thread_pid = 0})
    assert.are.same({user = 78}, nsproxy.inums(task))
  end)
end)
