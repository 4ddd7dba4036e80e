-- SPDX-License-Identifier: BSD-2-Clause
-- Interrupts that run away: those that the kernel switched off because nobody handled them, those that come more often than a CPU can bear,
-- and softirqs that wait while ksoftirqd does not get to run. Checked against Linux 5.10, 6.1, 6.12 and 7.2. Rates are those since the
-- kernel started: a dump has one moment alone. Kernels that run softirqs at the end of interrupts though ksoftirqd waits (d15121be7485)
-- leave fewer of them waiting.
local attempt = require "kvm.linux.check.attempt"
local cpumask = require "kvm.linux.cpumask"
local irq = require "kvm.linux.irq"
local kallsyms = require "kvm.linux.kallsyms"
local object = require "kvm.object"
local percpu = require "kvm.linux.percpu"
local rq = require "kvm.linux.rq"
local types = require "kvm.type"

local M = {name = "irq", title = "interrupts that run away"}

local S <const> = 1000000000
-- An interrupt handler takes some microseconds: at 200000 a second it has a CPU for itself. Fast disks and networks stay below that, as
-- their drivers poll. Rates over less than 10 s say little.
local MOST_PER_SECOND <const>, LEAST_UPTIME_NS <const> = 200000, 10 * S
-- note_interrupt (kernel/irq/spurious.c) switches an interrupt off when 99900 of 100000 were handled by nobody.
local MANY_UNHANDLED <const> = 10000
-- What ksoftirqd has to do should be done within a tick or two.
local WARNING_NS <const>, ERROR_NS <const> = 2 * S, 10 * S
local IRQS_SPURIOUS_DISABLED <const> = 2 -- kernel/irq/internals.h

local function action_names(desc)
  local out = {}
  for i, a in ipairs(irq.actions(desc)) do out[i] = ("%s (%s)"):format(a.name or "?", a.handler or "?") end
  return #out > 0 and table.concat(out, ", ") or "no handler"
end

-- irq 16: nobody cared ...; Disabling IRQ #16 (kernel/irq/spurious.c)
local function lines_of_log(context, number)
  local out = {}
  for _, r in ipairs(context:log()) do
    local text = r.text or ""
    if text:match "^irq (%d+): nobody cared" == tostring(number) or text:match "^Disabling IRQ #(%d+)" == tostring(number) then
      out[#out + 1] = ("log at %.3f s: %s"):format(r.time_ns / S, text:match "^[^\n]*")
    end
  end
  return out
end

local function state_of(desc)
  local name = "core_internal_state__do_not_mess_with_it" -- desc->istate
  return object.typeof(desc):strip():field(name) and desc[name] or 0
end

local function check_unhandled(context, report, number, desc)
  local disabled, unhandled = state_of(desc) & IRQS_SPURIOUS_DISABLED ~= 0, desc.irqs_unhandled
  if not disabled and unhandled < MANY_UNHANDLED then return end
  local lines = lines_of_log(context, number)
  local handlers = action_names(desc)
  lines[#lines + 1] = ("irq_desc 0x%x: irqs_unhandled %d of irq_count %d, handlers: %s"):format(object.addr(desc), unhandled,
    desc.irq_count, handlers)
  report {severity = disabled and "error" or "warning", confidence = "certain", evidence = lines,
    title = disabled and ("IRQ %d was switched off, as nobody handled it: %s gets no interrupts"):format(number, handlers)
      or ("nobody handles IRQ %d: %d of its last %d came to no handler that wanted them"):format(number, unhandled, desc.irq_count)}
end

local function too_often(count, uptime_ns)
  return uptime_ns >= LEAST_UPTIME_NS and count > MOST_PER_SECOND * (uptime_ns / S)
end

local function check_rate(report, what, counts, cpus, uptime_ns)
  for i, cpu in ipairs(cpus) do
    if too_often(counts[i], uptime_ns) then
      report {severity = "warning", confidence = "certain",
        title = ("%s came %d times a second on CPU %d"):format(what, counts[i] * S // uptime_ns, cpu),
        evidence = {("%d times on CPU %d since the kernel started %.1f s ago"):format(counts[i], cpu, uptime_ns / S)}}
    end
  end
end

-- --- softirqs

-- Where the bits of waiting softirqs of a CPU are: a variable of its own since 6.15, in struct pcpu_hot since 6.2, before in irq_stat.
local function pending_place(k)
  local at, name = kallsyms.first(k, {"__softirq_pending", "pcpu_hot", "irq_stat"})
  if name == "__softirq_pending" then return at end
  if name == "pcpu_hot" then return at + types.offsetof(k, "struct pcpu_hot", "softirq_pending") end
  return at + types.offsetof(k, "irq_cpustat_t", "__softirq_pending")
end

local function softirq_names(k, bits)
  local names, out = {}, {}
  for i, row in ipairs(irq.softirqs(k, {})) do names[i - 1] = row.name end
  for bit = 0, 15 do
    if bits >> bit & 1 == 1 then out[#out + 1] = names[bit] or tostring(bit) end
  end
  return table.concat(out, ", ")
end

-- ksoftirqd by CPU.
local function daemons(context)
  local out = {}
  for _, t in ipairs(context:tasks()) do
    local cpu = t.comm:match "^ksoftirqd/(%d+)$"
    if cpu then out[math.tointeger(cpu)] = t end
  end
  return out
end

local function check_softirqs(context, report, cpus)
  local k = context.k
  local place, threads = pending_place(k), daemons(context)
  for _, cpu in ipairs(cpus) do
    local t, bits = threads[cpu], k:u16(percpu.per_cpu_ptr(k, place, cpu))
    local queue = t and bits ~= 0 and rq.of(k, cpu)
    local waits = queue and rq.delay(t.task, rq.latest(k))
    if waits and waits >= WARNING_NS then
      local current = queue.curr
      report {severity = waits >= ERROR_NS and "error" or "warning", confidence = "certain", pids = {current.pid, t.pid},
        title = ("CPU %d: softirqs wait (%s), but ksoftirqd/%d has not got to run for %.1f s; pid %d (%s) runs"):format(cpu,
          softirq_names(k, bits), cpu, waits / S, current.pid, current.comm),
        evidence = {("softirqs pending on CPU %d: 0x%x"):format(cpu, bits), ("pid %d (%s) is runnable and waits"):format(t.pid, t.comm)}}
    end
  end
end

local function check_irq(context, report, cpus, uptime_ns, number, desc)
  check_unhandled(context, report, number, desc)
  if too_often(desc.tot_count, uptime_ns) then
    check_rate(report, ("IRQ %d, %s,"):format(number, action_names(desc)), irq.counts(desc, cpus), cpus, uptime_ns)
  end
end

local function check_cpu_rates(context, report, cpus, uptime_ns)
  for _, row in ipairs(irq.of_cpus(context.k, cpus)) do
    check_rate(report, ("%s (%s)"):format(row.what, row.name), row.counts, cpus, uptime_ns)
  end
end

--- Looks at what the kernel counted, and at what waits.
-- @param context of the checks
-- @tparam function report takes findings
-- @raise kvm.Error what was damaged, behind what was found
function M.run(context, report)
  local cpus, uptime_ns = cpumask.of(context.k, "online"), context:now_ns()
  local attempts = attempt.new()
  attempts:call(function()
    for number, desc in irq.for_each_irq_desc(context.k) do
      attempts:call(check_irq, context, report, cpus, uptime_ns, number, desc)
    end
  end)
  attempts:call(check_cpu_rates, context, report, cpus, uptime_ns)
  attempts:call(check_softirqs, context, report, cpus)
  attempts:finish()
end

return M
