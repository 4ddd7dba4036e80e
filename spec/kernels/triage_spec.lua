-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm triage of dumps whose end is known.
local matrix = require "spec.kernels.matrix"

matrix.each(function(dump)
  local r, truth
  setup(function()
    r, truth = matrix.records(matrix.luakvm("triage", dump.path, "--json"))[1], dump:truth()
  end)

  it("describes the system", function()
    assert.are.equal(truth.release, r.system.release)
    assert.are.equal(truth.cmdline, r.system.command_line)
    assert.are.equal("lab-guest", r.system.nodename)
    assert.are.equal(tonumber(truth.cpus.nproc), r.system.cpus_online)
    assert.are.equal(truth.meminfo_kb.MemTotal * 1024, r.system.memory_bytes)
    assert.is_false(r.system.incomplete)
    assert.are.same({}, r.missing)
  end)

  it("knows when it was, and how long the kernel had run", function()
    local up = r.system.uptime_ns / 1e9
    assert.is_true(up >= truth.uptime and up < truth.uptime + 120, up .. " s after " .. truth.uptime .. " s")
    if dump.is_crash then
      assert.is_true(r.system.crash_time >= truth.date and r.system.crash_time < truth.date + 120)
    end
  end)

  it("names the message, the CPU and the task of a panic", function()
    local p, was = r.panic, truth.panic
    if not dump.is_crash then
      assert.is_nil(p.message)
      assert.is_nil(p.pid)
      assert.matches("^The kernel was running", r.verdict)
      return
    end
    assert.are.equal(was.message, p.message)
    assert.is_truthy(r.verdict:find("The kernel panicked: " .. was.message, 1, true), r.verdict)
    assert.are.equal(was.cpu, p.cpu)
    assert.are.equal(was.pid, p.tid)
    assert.are.equal(was.comm, p.comm)
    assert.are.equal(was.first, p.trouble)
  end)

  it("counts the tasks", function()
    local threads, processes = 0, 0
    for p in dump:open():procs(nil, nil, true) do
      threads = threads + 1
      if p.tid == p.pid then processes = processes + 1 end
    end
    assert.are.same({processes, threads}, {r.tasks.processes, r.tasks.threads})
  end)

  it("ends with the log", function()
    local log = matrix.records(matrix.luakvm("log", dump.path, "--json"))
    assert.are.same(log[#log], r.log[#r.log])
  end)
end)
