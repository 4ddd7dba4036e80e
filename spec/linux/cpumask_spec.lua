-- SPDX-License-Identifier: BSD-2-Clause
local cpumask = require "kvm.linux.cpumask"
local fake = require "spec.support.fake_kernel"

describe("kvm.linux.cpumask", function()
  it("gives the CPUs of a mask, over several words", function()
    local k = fake.new {symbols = {__cpu_online_mask = 0x1000}, types = {["struct cpumask"] = {size = 16}}}
    k:map(0x1000, ("<I8I8"):pack(1 << 0 | 1 << 2 | 1 << 63, 1 << 1))
    assert.are.same({0, 2, 63, 65}, cpumask.of(k, "online"))
    assert.has_error(function() cpumask.of(k, "possible") end)
  end)

  it("refuses an absurd size", function()
    local k = fake.new {types = {["struct cpumask"] = {size = 1 << 40}}}
    local ok, err = pcall(cpumask.cpus, k, 0x1000)
    assert.are.same({false, "format"}, {ok, err.code})
  end)
end)
