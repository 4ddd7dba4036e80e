-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local linux = require "spec.support.build.linux"
local triage = require "kvm.cmd.triage"

local function record(opts, run_opts)
  local k = harness.open(harness.temp(linux.build(opts):elf()))
  local rec = triage.run(k, run_opts)()
  k:close()
  return rec
end

describe("kvm.cmd.triage", function()
  harness.guard()

  for _, release in ipairs(linux.releases) do
    it("describes a panic of Linux " .. release, function()
      local r = record {release = release}
      assert.matches("^The kernel panicked: built to crash%. .*Linux%s", r.verdict)
      assert.are.equal("sysrq: Trigger a crash", r.panic.trouble)
      assert.are.same({1, "panic_cpu", 100, 100, "server", 100}, {
        r.panic.cpu, r.panic.cpu_from, r.panic.pid, r.panic.tid, r.panic.comm, r.panic.note_pid,
      })
      assert.are.equal("schedule+0x2", r.panic.rip_symbol)
      assert.are.same({processes = 7, threads = 9, states = {S = 3, R = 2, D = 1, I = 1, T = 1, Z = 1}}, r.tasks)
      local s = r.system
      assert.are.equal(release, s.release:match "^%d+%.%d+")
      assert.are.same({60 * 1000000000, 2, 2, 0, "built"}, {s.uptime_ns, s.cpus_online, s.cpus_possible, s.taint, s.nodename})
      assert.are.same({1.5, 0.25, 0.125}, {s.loadavg[1], s.loadavg[2], s.loadavg[3]})
      assert.are.equal(5, #r.log)
    end)
  end

  it("says what is missing, and why", function()
    local r = record {}
    assert.matches("no symbol _totalram_pages", r.missing.memory_bytes)
    assert.is_nil(r.system.memory_bytes)
    local page = triage.text(r)
    assert.matches("\n  memory        not known: no symbol _totalram_pages\n", page)
  end)

  it("does not call a running kernel crashed", function()
    local r = record {panic_cpu = -1}
    assert.matches("^The kernel was running", r.verdict)
    assert.is_nil(r.panic.cpu)
    local page = triage.text(r)
    assert.matches("\n  none          the kernel was not panicking", page)
    assert.is_nil(page:find("panic_cpu", 1, true))
  end)

  it("shows the taint, and a page for people", function()
    local page = triage.text(record {taint = 1 << 12 | 1 << 9})
    assert.matches("\n  tainted       WO %(0x1200%)\n%s+W  kernel issued a warning\n%s+O  externally built", page)
    for _, line in ipairs {
      "^The kernel panicked: built to crash%. .*Linux%s", "\n  task          pid 100, server, task_struct 0x%x+\n",
      "\n  uptime        01:00 %(60.000 s%)\n", "\n  load average  1.50, 0.25, 0.12\n", "\n  threads       9\n",
      "\nLOG %(the last 5 of 5 records%)\n", "Kernel panic %- not syncing: built to crash\n$",
    } do
      assert.matches(line, page)
    end
  end)

  it("reads a thread that panicked, and says when the notes disagree", function()
    local page = triage.text(record {running = {1, 102}})
    assert.matches("pid 100, thread 102, worker/1,", page)
    local r = record {running = {1, 102}}
    r.panic.note_pid = 7
    assert.matches("registers in the dump are those of pid 7", triage.text(r))
  end)

  it("takes as many records of the log as are asked for", function()
    local r = record({}, {lines = 2})
    assert.are.same({2, 5, "sysrq: Trigger a crash"}, {#r.log, r.log_records, r.log[1].text})
  end)

  it("escapes what the dump says", function()
    local page = triage.text(record {log = {{time_ns = 1, text = "Kernel panic - not syncing: \27[2J", level = 0, caller = 1}}})
    assert.is_nil(page:find "\27")
    assert.matches("message       \\x1b%[2J", page)
  end)

  it("goes on without types", function()
    local r = record {no_btf = true}
    assert.is_nil(r.tasks)
    assert.is_string(r.missing.tasks)
    assert.matches("^The kernel panicked: built to crash%. .*Linux%s", r.verdict)
    assert.matches("processes     not known: ", triage.text(r))
  end)
end)
