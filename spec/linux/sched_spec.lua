-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local sched = require "kvm.linux.sched"

local function two_cpus(symbols)
  symbols.__per_cpu_offset, symbols.nr_cpu_ids = 0x1000, 0x2000
  local k = fake.new {symbols = symbols}
  k:map(0x1000, ("<I8I8"):pack(0x10000, 0x20000)):map(0x2000, ("<I4"):pack(2))
  return k
end

describe("kvm.linux.sched.current", function()
  it("reads current_task, the newest and the oldest layout", function()
    local k = two_cpus {current_task = 0x40}
    k:map(0x20040, ("<I8"):pack(0xffff888012345678))
    assert.are.equal(0xffff888012345678, sched.current(k, 1))
  end)

  it("reads pcpu_hot.current_task, the layout between", function()
    local k = two_cpus {pcpu_hot = 0x80}
    k.types["struct pcpu_hot"] = {size = 64, current_task = 8}
    k:map(0x10088, ("<I8"):pack(77))
    assert.are.equal(77, sched.current(k, 0))
  end)

  it("guesses nothing", function()
    local ok, err = pcall(sched.current, two_cpus {pcpu_hot = 0x80}, 0)
    assert.is_false(ok)
    assert.are.equal("notfound", err.code)
  end)
end)

describe("kvm.linux.sched.identity", function()
  local k = fake.new {types = {["struct task_struct"] = {size = 64, tgid = 8, pid = 4, comm = 16}}}
  k:map(0x1000, ("<I4i4i4I4"):pack(0, 101, 100, 0) .. ("fifteen_letters!"):rep(2))

  it("reads ids and the name, which is at most 16 bytes", function()
    assert.are.same({100, 101, "fifteen_letters!"}, {sched.identity(k, 0x1000)})
  end)

  it("raises what memory says", function()
    local ok, err = pcall(sched.identity, k, 0x2000)
    assert.are.same({false, "fault"}, {ok, err.code})
  end)
end)

describe("kvm.linux.sched.each_task", function()
  local function made(fields)
    local k = two_cpus {runqueues = 0x100, __cpu_online_mask = 0x3000}
    k.types["struct rq"] = {size = 64, idle = 16}
    k.types["struct cpumask"] = {size = 8}
    k.types["struct task_struct"] = {size = 64, pid = 0, tgid = 4, comm = 8}
    k:map(0x10110, ("<I8"):pack(0x5000)):map(0x20110, ("<I8"):pack(0x6000)):map(0x3000, ("<I8"):pack(3))
    for cpu, at in pairs {[0] = 0x5000, 0x6000} do k:map(at, ("<i4i4"):pack(0, 0) .. ("swapper/%d\0\0\0\0\0\0\0"):format(cpu)) end
    k.procs_list = fields
    return k
  end

  it("gives every thread, then the idle tasks", function()
    local k = made {fake.proc {pid = 1}, fake.proc {pid = 1, tid = 2, comm = "two"}}
    local out = {}
    for p in sched.each_task(k) do out[#out + 1] = {p.tid, p.comm, p.cpu, p.idle} end
    assert.are.same({{1, "init", 0}, {2, "two", 0}, {0, "swapper/0", 0, true}, {0, "swapper/1", 1, true}}, out)
    assert.are.same({0x5000, 0x6000}, {sched.idle(k, 0), sched.idle(k, 1)})
  end)

  it("raises where the list is damaged, behind what was found", function()
    local k = made {fake.proc {pid = 1}, {raise = {code = "format", message = "damaged"}, pid = 2, tid = 2}}
    local step = sched.each_task(k)
    assert.are.equal(1, step().pid)
    local ok = pcall(step)
    assert.is_false(ok)
  end)
end)
