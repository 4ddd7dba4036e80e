-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kthread = require "kvm.linux.kthread"
local kvm = require "kvm"
local made = require "spec.support.workqueue"
local memory = require "spec.support.memory"

local at = made.at

for _, layout in ipairs(made.layouts) do
  describe("kvm.linux.kthread " .. layout.name, function()
    harness.guard()
    local k, set, task, place
    before_each(function()
      local _
      k, set, _, place = made.open(layout)
      task = k:object(at.TASK, "struct task_struct")
    end)
    after_each(memory.forget)

    it("tells what a thread runs, and which worker it is", function()
      assert.are.same({at.KTHREAD, "worker_thread", at.BUSY}, {kvm.addr(kthread.of(task)), kthread.func(task),
        kvm.addr(kthread.worker(task))})
      set("task_struct", at.TASK, {flags = 0x200000})
      assert.is_nil(kthread.worker(task))
      set("task_struct", at.TASK, {flags = 0})
      assert.are.same({}, {kthread.of(task), kthread.func(task), kthread.worker(task)})
    end)

    it("names workers by what they do", function()
      assert.are.equal("kworker/1:0H+what it does", kthread.comm(task))
      set("worker", at.BUSY, {current_work = 0})
      assert.are.equal("kworker/1:0H-what it does", kthread.comm(task))
      set("worker", at.BUSY, {pool = 0})
      assert.are.equal("kworker/1:0H", kthread.comm(task))
    end)

    it("names rescuers in full, and other threads", function()
      set("worker", at.BUSY, {pool = 0, rescue_wq = at.WQ})
      assert(k:write(place("task_struct", at.TASK, "comm"), "kworker/R-que\0"))
      assert.are.equal("kworker/R-queue", kthread.comm(task))
      set("task_struct", at.TASK, {flags = 0x200000})
      assert.are.equal("kworker/R-que", kthread.comm(task))
      if not layout.is_new then return end
      assert(k:write(at.KTHREAD + 0x40, "a name of more than fifteen bytes\0"))
      set("kthread", at.KTHREAD, {full_name = at.KTHREAD + 0x40})
      assert.are.equal("a name of more than fifteen bytes", kthread.comm(task))
    end)
  end)
end
