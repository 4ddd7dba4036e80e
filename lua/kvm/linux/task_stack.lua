-- SPDX-License-Identifier: BSD-2-Clause
-- linux/sched/task_stack.h, asm/processor.h, asm/cpu_entry_area.h: where the kernel's stacks are (one of each task; of each CPU those for
-- interrupts and for exceptions) and where the registers are that an unwinder starts from: of a task that sleeps in its thread_struct
-- and on its stack (struct inactive_task_frame), of a CPU in the dump's notes or in crash_notes, of a program at its stack's end
-- (struct pt_regs). Checked on x86-64 against Linux 5.10, 6.1, 6.12 and 7.2.
local cpumask = require "kvm.linux.cpumask"
local kallsyms = require "kvm.linux.kallsyms"
local kvm_error = require "kvm.error"
local percpu = require "kvm.linux.percpu"
local sched = require "kvm.linux.sched"
local types = require "kvm.type"
local x86_64 = require "kvm.unwind.x86_64"

local M = {}

local TASK <const>, FRAME <const> = "struct task_struct", "struct inactive_task_frame"

-- Symbols around the stack of the first task, which is as large as any (INIT_TASK_DATA in include/asm-generic/vmlinux.lds.h;
-- renamed in 6.10).
local FIRST_STACK = {{"__start_init_stack", "__end_init_stack"}, {"__start_init_task", "__end_init_task"}}

--- How large a task's stack is: THREAD_SIZE.
-- @param k an open handle
-- @treturn integer bytes
-- @raise kvm.Error `notfound`
-- @usage assert(kvm.linux.task_stack.size(k) % 4096 == 0)
function M.size(k)
  for _, names in ipairs(FIRST_STACK) do
    local first, last = k:symbol(names[1]), k:symbol(names[2])
    if first and last then return last.value - first.value end
  end
  return kvm_error.fail("notfound", "no symbols around the first task's stack (%s)", FIRST_STACK[1][1])
end

--- The stack of a task.
-- @param k an open handle
-- @tparam integer task `struct task_struct *`
-- @treturn integer its lowest address; nil for a task that has died and has none
-- @raise kvm.Error
-- @usage assert(kvm.linux.task_stack.of(k, k:symbol("init_task").value) ~= 0)
function M.of(k, task)
  local base = k:ptr(task + types.offsetof(k, TASK, "stack"))
  return base ~= 0 and base or nil
end

-- --- stacks of CPUs

-- Its address points to the stack's end or, since 5.12, to its last word.
local function irq_stack(k, cpu)
  local symbol = k:symbol "hardirq_stack_ptr"
  local at = symbol and percpu.per_cpu_ptr(k, symbol.value, cpu)
  if not at then -- from 6.2 to 6.14 in struct pcpu_hot
    at = percpu.per_cpu_ptr(k, kallsyms.address(k, "pcpu_hot"), cpu) + types.offsetof(k, "struct pcpu_hot", "hardirq_stack_ptr")
  end
  local top, size = k:ptr(at), types.sizeof(k, "struct irq_stack")
  if top == 0 then return nil end
  local page = k:page_size()
  top = (top + page - 1) & -page
  return {first = top - size, last = top, kind = "irq", cpu = cpu}
end

