-- SPDX-License-Identifier: BSD-2-Clause
local busted = require "busted"
local fake = require "spec.support.fake_kernel"
local ps = require "kvm.cmd.ps"
local task_parts = require "kvm.cmd.task_parts"

local function kernel()
  return fake.new {
    procs_list = {
      fake.proc {pid = 1, comm = "init", mm = 0x1000, utime_ns = 1000000000, stime_ns = 500000000},
      fake.proc {pid = 2, comm = "kthreadd", flags = 0x200000},
      fake.proc {pid = 10, ppid = 12, comm = "httpd", mm = 0x2000, uid = 33, state = "D"},
      fake.proc {pid = 10, tid = 11, ppid = 12, comm = "worker", mm = 0x2000, uid = 33, state = "R"},
      fake.proc {pid = 12, ppid = 1, comm = "gone", mm = 0x3000},
      fake.proc {pid = 13, comm = "zombie.x", state = "Z"},
    },
    args = {[1] = {"/sbin/init", "--x"}, [10] = {"httpd", ""}, [12] = "excluded"},
  }
end

local function pids(opts)
  local out = {}
  for p in ps.run(kernel(), opts) do out[#out + 1] = p.tid end
  return out
end

describe("kvm.cmd.ps", function()
  it("lists processes with their arguments", function()
    local r = fake.collect(ps.run(kernel()))
    assert.are.equal(5, #r)
    assert.are.same({"/sbin/init", "--x"}, r[1].args)
    assert.are.equal("/sbin/init --x", r[1].command)
    assert.are.equal(1500000000, r[1].time_ns)
    assert.is_nil(r[1].args_code)
  end)

  it("tells kernel threads, zombies and excluded arguments apart", function()
    local r = fake.collect(ps.run(kernel()))
    assert.are.same({"[kthreadd]", nil, nil}, {r[2].command, r[2].args, r[2].args_code})
    assert.are.equal("gone (excluded)", r[4].command)
    assert.are.equal("excluded", r[4].args_code)
    assert.is_nil(r[4].args)
    assert.are.equal("[zombie.x]", r[5].command)
  end)

  it("lists every thread, and reads their arguments once", function()
    local k = kernel()
    local r = fake.collect(ps.run(k, {threads = true}))
    assert.are.equal(6, #r)
    assert.are.same({"httpd", ""}, r[4].args)
    assert.are.equal(3, k.argv_calls)
  end)

  it("leaves user memory alone when told to", function()
    local k = kernel()
    local r = fake.collect(ps.run(k, {no_args = true}))
    assert.is_nil(k.argv_calls)
    assert.are.equal("[init]", r[1].command)
  end)

  it("filters by pid, uid, state and name", function()
    assert.are.same({10}, pids {pid = 10})
    assert.are.same({10, 11}, pids {pid = {10}, threads = true})
    assert.are.same({11}, pids {pid = {11}, threads = true})
    assert.are.same({10}, pids {uid = {33}})
    assert.are.same({10, 13}, pids {state = "DZ"})
    assert.are.same({2}, pids {comm = "kthreadd"})
    assert.are.same({2}, pids {comm = "k*d"})
    assert.are.same({13}, pids {comm = "zombie.x"})
    assert.are.same({}, pids {comm = "zombie"})
    assert.are.same({}, pids {comm = "zombieXx"})
    assert.are.same({12}, pids {uid = 0, state = "S", comm = "*o*", pid = {12, 13}})
  end)

  it("gives what it found before it raises", function()
    local k = kernel()
    table.insert(k.procs_list, 3, {pid = 0, tid = 0, raise = {code = "fault", message = "list", addr = 5}})
    local step = ps.run(k)
    assert.are.same({1, 2}, {step().pid, step().pid})
    local ok, err = pcall(step)
    assert.are.same({false, "fault"}, {ok, err.code})
  end)

  it("puts each below its parent", function()
    local out = {}
    for p in ps.run(kernel(), {tree = true, threads = true}) do out[#out + 1] = p.command end
    assert.are.same({"/sbin/init --x", "  gone (excluded)", "    httpd ", "      {worker}", "[kthreadd]", "[zombie.x]"}, out)
    local k = kernel()
    table.insert(k.procs_list, 3, {pid = 0, tid = 0, raise = {code = "fault", message = "list", addr = 5}})
    local step = ps.run(k, {tree = true})
    assert.are.same({1, 2}, {step().pid, step().pid})
    assert.are.same({false, "fault"}, {(function(ok, err) return ok, err.code end)(pcall(step))})
  end)

  describe("with parts", function()
    local makers = task_parts.MAKERS
    busted.before_each(function()
      task_parts.MAKERS = {
        cgroups = function()
          return function(rec) rec.cgroups = {{hierarchy = 0, path = rec.uid == 33 and "/web/one" or "/webby"}} end
        end,
        environ = function()
          return function(rec) rec.environ = {"A=1", "B=2"} end
        end,
      }
    end)
    busted.after_each(function() task_parts.MAKERS = makers end)
    local function open()
      local k = kernel()
      function k.object(_, addr) return {addr = addr} end
      return k
    end

    it("filters by control group", function()
      for text, count in pairs {["/web"] = 1, ["web/"] = 1, ["/web/one"] = 1, ["/web/on"] = 0, ["/"] = 5, ["/webby"] = 4} do
        assert.are.equal(count, #fake.collect(ps.run(open(), {cgroup = text})), text)
      end
    end)

    it("puts environments behind the arguments", function()
      assert.are.equal("/sbin/init --x A=1 B=2", ps.run(open(), {environ = true})().command)
    end)
  end)
end)
