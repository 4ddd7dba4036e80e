-- SPDX-License-Identifier: BSD-2-Clause
-- linux/irq.h: interrupts and their counts, as /proc/interrupts and /proc/softirqs have them: descriptors are in a radix tree until 6.4, in
-- a maple tree since 6.5. x86's own counters (struct irq_cpustat) are told by their members. Checked against Linux 5.10, 6.1,
-- 6.12 and 7.2.
local kvm_error = require "kvm.error"
local cpumask = require "kvm.linux.cpumask"
local kallsyms = require "kvm.linux.kallsyms"
local maple_tree = require "kvm.linux.maple_tree"
local object = require "kvm.object"
local percpu = require "kvm.linux.percpu"
local types = require "kvm.type"
local xarray = require "kvm.linux.xarray"

local M = {}

local MOST_ACTIONS <const> = 10000
local DESC <const> = "struct irq_desc"

--- The interrupts that have a descriptor.
-- @param k an open handle
-- @treturn function an iterator of number and `struct irq_desc`
-- @raise kvm.Error `notfound`: this kernel has no tree of interrupts (CONFIG_SPARSE_IRQ); `format` where it is damaged
-- @usage for irq, desc in kvm.linux.irq.for_each_irq_desc(k) do assert(desc.irq_data.irq == irq) end
function M.for_each_irq_desc(k)
  local addr, name = kallsyms.need(k, {"sparse_irqs", "irq_desc_tree"}, "tree of interrupts", "CONFIG_SPARSE_IRQ")
  local step
  if name == "sparse_irqs" then
    step = maple_tree.for_each(kvm_error.check(k:object(addr, "struct maple_tree")))
    return function()
      local irq, _, entry = step()
      if irq then return irq, kvm_error.check(k:object(entry, DESC)) end
    end
  end
  step = xarray.for_each(kvm_error.check(k:object(addr, "struct xarray")))
  return function()
    local irq, entry = step()
    if irq then return irq, kvm_error.check(k:object(entry, DESC)) end
  end
end

--- How often an interrupt came, by CPU.
-- @param desc `struct irq_desc`
-- @tparam {integer,...} cpus numbers
-- @treturn {integer,...} in the order of cpus
-- @raise kvm.Error
-- @usage for _, desc in kvm.linux.irq.for_each_irq_desc(k) do assert(kvm.linux.irq.counts(desc, {0})[1] >= 0) end
function M.counts(desc, cpus)
  local k, out = object.handle(desc), {}
  local base = k:ptr(object.addr(desc, "kstat_irqs")) -- of unsigned int, since 6.10 of struct irqstat, whose first member it is
  for i, cpu in ipairs(cpus) do out[i] = k:u32(percpu.per_cpu_ptr(k, base, cpu)) end
  return out
end

