-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local linux = require "spec.support.build.linux"
local tasks = require "kvm.cmd.tasks"

describe("kvm.cmd.tasks", function()
  harness.guard()
  local kernel = linux.build {release = "6.12", running = {7, 1},
    tasks = {{pid = 1, comm = "init"}, {pid = 7, comm = "nc"}, {pid = 8, comm = "nc-two", ppid = 1}}}

  local function pids(...)
    local out = {}
    for p, task in tasks.each(...) do
      assert.are.equal(task.pid, p.tid)
      out[#out + 1] = p.pid
    end
    return out
  end

  it("picks tasks by id and name", function()
    local k = harness.open(harness.temp(kernel:elf()))
    assert.are.same({1, 7, 8}, pids(k))
    assert.are.same({1, 7, 8}, pids(k, {}))
    assert.are.same({7}, pids(k, {7}))
    assert.are.same({1, 7}, pids(k, {"nc", "1"}))
    assert.are.same({7, 8}, pids(k, {"nc*"}))
    assert.are.same({}, pids(k, {"*x"}))
    assert.are.same({}, pids(k, {"99"}))
  end)
end)
