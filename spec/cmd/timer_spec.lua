-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local harness = require "spec.support.harness"
local made = require "spec.support.timer"
local memory = require "spec.support.memory"
local timer = require "kvm.cmd.timer"

describe("kvm.cmd.timer", function()
  harness.guard()
  local k, set
  before_each(function() k, set = made.open() end)
  after_each(memory.forget)

  it("tells of the timers of each CPU", function()
    local r = fake.collect(timer.run(k))
    assert.are.same({{kind = "hrtimer", cpu = 0, clock = "monotonic", soft = false, expires = 7000, soft_expires_ns = 6000,
      func = "hrtimer_wakeup", pid = 42, comm = "dozer", addr = made.at.HRTIMER, what = "42 dozer"},
      {kind = "wheel", cpu = 0, base = 0, expires = 990, remaining = -10, func = "a_timer", flags = 5, addr = made.at.TIMER}}, r)
    assert.are.equal("hrtimer", fake.collect(timer.run(k, {hrtimers = true}))[1].kind)
    assert.are.equal(1, #fake.collect(timer.run(k, {wheel = true, cpu = 0})))
  end)

  it("goes on behind what is damaged", function()
    set("hrtimer_sleeper", made.at.HRTIMER, {task = memory.UNMAPPED})
    local r = fake.collect(timer.run(k))
    assert.are.same({"fault", "wheel"}, {r[1].code, r[2].kind})
    r = fake.collect(timer.run(k, {cpu = 5}))
    assert.are.same({"inval", "inval"}, {r[1].code, r[2].code})
  end)
end)
