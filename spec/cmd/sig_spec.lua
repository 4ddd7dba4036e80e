-- SPDX-License-Identifier: BSD-2-Clause
local fake = require "spec.support.fake_kernel"
local harness = require "spec.support.harness"
local made = require "spec.support.signal"
local memory = require "spec.support.memory"
local sig = require "kvm.cmd.sig"
local one_task = require "spec.support.one_task"

describe("kvm.cmd.sig", function()
  harness.guard()
  local k, task, set
  before_each(function() k, task, set = made.open() end)
  one_task(function() return {pid = 9, tid = 9, comm = "one", addr = made.at.TASK}, task end)

  it("tells of signals and limits", function()
    local r = fake.collect(sig.run(k, {limits = true}))[1]
    assert.are.equal(16, #r.limits)
    assert.matches("^pending: HUP; shared: USR2; blocked: USR2; ignored: PIPE; caught: USR1; Max cpu time 0;", r.what)
    assert.matches("Max open files 123", r.what)
    r.limits, r.what = nil, nil
    assert.are.same({pid = 9, tid = 9, comm = "one", pending = 1, shared = 1 << 11, blocked = 1 << 11, ignored = 1 << 12, caught = 1 << 9,
      queued = {{number = 12, name = "USR2", code = -1, pid = 77, uid = 5, shared = true, addr = made.at.QUEUE}}, addr = made.at.TASK}, r)
    assert.is_nil(fake.collect(sig.run(k))[1].limits)
  end)

  it("names what can't be read", function()
    set("signalled", made.at.TASK, {signal = memory.UNMAPPED})
    local r = fake.collect(sig.run(k, {limits = true}))[1]
    assert.are.same({"blocked", "queued", "limits"}, r.partial)
  end)
end)
