-- SPDX-License-Identifier: BSD-2-Clause
local checks = require "spec.support.check_context"
local rcupdate = require "kvm.linux.rcupdate"
local sched = require "kvm.linux.sched"

local S <const> = 1000000000

describe("kvm.linux.check.rcu_stall", function()
  local own = {rcupdate.grace_period, rcupdate.holdouts, sched.current}
  local gp, cpus
  before_each(function()
    gp, cpus = {running = true, age_ns = 30 * S, thread_state = "RCU_GP_WAIT_FQS"}, {1}
    function rcupdate.grace_period() return gp end
    function rcupdate.holdouts() return cpus, {} end
    function sched.current(_, cpu) return cpu * 64 end
  end)
  after_each(function() rcupdate.grace_period, rcupdate.holdouts, sched.current = table.unpack(own) end)
  local function run(limit)
    local c = checks.new({})
    function c.setting() return limit end
    function c.task_at(_, addr) return {addr = addr, pid = 5, comm = "spin", idle = addr == 0} end
    function c.stack() return {{name = "lab_spin", module = "lab", trusted = true, offset = 3, pc = 3}} end
    function c.task_text(_, t) return ("pid %d (%s)"):format(t.pid, t.comm) end
    return checks.run("rcu_stall", c)
  end

  it("tells who holds the grace period up", function()
    local found = run(21)
    assert.are.equal("RCU stall: a grace period waits 30 s for pid 5 (spin) on CPU 1 in lab_spin+0x3 [lab]", found[1].title)
    assert.are.same({"critical", "certain", {5}, {"lab"}}, {found[1].severity, found[1].confidence, found[1].pids, found[1].modules})
  end)

  it("is quiet before the kernel's limit, and without a grace period", function()
    assert.are.same({}, (run(31)))
    gp.running, gp.age_ns = false, nil
    assert.are.same({}, (run(21)))
  end)

  it("does not blame idle CPUs", function()
    cpus = {0}
    local found = run(21)
    assert.are.same({"likely", {}}, {found[1].confidence, found[1].pids})
  end)
end)
