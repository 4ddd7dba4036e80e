-- SPDX-License-Identifier: BSD-2-Clause
-- Why the kernel panicked: the exception that it died of (arch/x86/kernel/traps.c, arch/x86/mm/fault.c) from the stack of the CPU that
-- panicked, or who called panic() and with what words; the address of a page fault from the log or from CR2, which register led there, the
-- bytes of the code. Checked against Linux 5.10, 6.1, 6.12 and 7.2 on x86-64.
local frames_of = require "kvm.linux.check.frames"
local kvm_error = require "kvm.error"
local place = require "kvm.stack".place
local poison = require "kvm.linux.poison"
local sched = require "kvm.linux.sched"

local M = {name = "panic", title = "why the kernel panicked"}

local PAGE <const> = 4096
-- Numbers of exceptions (arch/x86/include/asm/trapnr.h).
local X86_TRAP <const> = {
  [0] = "divide error", "debug exception", "NMI", "breakpoint", "overflow", "bound range exceeded", "invalid opcode",
    "device not available",
  "double fault", "coprocessor segment overrun", "invalid TSS", "segment not present", "stack segment fault", "general protection fault",
  "page fault", "spurious interrupt", "x87 exception", "alignment check", "machine check", "SIMD exception", "virtualization exception",
  "control protection exception",
}
local PF <const>, UD <const>, DF <const>, GP <const> = 14, 6, 8, 13
-- What entry code the exception came through.
local BY_ENTRY = {
  asm_exc_page_fault = PF, asm_exc_invalid_op = UD, asm_exc_double_fault = DF, asm_exc_general_protection = GP,
  asm_exc_divide_error = 0, asm_exc_int3 = 3, asm_exc_stack_segment = 12, asm_exc_machine_check = 18, asm_exc_control_protection = 21,
}

-- The task, its stack, and the frame in which it was when it went wrong.
local function scene(context)
  local cpu = context:panic_cpu()
  if not cpu then return nil end
  local addr = sched.current(context.k, cpu)
  local t = context:task_at(addr)
  if not t then
    local pid, tid, comm = sched.identity(context.k, addr)
    t = {addr = addr, pid = tid, tgid = pid, comm = comm, state = "R", on_cpu = cpu}
  end
  local frames = context:stack(t)
  local at, trap
  for i, frame in ipairs(frames) do
    local entry = frame.regs and frames[i - 1] and frames[i - 1].name
    if entry and BY_ENTRY[entry] then
      at, trap = i, BY_ENTRY[entry]
      break
    end
  end
  return {cpu = cpu, task = t, frames = frames, at = at or 1, trap = trap, regs = at and frames[at].regs or frames.registers or {}}
end

-- The page fault that the kernel died of: its address and what was tried, as the log says; else the address is what CR2 still has.
local function fault_of(context, s)
  for i = #context:reports(), 1, -1 do
    local r = context:reports()[i]
    if r.address then return tonumber(r.address, 16), r.access, "log" end
  end
  local cr2 = s.frames.registers and s.frames.registers.cr2
  return cr2, nil, "CR2"
end