--- What handles an interrupt.
-- @param desc `struct irq_desc`
-- @treturn {table,...} name (of the device), handler (symbol, or "0x..."), addr (`struct irqaction *`)
-- @raise kvm.Error `format` for a list that does not end
-- @usage for _, desc in kvm.linux.irq.for_each_irq_desc(k) do assert(#kvm.linux.irq.actions(desc) < 100) end
function M.actions(desc)
  local k, out, action = object.handle(desc), {}, desc.action
  while action do
    if #out >= MOST_ACTIONS then kvm_error.fail("format", "the actions of the interrupt at 0x%x do not end", object.addr(desc)) end
    local handler = action.handler
    local symbol = handler and k:symbol(object.addr(handler))
    out[#out + 1] = {name = action.name and object.string(action.name), addr = object.addr(action),
      handler = symbol and symbol.name or handler and ("0x%x"):format(object.addr(handler))}
    action = action.next
  end
  return out
end

-- cpumask_var_t: an array of one mask, or a pointer to one (CONFIG_CPUMASK_OFFSTACK).
local function mask_at(desc, path)
  local k = object.handle(desc)
  local field = types.of(k, DESC):strip():field(path)
  if not field then return nil end
  local at = object.addr(desc, path)
  if field.type:strip():kind() == "pointer" then at = k:ptr(at) end
  if at == 0 then return nil end
  local count, out = k:u32(kallsyms.address(k, "nr_cpu_ids")), {} -- bits above are set in masks of all CPUs
  for _, cpu in ipairs(cpumask.cpus(k, at)) do
    if cpu < count then out[#out + 1] = cpu end
  end
  return out
end

--- The CPUs that an interrupt may go to.
-- @param desc `struct irq_desc`
-- @treturn {integer,...} as smp_affinity_list; nil for none
-- @treturn {integer,...} as effective_affinity_list; nil where the kernel keeps none
-- @raise kvm.Error
-- @usage for _, desc in kvm.linux.irq.for_each_irq_desc(k) do kvm.linux.irq.affinity(desc) end
function M.affinity(desc)
  return mask_at(desc, "irq_common_data.affinity"), mask_at(desc, "irq_common_data.effective_affinity")
end

--- The name of an interrupt's controller.
-- @param desc `struct irq_desc`
-- @treturn string nil for none
-- @raise kvm.Error
-- @usage for _, desc in kvm.linux.irq.for_each_irq_desc(k) do kvm.linux.irq.chip(desc) end
function M.chip(desc)
  local chip = desc.irq_data.chip
  return chip and chip.name and object.string(chip.name) or nil
end

-- arch/x86/kernel/irq.c, arch_show_interrupts: the name there, the member of irq_cpustat_t, and where that is an array (7.2) its index
-- of enum irq_stat_counts; what it is.
local X86 <const> = {
  {"NMI", "__nmi_count", "NMI", "Non-maskable interrupts"}, {"LOC", "apic_timer_irqs", "APIC_TIMER", "Local timer interrupts"},
  {"SPU", "irq_spurious_count", "SPURIOUS", "Spurious interrupts"},
  {"PMI", "apic_perf_irqs", "APIC_PERF", "Performance monitoring interrupts"},
  {"IWI", "apic_irq_work_irqs", "IRQ_WORK", "IRQ work interrupts"}, {"RTR", "icr_read_retry_count", "ICR_READ_RETRY",
    "APIC ICR read retries"},
  {"RES", "irq_resched_count", "RESCHEDULE", "Rescheduling interrupts"}, {"CAL", "irq_call_count", "CALL_FUNCTION",
    "Function call interrupts"},
  {"TLB", "irq_tlb_count", "TLB", "TLB shootdowns"}, {"TRM", "irq_thermal_count", "THERMAL_APIC", "Thermal event interrupts"},
  {"THR", "irq_threshold_count", "THRESHOLD_APIC", "Threshold APIC interrupts"},
  {"DFR", "irq_deferred_error_count", "DEFERRED_ERROR", "Deferred Error APIC interrupts"},
}

-- Where in irq_cpustat_t a row is counted; nil where this kernel does not.
local function places(k)
  local t, index = types.of(k, "irq_cpustat_t"):strip(), {}
  local array = t:field "counts"
  if not array then
    return function(row) return t:field(row[2]) and types.offsetof(k, t, row[2]) end
  end
  for _, e in ipairs(types.of(k, "enum irq_stat_counts"):strip():enumerators()) do index[e.name] = e.value end
  return function(row)
    local i = index["IRQ_COUNT_" .. row[3]]
    return i and array.offset + 4 * i
  end
end

--- The interrupts that the CPUs of x86 count by themselves.
-- @param k an open handle
-- @tparam {integer,...} cpus numbers
-- @treturn {table,...} name ("NMI", "LOC", ...), what (in words), counts ({integer,...} in the order of cpus)
-- @raise kvm.Error `notfound` where there is no irq_stat
-- @usage assert(kvm.linux.irq.of_cpus(k, {0})[1].name == "NMI")
function M.of_cpus(k, cpus)
  local base, place, out = kallsyms.address(k, "irq_stat"), places(k), {}
  for _, row in ipairs(X86) do
    local offset = place(row)
    if offset then
      local counts = {}
      for i, cpu in ipairs(cpus) do counts[i] = k:u32(percpu.per_cpu_ptr(k, base, cpu) + offset) end
      out[#out + 1] = {name = row[1], what = row[4], counts = counts}
    end
  end
  return out
end

--- How often each softirq ran.
-- @param k an open handle
-- @tparam {integer,...} cpus numbers
-- @treturn {table,...} name ("HI", "TIMER", ...), counts ({integer,...} in the order of cpus)
-- @raise kvm.Error
-- @usage assert(kvm.linux.irq.softirqs(k, {0})[1].name == "HI")
function M.softirqs(k, cpus)
  local names, base = kallsyms.address(k, "softirq_to_name"), kallsyms.address(k, "kstat")
  local t = types.of(k, "struct kernel_stat")
  local field = kvm_error.check(t:strip():field("softirqs"))
  local out = {}
  for i = 0, field.type:strip():count() - 1 do
    local counts = {}
    for n, cpu in ipairs(cpus) do counts[n] = k:u32(percpu.per_cpu_ptr(k, base, cpu) + field.offset + 4 * i) end
    out[i + 1] = {name = k:cstring(k:ptr(names + 8 * i), 32), counts = counts}
  end
  return out
end

return M
