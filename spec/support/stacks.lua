-- SPDX-License-Identifier: BSD-2-Clause
-- Memory with code, a CPU and a task that has a stack, for the specs of what unwinds: function `inner` is called by `outer`.
local memory = require "spec.support.memory"

local M = {}

local S = memory.START
local OFFSET = 0x40 -- of per-CPU variables
M.TASK, M.INNER, M.OUTER, M.STACK, M.IRQ_STACK, M.TOP = S + 0x300, S + 0x800, S + 0x900, S + 0x1000, S + 0x1800, S + 0x2000
M.SIZE = 0x400 -- of the task's stack
local CURRENT, HARDIRQ, ESTACKS, IPS, ENTRIES = S + 0x80, S + 0x88, S + 0x90, S + 0x600, S + 0x700
-- Behind the call of `inner` in `outer`.
M.RETURN = M.OUTER + 0x25

M.CALL_8, M.REGS, M.IRET, M.END, M.UNDEFINED = {8, 5 | 2 << 8}, {0, 5 | 3 << 8 | 1 << 11}, {0, 5 | 4 << 8 | 1 << 11}, {0, 1 << 8}, {0, 0}

local DECLARATIONS = [[
  struct cpumask { unsigned long bits[1]; };
  struct orc_entry { short sp_offset, bp_offset; unsigned sp_reg:4, bp_reg:4, type:3, signal:1; } __attribute__((packed));
  struct module { long state; };
  struct task_struct { void *stack; struct { unsigned long sp; } thread; unsigned int flags; int pid, tgid; char comm[16]; };
  struct inactive_task_frame { unsigned long r15, r14, r13, r12, bx, bp, ret_addr; };
  struct irq_stack { char stack[0x800]; };
  struct cea_exception_stacks { char DF_stack_guard[64], DF_stack[64], NMI_stack_guard[64], NMI_stack[64]; };
  struct entry_stack_page { char stack[64]; };
  struct cpu_entry_area { struct entry_stack_page entry_stack_page; struct cea_exception_stacks estacks; };
  struct pt_regs { unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss; };
]]

--- The words of memory from an address.
function M.words(k, at, ...)
  assert(k:write(at, ("<" .. ("i8"):rep(select("#", ...))):pack(...)))
end

--- What the tables say of both functions: {sp_offset, bits}.
function M.rules(k, inner, outer)
  local starts = {M.INNER, M.OUTER, M.OUTER + 0x100}
  for i, rule in ipairs {inner, outer, M.CALL_8} do
    local at = IPS + 4 * (i - 1)
    assert(k:write(at, ("<i4"):pack(starts[i] - at)))
    assert(k:write(ENTRIES + 6 * (i - 1), ("<i2i2I2"):pack(rule[1], 0, rule[2])))
  end
end

--- An open handle, its symbols (a table that can be changed); memory.forget behind the test.
function M.open()
  local k = memory.open(DECLARATIONS)
  local symbols = memory.one_cpu(k, S, OFFSET)
  for name, at in pairs {
    current_task = CURRENT - OFFSET, hardirq_stack_ptr = HARDIRQ - OFFSET, cea_exception_stacks = ESTACKS - OFFSET,
    __start_init_stack = M.STACK, __end_init_stack = M.STACK + M.SIZE, _stext = M.INNER - 1, _etext = M.OUTER + 0x100,
    __start_orc_unwind_ip = IPS, __stop_orc_unwind_ip = IPS + 12, __start_orc_unwind = ENTRIES, inner = M.INNER, outer = M.OUTER,
  } do symbols[name] = at end
  memory.symbols(symbols, {inner = 0x100, outer = 0x100})
  memory.modules {}
  M.words(k, HARDIRQ, M.TOP - 8)
  memory.set(k, "struct task_struct", M.TASK, {stack = M.STACK, pid = 7, tgid = 7})
  assert(k:write(M.RETURN - 5, "\xe8" .. ("<i4"):pack(M.INNER - M.RETURN)))
  M.rules(k, M.CALL_8, M.END)
  return k, symbols
end

--- The task sleeps: its frame is the lowest at AT, it returns to PC.
function M.sleep(k, at, pc)
  memory.set(k, "struct task_struct", M.TASK, {["thread.sp"] = at})
  M.words(k, at, 15, 14, 13, 12, 3, 0, pc)
end

--- A CPU's descriptor as crash_notes has it (struct elf_prstatus).
function M.prstatus(regs)
  local values = {}
  for i = 1, 27 do values[i] = 0 end
  for index, value in pairs {[17] = regs.rip, [18] = regs.cs or 0x10, [20] = regs.rsp, [5] = regs.rbp or 0} do values[index] = value end
  return ("\0"):rep(32) .. ("<i4"):pack(regs.pid or 0) .. ("\0"):rep(76) .. ("<" .. ("i8"):rep(27)):pack(table.unpack(values))
    .. ("\0"):rep(8)
end

--- The CPU runs the task and left these registers when it crashed.
function M.crash(k, symbols, regs)
  M.words(k, CURRENT, M.TASK)
  symbols.crash_notes = S + 0xa0
  local note = S + 0x440
  M.words(k, S + 0xa0, note - OFFSET)
  local desc = M.prstatus(regs)
  assert(k:write(note, ("<I4I4I4"):pack(5, #desc, 1) .. "CORE\0\0\0\0" .. desc))
end

return M
