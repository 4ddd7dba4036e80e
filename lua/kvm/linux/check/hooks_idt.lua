-- SPDX-License-Identifier: BSD-2-Clause
-- Gates of x86's interrupt table that do not lead to the beginning of a function of the kernel. Gates that nobody uses still lead to
-- early_idt_handler_array, which lies in the freed memory of the start. The layout of a gate is the processor's (Intel SDM volume 3,
-- 64-bit IDT gate descriptors). Checked against Linux 5.10, 6.1, 6.12 and 7.2.
local code = require "kvm.linux.check.code"
local kallsyms = require "kvm.linux.kallsyms"
local kvm_error = require "kvm.error"

local M = {name = "hooks_idt", title = "interrupt gates that lead elsewhere"}

local GATES <const>, BYTES <const>, PRESENT <const>, MOST_LINES <const> = 256, 16, 1 << 15, 20
local MOST_CPUS <const> = 8192 -- NR_CPUS of x86
-- Rows of small entries under one symbol, arch/x86/include/asm/idtentry.h and kernel/head_64.S.
local ROWS <const> = {irq_entries_start = true, spurious_entries_start = true, early_idt_handler_array = true}

local function is_entry(k, whose, addr)
  local symbol, offset = k:symbol(addr)
  if not symbol or symbol.module then return false end
  return ROWS[symbol.name] or whose == "kernel" and offset == 0
end

-- Where the dump has the register that says where a CPU's table is (QEMU's): that is another mapping of idt_table
-- (CPU_ENTRY_AREA_RO_IDT). A null base is that of a CPU that is handed over to another kernel.
local function check_registers(context, report, at)
  local k = context.k
  local own = k:translate(at)
  for cpu = 0, own and MOST_CPUS - 1 or -1 do
    local registers = k:registers(cpu)
    if not registers then return end
    local base = registers.idt_base or 0
    local place = base ~= 0 and k:translate(base)
    if place and place ~= own then
      report {severity = "critical", confidence = "likely", title = ("CPU %d uses an interrupt table that is not the kernel's"):format(cpu),
        evidence = {("its IDT is at 0x%x, physical 0x%x; idt_table is at 0x%x, physical 0x%x"):format(base, place, at, own)}}
    end
  end
end

--- Compares the gates with the symbols, and where the CPUs have their table.
-- @param context of the checks
-- @tparam function report takes findings
-- @raise kvm.Error `notfound` on another machine; `fault`, `excluded`
function M.run(context, report)
  local k = context.k
  local at = kallsyms.address(k, "idt_table")
  local bytes, owner = kvm_error.check(k:read(at, GATES * BYTES)), code.owners(k)
  local lines, modules = {}, {}
  for vector = 0, GATES - 1 do
    local low, _, bits, middle, high = ("<I2I2I2I2I4"):unpack(bytes, BYTES * vector + 1)
    local addr = low | middle << 16 | high << 32
    local whose, mod = owner(addr)
    if bits & PRESENT ~= 0 and not is_entry(k, whose, addr) then
      lines[#lines + 1] = ("vector %d: the gate at 0x%x leads to %s"):format(vector, at + BYTES * vector, code.text(context, owner, addr))
      if mod and modules[#modules] ~= mod.name then modules[#modules + 1] = mod.name end
    end
  end
  check_registers(context, report, at)
  if #lines == 0 then return end
  report {severity = "critical", confidence = "certain", modules = modules, evidence = code.shortened(lines, MOST_LINES),
    title = ("%d gates of the interrupt table (idt_table) lead to no entry of the kernel: %s"):format(#lines, lines[1])}
end

return M
