-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local harness = require "spec.support.harness"
local made = require "spec.support.rq"
local memory = require "spec.support.memory"
local runq = require "kvm.cmd.runq"

describe("kvm.cmd.runq", function()
  harness.guard()
  local k, set
  before_each(function() k, set = made.open() end)
  after_each(memory.forget)

  it("tells what runs, and who waits", function()
    local r = fake.collect(runq.run(k))
    assert.are.equal(4, #r)
    assert.are.same({cpu = 0, class = "current", pid = 100, comm = "", prio = 120, delayed = false, vruntime_ns = 0, run_delay_ns = 0,
      load_avg = 0, util_avg = 0, cpu_load_avg = 77, cpu_util_avg = 88, uninterruptible = -3, running = 4,
      clock_ns = 1000, rq = made.at.RQ, addr = made.at.task(0)}, r[1])
    assert.are.same({cpu = 0, class = "cfs", pid = 101, comm = "", prio = 120, delayed = true, vruntime_ns = 10, waiting_ns = 100,
      run_delay_ns = 1, load_avg = 0, util_avg = 0, rq = made.at.RQ, addr = made.at.task(1)}, r[3])
  end)

  it("names what can't be read, and where it stopped", function()
    set("rq", made.at.RQ, {curr = memory.UNMAPPED})
    local r = fake.collect(runq.run(k))
    assert.are.same({"pid", "comm", "prio", "vruntime_ns", "waiting_ns", "load_avg"}, r[1].partial)
    set("rq", made.at.RQ, {["dl.root.rb_root.rb_node"] = memory.UNMAPPED})
    r = fake.collect(runq.run(k))
    assert.are.same({2, "fault"}, {#r, r[2].code})
    assert.are.equal("inval", fake.collect(runq.run(k, {cpu = 4}))[1].code)
  end)
end)
