-- SPDX-License-Identifier: BSD-2-Clause
-- Signals and limits of a dump's processes are those of /proc/PID/status and /proc/PID/limits.
local matrix = require "spec.kernels.matrix"

local MASKS = {SigPnd = "pending", ShdPnd = "shared", SigBlk = "blocked", SigIgn = "ignored", SigCgt = "caught"}

matrix.each(function(dump)
  if dump.key == "k72" and dump.is_filtered then return end -- it lacks slab pages, see tasks_spec.lua
  local by_pid
  setup(function()
    by_pid = {}
    for _, r in ipairs(matrix.records(matrix.luakvm("sig", dump.path, "--limits", "--json"))) do
      assert.is_nil(r.stopped)
      assert.is_nil(r.partial)
      by_pid[r.pid] = r
    end
  end)

  -- The shell that prints, and what makes a guest busy, block and catch signals as they go.
  local function is_steady(pid)
    local t = dump:truth().tasks[pid]
    return t and pid ~= "1" and t.comm ~= "init" and t.comm ~= "sh" and t.comm ~= "tail"
  end

  it("has the signals of processes", function()
    local report, compared = matrix.report(), 0
    for pid, key, hex in dump:truth().raw.pid_status:gmatch "(%d+)/status:(%u%l%l%u%l%l):%s+(%x+)" do
      local r = by_pid[tonumber(pid)]
      if MASKS[key] and is_steady(pid) then
        compared = compared + 1
        local mask = r and tonumber(r[MASKS[key]])
        if mask ~= tonumber(hex, 16) then report.add("%s: %s is %s, was %s", pid, key, r and r[MASKS[key]], hex) end
      end
    end
    report.check()
    assert.is_true(compared > 80, compared)
  end)

  it("has what is queued, and who sent it", function()
    local pid, found = dump:truth().objects.pid, {}
    for _, s in ipairs(by_pid[pid].queued) do found[s.name] = s end
    -- objects.c: kill and sigqueue to itself, both blocked
    assert.are.same({12, pid, true}, {found.USR2.number, found.USR2.pid, found.USR2.shared})
    assert.are.same({-1, pid}, {found["RTMIN+3"].code, found["RTMIN+3"].pid}) -- SI_QUEUE; libc keeps two for itself
  end)

  it("has the limits of processes", function()
    local report, compared = matrix.report(), 0
    for pid, name, soft, hard in dump:truth().raw.pid_limits:gmatch "(%d+)/limits:(Max %l[%l ]-)  +(%w+) +(%w+)" do
      local r = by_pid[tonumber(pid)]
      if r and is_steady(pid) then
        local function value(text) return text == "unlimited" and -1 or tonumber(text) end
        for _, limit in ipairs(r.limits) do
          if limit.name == name then
            compared = compared + 1
            if limit.soft ~= value(soft) or limit.hard ~= value(hard) then
              report.add("%s: %s is %s %s, was %s %s", pid, name, limit.soft, limit.hard, soft, hard)
            end
          end
        end
      end
    end
    report.check()
    assert.is_true(compared > 200, compared)
    assert.are.same({123, 456}, {by_pid[dump:truth().objects.pid].limits[8].soft, by_pid[dump:truth().objects.pid].limits[8].hard})
  end)
end)