-- Those of the interrupt stack table, and the one that programs enter the kernel on.
local function add_exception_stacks(k, cpu, out)
  local t = types.of(k, "struct cea_exception_stacks"):strip()
  local at = k:ptr(percpu.per_cpu_ptr(k, kallsyms.address(k, "cea_exception_stacks"), cpu))
  if at == 0 then return end
  for _, m in ipairs(t:members()) do
    local kind = m.name:match "^(%w+)_stack$"
    if kind then
      local first = at + m.offset
      out[#out + 1] = {first = first, last = first + m.type:size(), kind = kind, cpu = cpu}
    end
  end
  local entry = at - types.offsetof(k, "struct cpu_entry_area", "estacks") + types.offsetof(k, "struct cpu_entry_area", "entry_stack_page")
  out[#out + 1] = {first = entry, last = entry + types.sizeof(k, "struct entry_stack_page"), kind = "entry", cpu = cpu}
end

--- The stacks that CPUs have for interrupts and exceptions.
-- @param k an open handle
-- @treturn {table,...} first, last (behind it), kind ("irq", "entry", or as the kernel names them: "DF", "NMI", "DB", "MCE", "VC"), cpu
-- @raise kvm.Error
-- @usage for _, s in ipairs(kvm.linux.task_stack.of_cpus(k)) do assert(s.first < s.last) end
function M.of_cpus(k)
  local out = {}
  for _, cpu in ipairs(cpumask.of(k, "possible")) do
    out[#out + 1] = irq_stack(k, cpu)
    add_exception_stacks(k, cpu, out)
  end
  return out
end

-- --- registers

--- The registers of a task that is not running, as it was when it gave up its CPU.
-- @param k an open handle
-- @tparam integer task `struct task_struct *`
-- @treturn table rip, rsp, rbp, rbx, r12 ... r15
-- @treturn integer address of the `struct inactive_task_frame`
-- @raise kvm.Error
-- @usage for p in k:procs() do if p.state == "S" then assert(kvm.linux.task_stack.saved(k, p.addr).rsp ~= 0) break end end
function M.saved(k, task)
  local at = k:ptr(task + types.offsetof(k, TASK, "thread.sp"))
  local function word(name) return k:u64(at + types.offsetof(k, FRAME, name)) end
  return {
    rip = word "ret_addr", rsp = at + types.sizeof(k, FRAME), rbp = word "bp", rbx = word "bx",
    r12 = word "r12", r13 = word "r13", r14 = word "r14", r15 = word "r15",
  }, at
end

--- Where a program's registers are while it is in the kernel: at the end of its task's stack (task_pt_regs).
-- @param k an open handle
-- @tparam integer task `struct task_struct *`
-- @treturn integer address of a `struct pt_regs`; nil where the task has no stack
-- @raise kvm.Error
-- @usage assert(kvm.linux.task_stack.pt_regs(k, k:symbol("init_task").value) % 8 == 0)
function M.pt_regs(k, task)
  local base = M.of(k, task)
  if not base then return nil end
  -- TOP_OF_KERNEL_STACK_PADDING: what FRED pushes above the rest (6.9, arch/x86/include/asm/thread_info.h), where it is built in.
  local padding = k:symbol "asm_fred_entrypoint_user" and types.sizeof(k, "struct fred_info") or 0
  return base + M.size(k) - padding - types.sizeof(k, "struct pt_regs")
end

--- The registers of a program whose task is in the kernel.
-- @param k an open handle
-- @tparam integer task `struct task_struct *`
-- @treturn table registers; nil for a task that has no program (a kernel thread)
-- @raise kvm.Error
-- @usage for p in k:procs() do if p.pid == 1 then assert(kvm.linux.task_stack.user_registers(k, p.addr).rip ~= 0) end end
function M.user_registers(k, task)
  local at = M.pt_regs(k, task)
  if not at or k:u32(task + types.offsetof(k, TASK, "flags")) & sched.PF_KTHREAD ~= 0 then return nil end
  local regs = x86_64.pt_regs(k, at)
  return x86_64.is_user(regs) and regs or nil
end

local NT_PRSTATUS <const>, CORE <const> = 1, "CORE\0"
local NOTE_HEADER <const> = 12
local MOST_DESC <const> = 4096

-- The note that a CPU wrote into memory when the kernel crashed (crash_save_cpu, kernel/kexec_core.c).
local function crash_note(k, cpu)
  local symbol = k:symbol "crash_notes"
  local notes = symbol and k:ptr(symbol.value)
  if not notes or notes == 0 then return nil end
  local at = percpu.per_cpu_ptr(k, notes, cpu)
  local name_size, size, kind = k:u32(at), k:u32(at + 4), k:u32(at + 8)
  if name_size ~= #CORE or kind ~= NT_PRSTATUS or size > MOST_DESC or k:read(at + NOTE_HEADER, #CORE) ~= CORE then return nil end
  return kvm_error.check(k:read(at + NOTE_HEADER + (name_size + 3 & ~3), size))
end

--- The registers of a CPU, from where they are told best: of a dump that QEMU made its notes, which are in the order of the CPUs; what the
-- CPU left in memory when the kernel crashed; the note of the dump that names the task that it ran.
-- @param k an open handle
-- @tparam integer cpu number
-- @treturn table registers by the names of `k:registers`; nil where the CPU left none
-- @treturn string from "QEMU", "crash_notes" or "PRSTATUS"
-- @raise kvm.Error
-- @usage local regs, from = kvm.linux.task_stack.cpu_registers(k, 0) assert(not regs or from)
function M.cpu_registers(k, cpu)
  local regs = k:registers(cpu)
  if regs and regs.cr3 then return regs, "QEMU" end
  local desc = kvm_error.try(crash_note, k, cpu) -- a dump of less than all memory may lack it
  if desc then return kvm_error.check(k:registers(desc)), "crash_notes" end
  local _, tid = sched.identity(k, sched.current(k, cpu))
  local n = 0
  while true do
    local other, pid = k:registers(n)
    if not other then return nil end
    -- Idle tasks are all of number 0: only the note at the CPU's own place can be its.
    if pid == tid and (tid ~= 0 or n == cpu) then return other, "PRSTATUS" end
    n = n + 1
  end
end

return M
