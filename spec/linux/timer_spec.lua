-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local made = require "spec.support.timer"
local memory = require "spec.support.memory"
local timer = require "kvm.linux.timer"

describe("kvm.linux.timer", function()
  harness.guard()
  local k, set
  before_each(function() k, set = made.open() end)
  after_each(memory.forget)

  it("gives the timers of a wheel", function()
    assert.are.same({{base = 0, expires = 990, remaining = -10, func = "a_timer", flags = 5, addr = made.at.TIMER}},
      (memory.collect(timer.for_each_timer(k, 0))))
  end)

  it("gives high resolution timers, and who sleeps until then", function()
    assert.are.same({{clock = "monotonic", soft = false, expires_ns = 7000, soft_expires_ns = 6000, func = "hrtimer_wakeup", pid = 42,
      comm = "dozer", addr = made.at.HRTIMER}}, (memory.collect(timer.for_each_hrtimer(k, 0))))
    set("hrtimer", made.at.HRTIMER, {["function"] = 0x77})
    local t = memory.collect(timer.for_each_hrtimer(k, 0))[1]
    assert.are.same({"0x77"}, {t.func, t.pid})
  end)

  it("stops where it is damaged", function()
    set("timer_list", made.at.TIMER, {["entry.pprev"] = 0})
    local got, err = memory.collect(timer.for_each_timer(k, 0))
    assert.are.same({{}, "format"}, {got, err.code})
    set("hrtimer", made.at.HRTIMER, {["node.node.rb_right"] = made.at.HRTIMER})
    got, err = memory.collect(timer.for_each_hrtimer(k, 0))
    assert.are.same({1, "format"}, {#got, err.code})
    set("hrtimer_sleeper", made.at.HRTIMER, {task = memory.UNMAPPED})
    got, err = memory.collect(timer.for_each_hrtimer(k, 0))
    assert.are.same({0, "fault"}, {#got, err.code})
    local ok, wrong = pcall(timer.for_each_timer, k, 9)
    assert.are.same({false, "inval"}, {ok, wrong.code})
  end)
end)
