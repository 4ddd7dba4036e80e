-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local timekeeping = require "kvm.linux.timekeeping"

local LAYOUT = {
  size = 64, ["tkr_mono.shift"] = 0, ["tkr_mono.xtime_nsec"] = 8, ["tkr_mono.base"] = 16, offs_real = 24, offs_boot = 32,
}

local function timekeeper(shift)
  return ("<I4I4I8i8i8i8"):pack(shift or 8, 0, 500000 << 8, 7000000000, 1700000000000000000, 3000000000)
end

local function check(k)
  assert.are.same({
    monotonic_ns = 7000500000, boottime_ns = 10000500000, realtime_ns = 1700000007000500000,
  }, timekeeping.clocks(k))
end

describe("kvm.linux.timekeeping.clocks", function()
  it("reads shadow_timekeeper of kernels before 6.13", function()
    local k = fake.new {symbols = {shadow_timekeeper = 0x1000, tk_core = 0x9000}, types = {["struct timekeeper"] = LAYOUT}}
    check(k:map(0x1000, timekeeper()))
  end)

  it("reads the struct tk_data of later ones", function()
    for _, name in ipairs {"timekeeper_data", "tk_core"} do
      local k = fake.new {symbols = {[name] = 0x1000, shadow_timekeeper = 0x9000}, types = {
        ["struct timekeeper"] = LAYOUT, ["struct tk_data"] = {size = 128, timekeeper = 16},
      }}
      check(k:map(0x1010, timekeeper()))
    end
  end)

  it("raises for a missing symbol, a missing member, an absurd shift", function()
    local types = {["struct timekeeper"] = LAYOUT}
    local function code(k)
      local ok, err = pcall(timekeeping.clocks, k)
      assert.is_false(ok)
      return err.code
    end
    assert.are.equal("notfound", code(fake.new {types = types}))
    assert.are.equal("notfound", code(fake.new {symbols = {shadow_timekeeper = 0x1000}}:map(0x1000, timekeeper())))
    assert.are.equal("format", code(fake.new {symbols = {shadow_timekeeper = 0x1000}, types = types}
      :map(0x1000, timekeeper(64))))
  end)
end)
