-- SPDX-License-Identifier: BSD-2-Clause
local cpumask = require "kvm.linux.cpumask"
local fake = require "spec.support.fake_kernel"
local harness = require "spec.support.harness"
local memory = require "spec.support.memory"

describe("kvm.linux.cpumask", function()
  harness.guard()

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

  it("reads masks that are objects, up to the CPUs that there can be", function()
    local k = memory.open [[struct cpumask { unsigned long bits[2]; }; typedef struct cpumask cpumask_var_t[1];
      struct has { cpumask_var_t m; };]]
    assert(k:write(memory.START, ("<I8I8I4"):pack(-1, -1, 66)))
    local mask = k:object(memory.START, "struct cpumask")
    assert.are.same({128, "0-127"}, {cpumask.weight(mask), cpumask.list(mask)}) -- no nr_cpu_ids: a constant
    memory.symbols {nr_cpu_ids = memory.START + 16}
    finally(memory.forget)
    assert.are.same({66, "0-65"}, {cpumask.weight(mask), cpumask.list(mask)})
    assert(k:write(memory.START, ("<I8I8"):pack(1 << 3 | 1 << 63, 1 << 1 | 1 << 2)))
    local got = memory.collect(cpumask.for_each_cpu(k:object(memory.START, "struct has").m))
    assert.are.same({3, 63, 65}, got)
    for cpu, want in pairs {[3] = true, [4] = false, [65] = true, [66] = false, [-1] = false, [1000] = false} do
      assert.are.equal(want, cpumask.test_cpu(cpu, mask))
    end
    for _, f in ipairs {cpumask.weight, cpumask.list, cpumask.for_each_cpu} do
      assert.has_error(function() f(5) end)
      assert.has_error(function() f(k:object(memory.START, "struct has")) end)
    end
  end)
end)
