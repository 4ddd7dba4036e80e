-- SPDX-License-Identifier: BSD-2-Clause
-- CPUs that do nothing else any more. Soft lockup: the watchdog's thread has not run for twice watchdog_thresh, though its timer has
-- ticked (kernel/watchdog.c: watchdog_report_ts or watchdog_touch_ts, in seconds of the scheduler's clock). Hard lockup: interrupts are
-- off and the CPU's ticks have stopped (cpu-local jiffies of hrtimer bases). Checked against Linux 5.10, 6.1, 6.12 and 7.2.
local cpumask = require "kvm.linux.cpumask"
local frames_of = require "kvm.linux.check.frames"
local percpu = require "kvm.linux.percpu"
local place = require "kvm.stack".place
local sched = require "kvm.linux.sched"
local stack = require "kvm.stack"
local types = require "kvm.type"

local M = {name = "lockup", title = "CPUs that are stuck"}

local NS <const> = 1000000000
local INTERRUPTS <const> = 0x200 -- of eflags (X86_EFLAGS_IF)
local DEFAULT_THRESH <const> = 10 -- seconds
-- A CPU whose timer interrupt is not taken for so long with interrupts off does not come back to them.
local HARD_NS <const> = 3 * NS
local SHIFT <const> = 30 -- get_timestamp(): running_clock() >> 30, "2^30 ~= 10^9"

-- When the CPU's watchdog last ran; since 5.13 (89e28ce60cb6) that of the reports is apart.
local function touched(k, cpu)
  local symbol = k:symbol "watchdog_touch_ts"
  return symbol and k:u64(percpu.per_cpu_ptr(k, symbol.value, cpu))
end

-- When the CPU's timer interrupt last came: the tick's own time.
local function last_tick_ns(k, cpu)
  local symbol = k:symbol "tick_cpu_sched"
  if not symbol then return nil end
  local t = types.of(k, "struct tick_sched"):strip()
  local at = percpu.per_cpu_ptr(k, symbol.value, cpu)
  return k:i64(at + types.offsetof(k, t, "sched_timer.node.expires"))
end

-- The scheduler's clock of a CPU that goes on: the watchdog's is that of the CPU itself.
local function latest_clock(k)
  local latest = 0
  for _, cpu in ipairs(cpumask.of(k, "online")) do
    local rq = percpu.per_cpu_ptr(k, k:symbol "runqueues".value, cpu)
    latest = math.max(latest, k:i64(rq + types.offsetof(k, "struct rq", "clock")))
  end
  return latest
end

local function finding(context, cpu, t, frames, kind, seconds, evidence)
  table.move(frames_of.lines(frames), 1, 12, #evidence + 1, evidence)
  local frame, at = frames_of.guilty(frames, frames.guilty_from)
  local functions, modules = frames_of.names(frames, at or 1)
  return {
    severity = "critical", confidence = "certain", evidence = evidence, pids = {t.pid}, functions = functions, modules = modules,
    title = ("%s: CPU %d stuck for %.0f s in %s, %s"):format(kind, cpu, seconds, frame and place(frame) or "no known function",
      context:task_text(t)),
  }
end

-- Behind an interrupt the CPU was elsewhere: what it was doing is below it.
local function below_interrupt(frames)
  for i, frame in ipairs(frames) do
    if frame.regs and frames[i - 1] and (frames[i - 1].name or ""):find "^asm_sysvec_" then return i end
  end
  return 1
end

local function check_cpu(context, cpu, report)
  local k = context.k
  local addr = sched.current(k, cpu)
  local t = context:task_at(addr)
  if not t or t.idle then return end
  local frames = stack.of(k):of_cpu(cpu)
  if not frames or not frames[1] then return end
  frames.guilty_from = below_interrupt(frames)
  local regs = frames.registers
  local tick = last_tick_ns(k, cpu)
  local late = tick and context:now_ns() - tick
  if regs and regs.eflags & INTERRUPTS == 0 and late and late > HARD_NS and frames.guilty_from == 1 then
    return report(finding(context, cpu, t, frames, "hard lockup", late / NS, {
      ("interrupts are off (eflags 0x%x), the tick was due %.1f s ago"):format(regs.eflags, late / NS)}))
  end
  local last = touched(k, cpu)
  local limit = 2 * (context:setting "watchdog_thresh" or DEFAULT_THRESH)
  local seconds = last and last > 0 and (latest_clock(k) - (last << SHIFT)) / NS
  if limit > 0 and seconds and seconds > limit then
    report(finding(context, cpu, t, frames, "soft lockup", seconds, {
      ("the watchdog's thread of CPU %d has not run for %.0f s (the limit is %d s); interrupts are %s"):format(cpu, seconds, limit,
        regs and regs.eflags & INTERRUPTS ~= 0 and "on" or "off")}))
  end
end

--- Tells of each CPU that is stuck.
-- @tparam Context context
-- @tparam function report
-- @raise kvm.Error
-- @usage require "kvm.linux.check.lockup".run(require "kvm.linux.check.context".new(k), function(f) assert(f.functions) end)
function M.run(context, report)
  for _, cpu in ipairs(cpumask.of(context.k, "online")) do
    if cpu ~= context:panic_cpu() then check_cpu(context, cpu, report) end
  end
end

return M
