-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local percpu = require "kvm.linux.percpu"

local function two_cpus(symbols)
  symbols.__per_cpu_offset, symbols.nr_cpu_ids = 0x1000, 0x2000
  local k = fake.new {symbols = symbols}
  k:map(0x1000, ("<I8I8"):pack(0x10000, 0x20000)):map(0x2000, ("<I4"):pack(2))
  return k
end

describe("kvm.linux.percpu", function()
  it("adds the CPU's displacement", function()
    local k = two_cpus {}
    assert.are.equal(0x10040, percpu.per_cpu_ptr(k, 0x40, 0))
    assert.are.equal(0x20040, percpu.per_cpu_ptr(k, 0x40, 1))
  end)

  it("knows where the symbols of such variables are", function()
    local k = two_cpus {__per_cpu_start = 0x100, __per_cpu_end = 0x200}
    for addr, want in pairs {[0xff] = false, [0x100] = true, [0x1ff] = true, [0x200] = false, [-1] = false} do
      assert.are.equal(want, percpu.is_per_cpu(k, addr))
    end
    assert.is_false(percpu.is_per_cpu(two_cpus {}, 0))
  end)

  it("refuses CPUs that are not there", function()
    local k = two_cpus {}
    for _, cpu in ipairs {-1, 2, 1 << 40} do
      local ok, err = pcall(percpu.per_cpu_ptr, k, 0, cpu)
      assert.is_false(ok)
      assert.are.equal("inval", err.code)
    end
    assert.has_error(function() percpu.per_cpu_ptr(fake.new(), 0, 0) end)
  end)

  it("adds up a counter that CPUs keep parts of", function()
    local memory = require "spec.support.memory"
    local k = memory.open "struct cpumask { unsigned long bits[1]; }; struct percpu_counter { long count; int *counters; };"
    memory.symbols(memory.one_cpu(k, memory.START, 0x100))
    finally(memory.forget)
    memory.set(k, "struct percpu_counter", memory.START + 0x40, {count = 100, counters = memory.START + 0x80})
    assert(k:write(memory.START + 0x180, ("<i4"):pack(-30)))
    assert.are.equal(70, percpu.counter_sum(k:object(memory.START + 0x40, "struct percpu_counter")))
  end)
end)
