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
