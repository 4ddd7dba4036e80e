-- SPDX-License-Identifier: BSD-2-Clause
-- The timers of a dump: those of /proc/timer_list that had not to expire before, with function and times; the programs' own are there.
local matrix = require "spec.kernels.matrix"

matrix.each(function(dump)
  if dump.key == "k72" and dump.is_filtered then return end -- it lacks slab pages, see tasks_spec.lua
  local timers
  setup(function() timers = matrix.records(matrix.luakvm("timer", dump.path, "--json")) end)

  it("has the guest's high resolution timers", function()
    local found, report, compared = {}, matrix.report(), 0
    for _, t in ipairs(timers) do
      assert.is_nil(t.stopped)
      if t.kind == "hrtimer" then found[("%s %d-%d"):format(t.func, t.soft_expires_ns, t.expires)] = t end
    end
    local truth = dump:truth()
    local now = tonumber(truth.raw.timer_list:match "now at (%d+) nsecs")
    -- What was to expire within two minutes may have; the rest waits, in the same place.
    for func, soft, hard in truth.raw.timer_list:gmatch "#%d+: <[^>]*>, ([%w_]+), S:%d+[^\n]*\n # expires at (%d+)%-(%d+)" do
      if tonumber(hard) > now + 120e9 and not (dump.is_busy and func == "hrtimer_wakeup" and tonumber(hard) < now + 900e9) then
        compared = compared + 1
        if not found[("%s %s-%s"):format(func, soft, hard)] then report.add("%s %s-%s is missing", func, soft, hard) end
      end
    end
    report.check()
    assert.is_true(compared > 200, compared)
  end)

  it("knows who sleeps until then", function()
    local truth, sleepers, own = dump:truth(), 0, {}
    for _, t in ipairs(timers) do
      if t.pid then
        local task = truth.tasks[tostring(t.pid)]
        if task then
          assert.are.equal(task.comm:sub(1, 15), t.comm)
          sleepers = sleepers + 1
        end
      end
      own[t.func] = (own[t.func] or 0) + 1
    end
    assert.is_true(sleepers > 150, sleepers)
    -- objects.c: a timerfd, a POSIX timer, an interval timer
    assert.is_true(own.timerfd_tmrproc >= 1 and own.posix_timer_fn >= 1 and own.it_real_fn >= 1)
  end)

  it("has timers in the wheels, with functions that have names", function()
    local count, named = 0, 0
    for _, t in ipairs(timers) do
      if t.kind == "wheel" then
        count = count + 1
        if not t.func:find "^0x" then named = named + 1 end
      end
    end
    assert.is_true(count > 5 and named == count, named .. " of " .. count)
  end)
end)
