-- SPDX-License-Identifier: BSD-2-Clause
local report = require "kvm.linux.check.report"

-- Lines of a log, all of one moment unless they are {seconds, text}.
local function all(...)
  local log = {}
  for i, line in ipairs {...} do
    log[i] = type(line) == "table" and {time_ns = line[1] * 1000000000, text = line[2]} or {time_ns = 5000000000, text = line}
  end
  return report.all(log)
end

local function pick(r, ...)
  local out = {}
  for i, key in ipairs {...} do out[i] = r[key] == nil and "" or r[key] end
  return out
end

describe("kvm.linux.check.report", function()
  it("reads an oops with its registers and its stack", function()
    local r = all("BUG: kernel NULL pointer dereference, address: 0000000000000028", "#PF: supervisor read access in kernel mode",
      "#PF: error_code(0x0000) - not-present page",
      "CPU: 0 PID: 122 Comm: busybox Tainted: G           OE      6.1.0-56-cloud-amd64 #1  Debian 6.1.192-2",
      "RIP: 0010:lab_null_dereference+0x5/0x20 [labfault]", "Call Trace:", " <TASK>", " lab_null+0x11/0x30 [labfault]",
      " ? guess+0x1/0x2", " ksys_write+0x6b/0xf0", " </TASK>", " late+0x1/0x2")
    assert.are.equal(1, #r)
    assert.are.same({"oops", "0000000000000028", "read", 0, 122, "busybox"}, pick(r[1], "kind", "address", "access", "cpu", "pid", "comm"))
    assert.are.same({name = "lab_null_dereference", offset = 5, module = "labfault", trusted = true}, r[1].rip)
    assert.are.equal(2, #r[1].frames)
    assert.are.same({"lab_null", 0x11, "labfault"}, pick(r[1].frames[1], "name", "offset", "module"))
    assert.are.same({"ksys_write", ""}, pick(r[1].frames[2], "name", "module"))
  end)

  it("reads warnings as they were and as they are since 6.18, with the reason before them", function()
    local r = all("refcount_t: saturated; leaking memory.",
      "WARNING: CPU: 1 PID: 121 at lib/refcount.c:22 refcount_warn_saturate+0x51/0x110")
    assert.are.same({"warning", "refcount_t: saturated; leaking memory.", 1, 121, "lib/refcount.c:22", "refcount_warn_saturate"},
      pick(r[1], "kind", "reason", "cpu", "pid", "place", "func"))
    r = all("WARNING: lib/refcount.c:22 at refcount_warn_saturate+0x51/0x110, CPU#1: busybox/121")
    assert.are.same({"warning", "lib/refcount.c:22", "refcount_warn_saturate", 1, "busybox", 121},
      pick(r[1], "kind", "place", "func", "cpu", "comm", "pid"))
  end)

  it("knows the other reports", function()
    for line, expected in pairs {
      ["watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [lab-soft:123]"] = {"soft lockup", 1, 26, "lab-soft", 123},
      ["INFO: task lab-hung:123 blocked for more than 3 seconds."] = {"hung task", "", 3, "lab-hung", 123},
      ["rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:"] = {"rcu stall", "", "", "", ""},
      ["rcu: INFO: rcu_preempt self-detected stall on CPU"] = {"rcu stall", "", "", "", ""},
      ["BUG: TASK stack guard page was hit at 0 (stack is 1..2)"] = {"stack overflow", "", "", "", ""},
      ["kernel BUG at lib/list_debug.c:62!"] = {"bug", "", "", "", ""},
      ["general protection fault, probably for non-canonical address 0x6b6b6b6b6b6b6b6b: 0000 [#1]"] = {"oops", "", "", "", ""},
    } do
      assert.are.same(expected, pick(all(line)[1], "kind", "cpu", "seconds", "comm", "pid"))
    end
    assert.are.same({}, all("usb 1-1: new device", "Call Trace:"))
  end)

  it("ends a report with time, and where another begins", function()
    local r = all("kernel BUG at a.c:1!", {9, " f+0x1/0x2"}, "kernel BUG at b.c:2!", " g+0x1/0x2")
    assert.are.same({}, r[1].frames)
    assert.are.equal("g", r[2].frames[1].name)
  end)
end)
