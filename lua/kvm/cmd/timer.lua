-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm timer: what the CPUs' timer wheels and high resolution timers wait for, and whom it wakes.
local cpumask = require "kvm.linux.cpumask"
local timer = require "kvm.linux.timer"
local walk = require "kvm.cmd.walk"

local M = {
  name = "timer",
  summary = "timer wheels and high resolution timers",
  operands = {},
  options = {
    {flags = "-r --hrtimers", help = "only high resolution timers"},
    {flags = "-w --wheel", help = "only timer wheels"},
    {flags = "-C --cpu", value = "CPU", type = "integer", help = "only of this CPU"},
  },
  columns = {
    {name = "kind", kind = "string", title = "KIND", width = 7, left = true},
    {name = "cpu", kind = "integer", title = "CPU", width = 4},
    {name = "clock", kind = "string", title = "CLOCK", width = 9, left = true},
    {name = "soft", kind = "boolean"},
    {name = "base", kind = "integer"},
    {name = "expires", kind = "integer", title = "EXPIRES", width = 20},
    {name = "soft_expires_ns", kind = "integer"},
    {name = "remaining", kind = "integer", title = "JIFFIES", width = 8},
    {name = "func", kind = "string", title = "FUNCTION", width = 28, left = true},
    {name = "flags", kind = "hex"},
    {name = "pid", kind = "integer"},
    {name = "comm", kind = "string"},
    {name = "addr", kind = "hex", title = "TIMER", width = 18, left = true},
    {name = "what", kind = "string", title = "WAKES", left = true, width = 0, json = false},
  },
  no_match = "no timer waits",
}

local function wheel(k, cpu, emit)
  for t in timer.for_each_timer(k, cpu) do
    emit {kind = "wheel", cpu = cpu, base = t.base, expires = t.expires, remaining = t.remaining, func = t.func, flags = t.flags,
      addr = t.addr}
  end
end

local function hrtimers(k, cpu, emit)
  for t in timer.for_each_hrtimer(k, cpu) do
    emit {kind = "hrtimer", cpu = cpu, clock = t.clock, soft = t.soft, expires = t.expires_ns, soft_expires_ns = t.soft_expires_ns,
      func = t.func, pid = t.pid, comm = t.comm, addr = t.addr, what = t.pid and ("%d %s"):format(t.pid, t.comm) or nil}
  end
end

--- Timers.
-- @param k an open handle
-- @tparam[opt] table opts hrtimers, wheel (only these), cpu (number)
-- @treturn function an iterator of records: kind ("hrtimer", "wheel"), cpu, expires (nanoseconds of the clock; of a wheel jiffies), func
--  (symbol), addr (`struct hrtimer *`, `struct timer_list *`); of hrtimers clock ("monotonic", ...), soft, soft_expires_ns, pid and comm
--  (who sleeps until then); of wheels base (which of the CPU's), remaining (jiffies, negative when due), flags; what is damaged as
--  kvm.cmd.walk tells it
-- @raise kvm.Error
-- @usage for t in require "kvm.cmd.timer".run(k) do assert(t.stopped or t.func) end
function M.run(k, opts)
  opts = opts or {}
  local cpus = opts.cpu and {opts.cpu} or cpumask.of(k, "online")
  return walk.records(function(emit)
    for _, cpu in ipairs(cpus) do
      if not opts.wheel then walk.part(emit, hrtimers, k, cpu, emit) end
      if not opts.hrtimers then walk.part(emit, wheel, k, cpu, emit) end
    end
  end)
end

return M
