-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm irq: interrupts, as /proc/interrupts has them, and softirqs.
local cpumask = require "kvm.linux.cpumask"
local irq = require "kvm.linux.irq"
local object = require "kvm.object"
local walk = require "kvm.cmd.walk"

local M = {
  name = "irq",
  summary = "interrupts, their counts and handlers",
  operands = {},
  options = {
    {flags = "-s --softirqs", help = "softirqs"},
    {flags = "-a --all", help = "also those that nothing handles"},
  },
  columns = {
    {name = "irq", kind = "integer"},
    {name = "name", kind = "string", title = "IRQ", width = 8},
    {name = "cpus", kind = "numbers"},
    {name = "counts", kind = "numbers"},
    {name = "total", kind = "integer", title = "TOTAL", width = 10},
    {name = "chip", kind = "string", title = "CHIP", width = 12, left = true},
    {name = "hwirq", kind = "integer"},
    {name = "affinity", kind = "numbers"},
    {name = "effective", kind = "numbers"},
    {name = "handlers", kind = "strings"},
    {name = "devices", kind = "strings"},
    {name = "addr", kind = "hex", title = "DESCRIPTOR", width = 18, left = true},
    {name = "partial", kind = "strings"},
    {name = "what", kind = "string", title = "HANDLED BY", left = true, width = 0},
  },
  no_match = "there is none",
}

local function sum(counts)
  local total = 0
  for _, n in ipairs(counts or {}) do total = total + n end
  return total
end

local function record(number, desc, cpus)
  local rec = {irq = number, name = tostring(number), cpus = cpus, addr = object.addr(desc)}
  rec.counts = walk.field(rec, "counts", irq.counts, desc, cpus)
  rec.total = rec.counts and sum(rec.counts)
  rec.chip = walk.field(rec, "chip", irq.chip, desc)
  rec.hwirq = walk.field(rec, "hwirq", function() return desc.irq_data.hwirq end)
  rec.affinity, rec.effective = walk.field(rec, "affinity", irq.affinity, desc)
  local what = {}
  for _, a in ipairs(walk.field(rec, "handlers", irq.actions, desc) or {}) do
    rec.handlers, rec.devices = rec.handlers or {}, rec.devices or {}
    rec.handlers[#rec.handlers + 1], rec.devices[#rec.devices + 1] = a.handler, a.name or ""
    what[#what + 1] = ("%s (%s)"):format(a.name or "?", a.handler)
  end
  rec.what = table.concat(what, ", ")
  return rec
end

--- Interrupts.
-- @param k an open handle
-- @tparam[opt] table opts softirqs, all
-- @treturn function an iterator of records: irq (number; nil for a CPU's own and for softirqs), name ("24", "LOC", "TIMER"), cpus
--  ({integer,...}), counts ({integer,...}, by CPU), total, chip, hwirq, affinity and effective ({integer,...} CPUs), handlers (symbols) and
--  devices ({string,...}), addr (`struct irq_desc *`), what (text), partial (keys that could not be read); what is damaged as
--  kvm.cmd.walk tells it
-- @raise kvm.Error
-- @usage for r in require "kvm.cmd.irq".run(k) do assert(r.stopped or r.name) end
function M.run(k, opts)
  opts = opts or {}
  return walk.records(function(emit)
    local cpus = cpumask.of(k, "online")
    if opts.softirqs then
      for _, s in ipairs(irq.softirqs(k, cpus)) do emit {name = s.name, cpus = cpus, counts = s.counts, total = sum(s.counts)} end
      return
    end
    walk.part(emit, function()
      for number, desc in irq.for_each_irq_desc(k) do
        local rec = record(number, desc, cpus)
        if opts.all or rec.handlers or rec.partial or rec.total > 0 then emit(rec) end
      end
    end)
    walk.part(emit, function()
      for _, own in ipairs(irq.of_cpus(k, cpus)) do
        emit {name = own.name, cpus = cpus, counts = own.counts, total = sum(own.counts), what = own.what}
      end
    end)
  end)
end

return M
