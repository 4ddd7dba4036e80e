-- SPDX-License-Identifier: BSD-2-Clause
-- Memory with one interrupt, its counts and its handlers, for the specs of what walks them.
local memory = require "spec.support.memory"

local M = {}

local S = memory.START
local TREE, DESC, COUNTS, ACTION, CPUS = S, S + 0x100, S + 0x200, S + 0x240, S + 0x2c0
local MASK, NAMES, CHIP, STAT, OFFSET = S + 0x300, S + 0x340, S + 0x400, S + 0x440, 0x20
M.at = {TREE = TREE, DESC = DESC, ACTION = ACTION, NAMES = NAMES, STAT = STAT, COUNTS = COUNTS}

--- An open handle, and what else the specs need; memory.forget behind the test.
function M.open()
  local k, symbols, desc
  k = memory.open [[
    struct xarray { unsigned int xa_lock, xa_flags; void *xa_head; };
    struct xa_node { unsigned char shift, offset, count, nr_values; struct xa_node *parent; struct xarray *array; void *slots[64];
      unsigned long marks[3][1]; };
    struct cpumask { unsigned long bits[1]; };
    struct irq_chip { const char *name; };
    struct irqaction { int (*handler)(int, void *); struct irqaction *next; const char *name; };
    struct irq_desc { struct { struct cpumask *affinity; } irq_common_data;
      struct { unsigned int irq; unsigned long hwirq; struct irq_chip *chip; } irq_data;
      unsigned int *kstat_irqs; struct irqaction *action;
      unsigned int core_internal_state__do_not_mess_with_it, tot_count, irq_count, irqs_unhandled; };
    struct kernel_stat { unsigned long irqs_sum; unsigned int softirqs[2]; };
    typedef struct { unsigned int __nmi_count, apic_timer_irqs; unsigned short __softirq_pending; } irq_cpustat_t;
  ]]
  symbols = memory.one_cpu(k, CPUS, OFFSET)
  symbols.irq_desc_tree, symbols.a_handler, symbols.kstat, symbols.softirq_to_name, symbols.irq_stat = TREE, 0x1234, STAT, NAMES, STAT
  memory.symbols(symbols)
  memory.set(k, "struct xarray", TREE, {xa_head = DESC}) -- one interrupt, 0
  memory.set(k, "struct irq_desc", DESC, {kstat_irqs = COUNTS, action = ACTION, ["irq_common_data.affinity"] = MASK,
    ["irq_data.chip"] = CHIP})
  assert(k:write(COUNTS + OFFSET, ("<I4"):pack(77)))
  assert(k:write(MASK, ("<I8"):pack(3)))
  assert(k:write(NAMES, ("<I8I8"):pack(NAMES + 0x20, NAMES + 0x28)))
  assert(k:write(NAMES + 0x20, "HI\0\0\0\0\0\0TIMER\0chip\0"))
  memory.set(k, "struct irq_chip", CHIP, {name = NAMES + 0x2e})
  memory.set(k, "struct irqaction", ACTION, {handler = 0x1234, name = NAMES + 0x28, next = ACTION + 0x20})
  memory.set(k, "struct irqaction", ACTION + 0x20, {handler = 0x99})
  assert(k:write(STAT + OFFSET, ("<I4I4I4I4"):pack(5, 6, 7, 8)))
  desc = k:object(DESC, "struct irq_desc")
  return k, symbols, desc
end

return M
