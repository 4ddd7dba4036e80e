-- SPDX-License-Identifier: BSD-2-Clause
-- ELF cores of both classes and byte orders, and the notes in them (System V ABI; Linux include/uapi/linux/elf.h).
local M = {}

M.ET_CORE, M.PT_LOAD, M.PT_NOTE, M.EM_386, M.EM_X86_64 = 4, 1, 4, 3, 62
M.NT_PRSTATUS = 1

local function order(big) return big and ">" or "<" end

--- The bytes of notes: a list of {name=, type=, desc=}; names get their NUL, both are padded to 4 bytes.
function M.notes(list, big)
  local out = {}
  local function padded(s) return s .. ("\0"):rep(-#s % 4) end
  for _, n in ipairs(list) do
    local name = n.name == "" and "" or n.name .. "\0"
    out[#out + 1] = (order(big) .. "I4I4I4"):pack(#name, #n.desc, n.type) .. padded(name) .. padded(n.desc)
  end
  return table.concat(out)
end

--- The VMCOREINFO note of a text.
function M.vmcoreinfo_note(text)
  return {name = "VMCOREINFO", type = 0, desc = text}
end

-- struct elf_prstatus of x86-64: 336 bytes, pr_pid at 32, the registers (user_regs_struct) from 112 on.
local REGISTERS = {
  "r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx", "rsi", "rdi", "orig_rax",
  "rip", "cs", "eflags", "rsp", "ss", "fs_base", "gs_base", "ds", "es", "fs", "gs",
}

--- An NT_PRSTATUS note of x86-64.
function M.prstatus_note(pid, registers)
  local words = {}
  for i, name in ipairs(REGISTERS) do words[i] = ("<i8"):pack(registers and registers[name] or 0) end
  local head = ("\0"):rep(32) .. ("<i4"):pack(pid) .. ("\0"):rep(112 - 36)
  local desc = head .. table.concat(words)
  return {name = "CORE", type = M.NT_PRSTATUS, desc = desc .. ("\0"):rep(336 - #desc)}
end

--- A note of QEMU's CPU state (x86-64). t: registers by name (rip, eflags, cs, cr0, cr2, cr3, cr4, kernel_gs_base), and
-- size, of the descriptor (440).
function M.qemu_note(t)
  local desc = ("<I4I4"):pack(1, t.size or 440) .. ("\0"):rep(16 * 8) .. ("<i8i8"):pack(t.rip or 0, t.eflags or 2)
    .. ("<I4I4I4I4i8"):pack(t.cs or 16, 0, 0, 0, 0) .. ("\0"):rep(9 * 24)
    .. ("<i8i8i8i8i8i8"):pack(t.cr0 or 0, 0, t.cr2 or 0, t.cr3 or 0, t.cr4 or 0, t.kernel_gs_base or 0)
  return {name = "QEMU", type = 0, desc = desc:sub(1, t.size or 440)}
end

-- The program headers, and the data behind them.
local function segments(t, e, is64, first)
  local headers, data, at = {}, {}, first
  local function add(type_, va, pa, bytes, memsz)
    local fields = {type_, at, va, pa, #bytes, memsz}
    headers[#headers + 1] = is64 and (e .. "I4I4I8i8i8I8I8I8"):pack(fields[1], 7, fields[2], va, pa, fields[5], memsz, 0)
      or (e .. "I4I4I4I4I4I4I4I4"):pack(fields[1], fields[2], va, pa, fields[5], memsz, 7, 0)
    data[#data + 1] = bytes
    at = at + #bytes
  end
  if t.notes then
    local bytes = type(t.notes) == "string" and t.notes or M.notes(t.notes, t.big)
    add(M.PT_NOTE, 0, 0, bytes, #bytes)
  end
  for _, s in ipairs(t.loads or {}) do
    add(M.PT_LOAD, s.va or 0, s.pa, s.bytes, s.memsz or #s.bytes)
  end
  return headers, data
end

--- An ELF core.
-- t: class (64 or 32), big, machine (x86-64), type (ET_CORE), flags, notes (list, or bytes as they are), loads: a list
-- of
--   {pa=, va=0, bytes=, memsz=#bytes}; phnum (what the header says, if not the truth); xnum=true: the number of program
--   headers is in a section header, as where there are 65535 or more; header_size (what e_ehsize says)
function M.build(t)
  local e, is64 = order(t.big), (t.class or 64) == 64
  local ehsize, phsize, shsize = is64 and 64 or 52, is64 and 56 or 32, is64 and 64 or 40
  local n = (t.notes and 1 or 0) + #(t.loads or {})
  local shoff = t.xnum and ehsize + n * phsize or 0
  local headers, data = segments(t, e, is64, ehsize + n * phsize + (t.xnum and shsize or 0))
  local word = is64 and "I8" or "I4"
  local ident = ("\x7fELF"):sub(1, 4) .. string.char(is64 and 2 or 1, t.big and 2 or 1, 1) .. ("\0"):rep(9)
  local head = ident .. (e .. "I2I2I4" .. word:rep(3) .. "I4I2I2I2I2I2I2"):pack(t.type or M.ET_CORE,
    t.machine or M.EM_X86_64, 1, 0, ehsize, shoff, t.flags or 0, t.header_size or ehsize, phsize,
    t.phnum or (t.xnum and 0xffff or n), t.xnum and shsize or 0, t.xnum and 1 or 0, 0)
  local section = ""
  if t.xnum then -- section 0: sh_info is the number of program headers
    section = is64 and (e .. "I4I4I8I8I8I8I4I4I8I8"):pack(0, 0, 0, 0, 0, 0, 0, n, 0, 0)
      or (e .. "I4I4I4I4I4I4I4I4I4I4"):pack(0, 0, 0, 0, 0, 0, 0, n, 0, 0)
  end
  return head .. table.concat(headers) .. section .. table.concat(data)
end

--- The core of a memory: one load for each stretch of pages, with virtual addresses where `va(pa)` gives them.
function M.of_memory(memory, t)
  local loads = {}
  for _, run in ipairs(memory:runs()) do
    loads[#loads + 1] = {pa = run.pa, va = t.va and t.va(run.pa) or 0, bytes = run.bytes}
  end
  local copy = {loads = loads}
  for k, v in pairs(t) do copy[k] = v end
  copy.va = nil
  return M.build(copy)
end

return M