-- A panic() that was called outright has frames of it and no exception.
local function called_panic(frames)
  for i = 1, math.min(#frames, 8) do
    if frames[i].name == "panic" or frames[i].name == "vpanic" then return true end
  end
  return false
end

local function poisoned(regs)
  local out = {}
  for _, name in ipairs {"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"} do
    local what = regs[name] and poison.meaning(regs[name])
    if what then out[#out + 1] = {register = name, value = regs[name], what = what} end
  end
  return out
end

local function is_canonical(addr)
  local top = addr >> 47
  return top == 0 or top == 0x1ffff
end

local function code_bytes(k, pc)
  local before, after = k:read(pc - 16, 16), k:read(pc, 16)
  if not before or not after then return nil end
  local function hex(s) return (s:gsub(".", function(c) return ("%02x "):format(c:byte()) end)) end
  return ("code: %s<%s> %s"):format(hex(before), hex(after):sub(1, 2), hex(after:sub(2)):sub(1, -2))
end

-- --- what each exception means: a phrase, and evidence

local NAMES = {[0] = "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"}

-- The base register and the offset of what an instruction reads or writes: prefixes, opcode of one or two bytes, ModRM without an index.
local function memory_operand(code)
  local at, rex = (code:match "^[\x26\x2e\x36\x3e\x64\x65\x66\xf0\xf2\xf3]*()"), 0
  local byte = code:byte(at) or 0
  if byte & 0xf0 == 0x40 then rex, at = byte, at + 1 end
  at = code:byte(at) == 0x0f and at + 2 or at + 1
  local modrm = code:byte(at)
  if not modrm then return nil end
  local mode, rm = modrm >> 6, modrm & 7
  if mode == 3 or rm == 4 or mode == 0 and rm == 5 then return nil end
  local format = mode == 1 and "<i1" or "<i4"
  if mode > 0 and #code < at + format:packsize() then return nil end
  return {base = NAMES[rm | (rex & 1) << 3], offset = mode > 0 and format:unpack(code, at + 1) or 0}
end

local function page_fault(context, s, evidence)
  local addr, access, from = fault_of(context, s)
  if not addr then return "page fault at an address that neither the log nor a register tells", "page fault" end
  local doing = access or "access"
  evidence[#evidence + 1] = ("page fault: %s at 0x%x (%s)"):format(doing, addr, from)
  local used = memory_operand(context.k:read(s.frames[s.at].pc, 15) or "")
  if used and s.regs[used.base] then
    evidence[#evidence + 1] = ("the instruction uses [%s + 0x%x]; %s is 0x%x"):format(used.base, used.offset, used.base, s.regs[used.base])
  end
  local what = poison.meaning(addr)
  if what then return ("%s: %s at 0x%x"):format(what, doing, addr), what end
  if math.ult(addr, PAGE) then return ("NULL pointer dereference, %s at offset 0x%x"):format(doing, addr), "NULL pointer dereference" end
  return ("bad %s of unmapped memory at 0x%x"):format(doing, addr), "bad " .. doing
end

local function general_protection(_, s, evidence)
  for _, p in ipairs(poisoned(s.regs)) do
    evidence[#evidence + 1] = ("register %s is 0x%x: %s"):format(p.register, p.value, p.what)
  end
  local first = poisoned(s.regs)[1]
  if first then return ("%s: dereference of poison 0x%x"):format(first.what, first.value), first.what end
  for name, v in pairs(s.regs) do
    if #name <= 3 and name ~= "cs" and name ~= "ss" and not is_canonical(v) then
      evidence[#evidence + 1] = ("register %s is no address: 0x%x"):format(name, v)
    end
  end
  return "general protection fault", "general protection fault"
end

local function invalid_opcode(context, s, evidence)
  local where
  for _, r in ipairs(context:reports()) do
    if r.kind == "bug" and r.place then where = r end
  end
  local name = s.frames[s.at].name or ""
  local plain = frames_of.plain(name)
  if where then
    evidence[#evidence + 1] = where.title
    if where.reason then evidence[#evidence + 1] = where.reason end
  end
  if plain:find "^__list_" then
    return "list corruption" .. (where and where.reason and (": " .. where.reason) or ""), "list corruption"
  end
  return where and ("BUG at %s"):format(where.place) or "BUG (invalid opcode)", "BUG"
end

local function double_fault(context, s, evidence)
  local first, frame = s.frames.area and s.frames.area.first, s.frames[s.at]
  if first and not math.ult(frame.sp, first - context.k:page_size()) and math.ult(frame.sp, first) then
    evidence[#evidence + 1] = ("stack pointer 0x%x is in the guard page below the stack, which begins at 0x%x"):format(frame.sp, first)
    return "kernel stack overflow", "kernel stack overflow"
  end
  return "double fault", "double fault"
end

local MEANING = {[PF] = page_fault, [GP] = general_protection, [UD] = invalid_opcode, [DF] = double_fault}

local function panic_message(context)
  for i = #context:log(), 1, -1 do
    local text = context:log()[i].text
    local message = text and text:match "^Kernel panic %- not syncing: ([^\n]*)"
    if message then return message end
  end
  return nil
end

-- The function that recurs, of a stack that ran over.
local function recursion(frames, from)
  local count, most = {}, nil
  for i = from, #frames do
    local name = frames[i].name
    if name then
      count[name] = (count[name] or 0) + 1
      if not most or count[name] > count[most] then most = name end
    end
  end
  return most, most and count[most] or 0
end

-- The dump of a crash kernel begins where the exception was: what it was is in the log.
local BY_KIND = {oops = PF, bug = UD, ["stack overflow"] = DF}
local function trap_of_log(context)
  local last = context:reports()[#context:reports()]
  if last and last.title:find "^general protection" then return GP end
  return last and BY_KIND[last.kind]
end

local function what_happened(context, s, evidence)
  if not s.trap and not called_panic(s.frames) then s.trap = trap_of_log(context) end
  if not s.trap then
    local message = kvm_error.try(panic_message, context)
    return message or "panic() was called, with words that the log does not have", "panic"
  end
  local meaning = MEANING[s.trap]
  if meaning then return meaning(context, s, evidence) end
  local name = X86_TRAP[s.trap] or ("exception %d"):format(s.trap)
  return name, name
end

local function guilty_frame(s)
  local frame, at = frames_of.guilty(s.frames, s.at)
  return frame or s.frames[s.at], at or s.at
end

--- What went wrong, where, for the signature too.
-- @tparam Context context
-- @treturn ?table cpu, task (entry), frames, at (number of the frame in which it went wrong), regs, trap (number of the exception), text,
-- kind (the fault's name without addresses), frame and guilty (the first that is no machinery, and its number), evidence; nil where the
-- kernel did not panic
-- @raise kvm.Error
-- @usage local context = require "kvm.linux.check.context".new(k)
-- assert((require "kvm.linux.check.panic".what(context) == nil) == not context:is_panic())
function M.what(context)
  local s = scene(context)
  if not s or not s.frames[1] then return nil end
  s.evidence = {}
  s.text, s.kind = what_happened(context, s, s.evidence)
  s.frame, s.guilty = guilty_frame(s)
  return s
end

--- Tells why the kernel panicked.
-- @tparam Context context
-- @tparam function report
-- @raise kvm.Error
-- @usage require "kvm.linux.check.panic".run(require "kvm.linux.check.context".new(k), function(f) assert(f.severity == "critical") end)
function M.run(context, report)
  if not context:is_panic() then return end
  local s = M.what(context)
  if not s then
    return report {severity = "critical", confidence = "likely",
      title = "the kernel panicked; the stack of the CPU that did is not in the dump",
      evidence = {"panic message: " .. (panic_message(context) or "none in the log")}}
  end
  local evidence = s.evidence
  local deep, times = recursion(s.frames, s.at)
  if times > 10 then evidence[#evidence + 1] = ("%s is on the stack %d times"):format(deep, times) end
  local crash_frame = s.frames[s.at]
  if s.trap then
    evidence[#evidence + 1] = ("at %s, pc 0x%x"):format(place(crash_frame), crash_frame.pc)
    evidence[#evidence + 1] = code_bytes(context.k, crash_frame.pc)
  end
  evidence[#evidence + 1] = ("stack of %s on CPU %d:"):format(context:task_text(s.task), s.cpu)
  table.move(frames_of.lines(s.frames, 24), 1, 25, #evidence + 1, evidence)
  local functions, modules = frames_of.names(s.frames, s.at)
  local crash_name = crash_frame.name and frames_of.plain(crash_frame.name)
  if s.trap and crash_name and crash_name ~= functions[1] then functions[#functions + 1] = crash_name end
  report {
    severity = "critical", confidence = "certain", evidence = evidence, pids = {s.task.pid}, functions = functions, modules = modules,
    title = ("%s, in %s, %s"):format(s.text, place(s.frame), context:task_text(s.task)),
  }
end

return M
