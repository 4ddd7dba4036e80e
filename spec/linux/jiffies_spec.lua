-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local jiffies = require "kvm.linux.jiffies"
local kvm = require "kvm"

local function kernel(tick_ns)
  local k = fake.new {symbols = {shadow_timekeeper = 0x1000, jiffies_64 = 0x2000},
    types = {["struct timekeeper"] = {size = 64, ntp_tick = 8}}}
  return k:map(0x1000, ("<I8I8"):pack(0, tick_ns << 32)):map(0x2000, ("<I8"):pack(4294900000))
end

describe("kvm.linux.jiffies", function()
  it("knows how many make a second", function()
    for _, hz in ipairs {100, 250, 300, 1000} do assert.are.equal(hz, jiffies.hz(kernel(1000000000 // hz))) end
    assert.are.equal(250, jiffies.hz(kernel(4001900))) -- the clock is being steered
    assert.are.same({4000000, 3333333, 1000000}, {jiffies.tick_ns(kernel(4001900)), jiffies.tick_ns(kernel(3333333)),
      jiffies.tick_ns(kernel(999600))})
    assert.are.equal(4294900000, jiffies.now(kernel(0)))
  end)

  it("refuses a tick that can't be", function()
    for _, tick in ipairs {0, 1, 99, 3000000000} do
      assert.are.equal("format", select(2, kvm.try(jiffies.hz, kernel(tick))).code)
    end
    assert.are.equal("notfound", select(2, kvm.try(jiffies.hz, fake.new())).code)
  end)

  it("converts as the kernel does", function()
    assert.are.same({4, 1000, 4, 1000, 1}, {jiffies.to_msecs(1, 250), jiffies.to_msecs(250, 250), jiffies.to_msecs(1, 300),
      jiffies.to_msecs(300, 300), jiffies.to_msecs(1, 1000)})
    assert.are.same({0, 100, 80}, {jiffies.to_clock(2, 250), jiffies.to_clock(250, 250), jiffies.to_clock(200, 250)})
  end)
end)
