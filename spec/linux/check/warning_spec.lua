-- SPDX-License-Identifier: BSD-2-Clause
local checks = require "spec.support.check_context"
local report = require "kvm.linux.check.report"

local WARNING = {"refcount_t: saturated; leaking memory.",
  "WARNING: CPU: 1 PID: 121 at lib/refcount.c:22 refcount_warn_saturate+0x51/0x110",
  "CPU: 1 PID: 121 Comm: busybox Tainted: G           OE", "RIP: 0010:refcount_warn_saturate+0x51/0x110", " lab_get+0x37/0x40 [labfault]"}

local function context(lines, panicked)
  local log = {}
  for i, line in ipairs(lines) do log[i] = {time_ns = 1500000000, text = line} end
  local c = checks.new(nil, {records = log})
  function c.reports() return report.all(log) end
  function c.is_panic() return panicked or false end
  return c
end

describe("kvm.linux.check.warning", function()
  it("names the guilty function and module, and what is damaged", function()
    local found = checks.run("warning", context(WARNING))
    assert.are.equal(1, #found)
    assert.are.equal("reference count overflow: refcount_t: saturated; leaking memory. in lab_get+0x37 [labfault], pid 121 (busybox)",
      found[1].title)
    assert.are.same({"error", {"lab_get"}, {"labfault"}, {121}},
      {found[1].severity, found[1].functions, found[1].modules, found[1].pids})
  end)

  it("tells once of what came often", function()
    local lines = table.move(WARNING, 1, #WARNING, #WARNING + 1, table.move(WARNING, 1, #WARNING, 1, {}))
    local found = checks.run("warning", context(lines))
    assert.are.equal(1, #found)
    assert.matches(", 2 times$", found[1].title)
  end)

  it("leaves what the kernel died of to the panic", function()
    local lines = {"BUG: kernel NULL pointer dereference, address: 0000000000000028", "RIP: 0010:f+0x1/0x2"}
    assert.are.same({}, (checks.run("warning", context(lines, true))))
    assert.are.equal("oops in f+0x1", checks.run("warning", context(lines))[1].title)
  end)

  it("is quiet where nothing was said", function()
    assert.are.same({}, (checks.run("warning", context {"usb 1-1: new device"})))
  end)
end)
