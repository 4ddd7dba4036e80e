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
    memory.set(k, "struct percpu_counter", memory.START + 0x40, {counters = 0})
    assert.are.equal(100, percpu.counter_sum(k:object(memory.START + 0x40, "struct percpu_counter")))
  end)

  it("follows pointers to what each CPU has its own of", function()
    local memory, kvm = require "spec.support.memory", require "kvm"
    local k = memory.open [[struct cpumask { unsigned long bits[1]; }; struct part { long n; };
      struct has { struct part *parts; long *words; };]]
    memory.symbols(memory.one_cpu(k, memory.START, 0x100))
    finally(memory.forget)
    memory.set(k, "struct has", memory.START + 0x40, {parts = memory.START + 0x80, words = memory.START + 0x88})
    assert(k:write(memory.START + 0x180, ("<i8i8"):pack(7, 8)))
    local has = k:object(memory.START + 0x40, "struct has")
    assert.are.same({7, 8}, {percpu.of_pointer(has.parts, 0).n, percpu.of_pointer(has.words, 0)[0]})
    assert.are.same({{0, 7}}, (memory.collect(percpu.for_each_copy(has.parts), function(cpu, o) return {cpu, o.n} end)))
    assert.are.equal("inval", select(2, kvm.try(percpu.of_pointer, has.parts, 1)).code)
  end)

  it("counts references in each of their states", function()
    local memory = require "spec.support.memory"
    local k = memory.open [[struct cpumask { unsigned long bits[1]; }; struct count { long counter; };
      struct percpu_ref_data { struct count count; };
      struct percpu_ref { unsigned long percpu_count_ptr; struct percpu_ref_data *data; };]]
    memory.symbols(memory.one_cpu(k, memory.START, 0x100))
    finally(memory.forget)
    local at, data, parts = memory.START + 0x40, memory.START + 0x60, memory.START + 0x80
    assert(k:write(parts + 0x100, ("<i8"):pack(-3)))
    for _, case in ipairs {
      {parts, math.mininteger + 10, {count = 7, dead = false, atomic = false, exited = false}},
      {parts | 1, math.mininteger + 10, {count = 7, dead = false, atomic = true, exited = false}}, -- it is being made so
      {parts | 1, 4, {count = 4, dead = false, atomic = true, exited = false}},
      {parts | 3, 0, {count = 0, dead = true, atomic = true, exited = false}},
    } do
      memory.set(k, "struct percpu_ref", at, {percpu_count_ptr = case[1], data = data})
      memory.set(k, "struct percpu_ref_data", data, {["count.counter"] = case[2]})
      assert.are.same(case[3], percpu.ref(k:object(at, "struct percpu_ref")))
    end
    memory.set(k, "struct percpu_ref", at, {percpu_count_ptr = 5 << 2 | 3, data = 0})
    assert.are.same({count = 5, dead = true, atomic = true, exited = true}, percpu.ref(k:object(at, "struct percpu_ref")))
  end)
end)
