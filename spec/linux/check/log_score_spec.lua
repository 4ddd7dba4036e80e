-- SPDX-License-Identifier: BSD-2-Clause
local checks = require "spec.support.check_context"

local S <const> = 1000000000

describe("kvm.linux.check.log_score", function()
  local function run(records) return (checks.run("log_score", checks.new({}, {records = records}))) end

  it("has nothing to say of a quiet log, or of none", function()
    assert.are.same({}, run {})
    assert.are.same({}, run {{time_ns = S, level = 6, text = "eth0: link is up"}, {time_ns = S, level = 5, text = ""}, {time_ns = S}})
  end)

  it("puts what is known, grave and late first, each kind once", function()
    local f = run {
      {time_ns = 1 * S, level = 4, text = "WARNING: CPU: 1 PID: 7 at a.c:3 f+0x1/0x2"},
      {time_ns = 2 * S, level = 3, text = "blk_update_request: I/O error, dev sda, sector 72"},
      {time_ns = 3 * S, level = 3, text = "blk_update_request: I/O error, dev sda, sector 80\nmore"},
      {time_ns = 4 * S, level = 6, text = "usb 1-1: new device"},
      {time_ns = 5 * S, level = 3, text = "INFO: task a:1 blocked for more than 120 seconds."},
      {time_ns = 600 * S, level = 0, text = "Kernel panic - not syncing: hung_task: blocked tasks"},
    }
    assert.are.same({1, "info", "the log's weightiest message: Kernel panic - not syncing: hung_task: blocked tasks"},
      {#f, f[1].severity, f[1].title})
    assert.are.equal(1, #f[1].evidence) -- the others are ten minutes old
    f = run {
      {time_ns = 2 * S, level = 3, text = "blk_update_request: I/O error, dev sda, sector 72"},
      {time_ns = 3 * S, level = 3, text = "blk_update_request: I/O error, dev sda, sector 80"},
      {time_ns = 4 * S, level = 3, text = "INFO: task a:1 blocked for more than 120 seconds."},
    }
    assert.are.same({"score 82, at 4.000 s: INFO: task a:1 blocked for more than 120 seconds.",
      "score 60, at 3.000 s, 2 times: blk_update_request: I/O error, dev sda, sector 80"}, f[1].evidence)
  end)

  it("leaves out what only goes with a message", function()
    assert.are.same({}, run {{time_ns = S, level = 0, text = "Kernel Offset: 0x1000"}, {time_ns = S, level = 0, text = " my_BUG: +0x1/0x2"},
      {time_ns = S, level = 0, text = "---[ end Kernel panic - not syncing: why ]---"}})
  end)

  it("tells ten at most", function()
    local records = {}
    for i = 1, 26 do records[i] = {time_ns = S, level = 2, text = "Out of memory " .. string.char(64 + i)} end
    assert.are.equal(10, #run(records)[1].evidence)
  end)
end)
