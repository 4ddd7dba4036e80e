-- SPDX-License-Identifier: BSD-2-Clause
-- Stacks: who called whom, of each task and each CPU, without debuginfo. A frame's caller is found by the kernel's own ORC tables
-- (unwind/orc.lua), where those have none by a debug file's call frame information (unwind/cfi.lua), without that by frame pointers, and
-- where nothing tells by looking through the stack for what may be a return address (unwind/scan.lua). Each frame says how it was found
-- and whether that is to be trusted: it and all frames below it were found by a table, in code that the kernel has, on stacks that it
-- has. x86-64.
local call = require "kvm.unwind.call"
local cfi = require "kvm.unwind.cfi"
local frame_pointer = require "kvm.unwind.frame_pointer"
local kvm_error = require "kvm.error"
local module = require "kvm.linux.module"
local object = require "kvm.object"
local orc = require "kvm.unwind.orc"
local prologue = require "kvm.unwind.prologue"
local return_hook = require "kvm.unwind.return_hook"
local scan = require "kvm.unwind.scan"
local sched = require "kvm.linux.sched"
local task_stack = require "kvm.linux.task_stack"
local x86_64 = require "kvm.unwind.x86_64"

local M = {}

local MOST_FRAMES <const> = 1000
local WORD <const> = 8

local Unwinder = {}
Unwinder.__index = Unwinder

-- --- code

local function add_range(ranges, first, last, of)
  ranges[#ranges + 1] = {first = first, last = last, module = of}
end

local function add_modules(k, ranges)
  for m in k:modules() do
    local text, bytes = module.text(k, m.addr)
    add_range(ranges, text, text + bytes, m)
    if module.state(k, m.addr) ~= "live" then -- its init may run
      for _, part in ipairs(module.memory(k, m.addr)) do add_range(ranges, part.addr, part.addr + part.bytes, m) end
    end
  end
end

-- Where the kernel's code is: its own, that of its start (which is freed later), that of modules.
local function code_ranges(k)
  local ranges = {}
  for _, names in ipairs {{"_stext", "_etext"}, {"_sinittext", "_einittext"}} do
    local first, last = k:symbol(names[1]), k:symbol(names[2])
    if first and last then add_range(ranges, first.value, last.value) end
  end
  local _, err = kvm_error.try(add_modules, k, ranges)
  -- Behind a node that is damaged modules are not known: their code is no code then, the kernel's own is.
  if err and err.code ~= "format" then error(err, 0) end
  return ranges
end

local function range_of(ranges, addr)
  for _, r in ipairs(ranges) do
    if not math.ult(addr, r.first) and math.ult(addr, r.last) then return r end
  end
  return nil
end

-- The function that an address lies in, as a frame has it; each is looked up once. A return address may be that of the next function, when
-- the call was the last thing of this one: it is the call that counts.
local function place_of(self, pc, interrupted)
  local cache = interrupted and self.exact or self.behind_call
  local place = cache[pc]
  if place then return place end
  local at = interrupted and pc or pc - 1
  local range = range_of(self.code, at)
  local symbol, offset = self.k:symbol(at)
  place = {range = range, at = at}
  if symbol and range then
    place.name, place.module, place.offset, place.start = symbol.name, symbol.module, offset + (pc - at), symbol.value
  end
  cache[pc] = place
  return place
end

local function rule_of(self, place)
  if place.rule == nil then
    place.rule = self.orc and place.range and self.orc:find(place.at, place.range.module) or false
  end
  return place.rule
end

-- Whether the bytes before an address are a call.
local function is_behind_call(self, pc)
  local known = self.calls[pc]
  if known ~= nil then return known end
  known = false
  if range_of(self.code, pc - 1) then
    local bytes = self.k:read(pc - call.LONGEST, call.LONGEST)
    known = bytes ~= nil and call.ends(bytes)
  end
  self.calls[pc] = known
  return known
end

-- --- one stack

-- A task's stack, with the guard page below it: what runs over is there when the CPU notices.
local function area_of(self, task_area, addr)
  if task_area and not math.ult(addr, task_area.first - self.page) and not math.ult(task_area.last, addr) then return task_area end
  for _, area in ipairs(self.areas) do
    if not math.ult(addr, area.first) and not math.ult(area.last, addr) then return area end
  end
  return nil
end

local function add_frame(self, frames, regs, how, interrupted)
  local place = place_of(self, regs.rip, interrupted)
  local frame = {
    pc = regs.rip, sp = regs.rsp, name = place.name, offset = place.offset, module = place.module, how = how, trusted = frames.trusted,
  }
  frames[#frames + 1] = frame
  return frame, place
end

-- Behind a frame that no table knows: the rest of its stack is looked through.
local function scan_rest(self, frames, area, from)
  frames.trusted = false
  if not area then return end
  local found = scan.words(self.k, from, area.last, function(pc) return is_behind_call(self, pc) end)
  for _, w in ipairs(found) do
    if #frames >= MOST_FRAMES then return end
    add_frame(self, frames, {rip = w.pc, rsp = w.at + WORD}, "scan", false)
  end
end

-- The caller where ORC does not know the frame. Of code that is made at run time nothing is known but that it keeps frame pointers.
local function by_frame_pointer(self, regs)
  local caller = frame_pointer.step(function(at) return self.k:u64(at) end, regs)
  return caller and is_behind_call(self, caller.rip) and caller or nil
end

-- A call to where no code is (a NULL pointer): the return address is on top of the stack.
local function of_bad_call(self, regs)
  local caller = {rip = self.k:u64(regs.rsp), rsp = regs.rsp + WORD, rbp = regs.rbp}
  return is_behind_call(self, caller.rip) and caller or nil
end

-- Tables of unwinding, by name: each gives the caller's registers (nil: none), how they were found, where it was interrupted its struct
-- pt_regs, why there are none, and whether it was interrupted; nothing where it does not know the place.
local function by_orc(self, place, regs)
  local rule = rule_of(self, place)
  if not rule or rule.kind == "undefined" then return end
  local caller, why, at = x86_64.step(self.k, rule, regs)
  return caller, at and "pt_regs" or "orc", at, why, rule.interrupted
end

local function by_cfi(self, place, regs)
  if place.row == nil then place.row = place.range and self.k:cfi(place.at) or false end
  if not place.row then return end
  local caller, why = cfi.step(self.k, place.row, regs)
  return caller, "cfi", nil, why, place.row.interrupted
end

local TABLES = {orc = by_orc, cfi = by_cfi}

-- The caller's registers, how they were found, whether that is to be trusted, and where it was interrupted its struct pt_regs.
local function caller_of(self, place, regs, first)
  local why
  for _, name in ipairs(self.tables) do
    local caller, how, at, reason, interrupted = TABLES[name](self, place, regs)
    if caller or reason == "end" then return caller, how, true, at, reason, interrupted end
    why = why or reason
  end
  if why then return nil, nil, nil, nil, why end
  if first and not place.range then
    local caller = of_bad_call(self, regs)
    if caller then return caller, "call", true end
  end
  local caller = place.start and prologue.step(self.k, place.start, regs)
  if caller then return caller, "prologue", true end
  caller = by_frame_pointer(self, regs)
  return caller, "frame pointer", self.orc == nil and place.range ~= nil, nil, "undefined"
end

-- Where a tracer has put its own return address, the caller is the one that was there before it. False where the tracer knows of none.
local function unhook(self, frames, task_area, caller)
  local hook = self.hooks:hook(caller.rip)
  if not hook then return true end
  local task = task_area and task_area.task
  local original = task and self.hooks:original(task, caller.rip, caller.rsp - WORD)
  if not original then return false end
  frames.hook, caller.rip = hook, original
  return true
end

-- Goes from the frame of REGS to its callers. AREAS that were left are not entered again: that ends what is damaged.
local function walk(self, frames, task_area, regs, how, interrupted)
  local area, left = area_of(self, task_area, regs.rsp), {}
  while #frames < MOST_FRAMES do
    local frame, place = add_frame(self, frames, regs, how, interrupted)
    frame.stack = area and area.kind
    if frames.pt_regs then frame.regs, frame.regs_at, frames.pt_regs = regs, frames.pt_regs, nil end
    frame.hook, frames.hook = frames.hook, nil
    local caller, found, trusted, at, why, was_interrupted = caller_of(self, place, regs, #frames == 1)
    if not caller then
      if why == "end" then frames.complete = true return end
      frames.stopped = ("no unwind table knows %s"):format(place.name or ("0x%x"):format(regs.rip))
      return scan_rest(self, frames, area, regs.rsp)
    end
    if x86_64.is_user(caller) then
      frames.user, frames.complete = caller, true
      return
    end
    local next_area = area_of(self, task_area, caller.rsp)
    if next_area ~= area then
      left[area or 0] = true
    end
    if not next_area or left[next_area] or (next_area == area and not math.ult(regs.rsp, caller.rsp)) then
      frames.stopped = ("the stack pointer goes from 0x%x to 0x%x"):format(regs.rsp, caller.rsp)
      return scan_rest(self, frames, area, regs.rsp)
    end
    if not trusted then frames.trusted = false end
    if not at and not unhook(self, frames, task_area, caller) then
      add_frame(self, frames, caller, found, true)
      frames.stopped = ("nothing tells where %s returns to"):format(self.hooks:hook(caller.rip))
      return scan_rest(self, frames, next_area, caller.rsp)
    end
    frames.pt_regs = at
    regs, how, interrupted, area = caller, found, was_interrupted, next_area
  end
  frames.stopped = ("more than %d frames"):format(MOST_FRAMES)
end

local function unwind(self, task_area, regs, how, interrupted)
  local frames = {trusted = true}
  local ok, err = pcall(walk, self, frames, task_area, regs, how, interrupted)
  if not ok then
    if not kvm_error.is(err) then error(err, 0) end
    frames.stopped, frames.code, frames.addr = err.message, err.code, err.addr
  end
  frames.trusted, frames.pt_regs, frames.hook = nil, nil, nil
  return frames
end

local function task_area(self, task)
  local base = task_stack.of(self.k, task)
  return base and {first = base, last = base + self.stack_size, kind = "task", task = task}
end

-- --- which stack

local function address_of(task)
  return math.type(task) == "integer" and task or object.addr(task)
end

-- The CPU that runs a task now; nil when it does not run.
local function cpu_of(self, task)
  for cpu, current in pairs(self.running) do
    if current == task then return cpu end
  end
  return nil
end

--- The stack of a CPU.
-- @tparam integer cpu number
-- @treturn table frames as of_task gives them; nil where the CPU left no registers in the dump
-- @treturn string where the registers are from: "QEMU", "crash_notes", "PRSTATUS"
-- @raise kvm.Error
-- @usage local unwinder = require "kvm.stack".new(k)
-- local frames = unwinder:of_cpu(0)
-- assert(not frames or #frames > 0 or frames.user)
function Unwinder:of_cpu(cpu)
  local regs, from = task_stack.cpu_registers(self.k, cpu)
  if not regs then return nil end
  if x86_64.is_user(regs) then return {user = regs, registers = regs, complete = true, cpu = cpu}, from end
  local task = sched.current(self.k, cpu)
  local area = task_area(self, task)
  local frames = unwind(self, area, regs, "registers", true)
  frames.registers, frames.cpu, frames.area = regs, cpu, area
  -- Between two tasks it is on the other's stack.
  frames.elsewhere = not area_of(self, area, regs.rsp) or nil
  return frames, from
end

local function of_sleeping(self, task, area)
  local ok, regs, at = pcall(task_stack.saved, self.k, task)
  if not ok then
    if not kvm_error.is(regs) then error(regs, 0) end
    return {stopped = regs.message, code = regs.code, addr = regs.addr}
  end
  if not area_of(self, area, at) then
    return {stopped = ("the saved stack pointer 0x%x is not on the task's stack"):format(at), code = "format"}
  end
  -- A task that has not run yet returns to the start of its first function.
  local fresh = self.first_return[regs.rip]
  return unwind(self, area, regs, "switch", fresh)
end

--- The stack of a task.
-- @param task `struct task_struct` or its address
-- @treturn {table,...} frames, the innermost first: pc, sp (addresses), name, offset, module (nil where no symbol is known), how
-- ("registers": the CPU was there, "switch": the task gave up its CPU there, "orc", "cfi" (a debug file's table), "frame pointer",
-- "call": a call to where no code is, "pt_regs": it was interrupted there, "prologue": the called function's first instructions tell,
-- "scan": a word of the stack that may be a return address), trusted (boolean), stack ("task", "irq", "NMI" ...), and where it was
-- interrupted regs (table) and regs_at (address of the struct pt_regs), hook (name of a tracer's code that its callee returns to first).
-- Besides: complete (boolean: down to where the task entered the kernel or began), user (registers of the program), stopped (why it ends
-- earlier), code, addr, cpu (that runs the task)
-- @raise kvm.Error
-- @usage local frames = require "kvm.stack".new(k):of_task(k:symbol("init_task").value)
-- assert(#frames > 0 or frames.stopped or frames.user)
function Unwinder:of_task(task)
  task = address_of(task)
  local area = task_area(self, task)
  if not area then return {stopped = "the task has died and has no stack", code = "notfound"} end
  local cpu = cpu_of(self, task)
  if cpu then
    local frames = self:of_cpu(cpu)
    if frames and not frames.elsewhere then return frames end
    if not frames then
      frames = {trusted = true, cpu = cpu, stopped = ("CPU %d, which runs it, left no registers"):format(cpu), code = "notfound"}
      scan_rest(self, frames, area, area.first)
      frames.trusted = nil
      return frames
    end
  end
  local frames = of_sleeping(self, task, area)
  frames.area = area
  if not frames.user then
    frames.user = kvm_error.try(task_stack.user_registers, self.k, task)
  end
  return frames
end

--- The stack that registers lead to.
-- @tparam table regs rip, rsp, rbp ...
-- @tparam[opt] integer task whose stack rsp is on
-- @treturn {table,...} frames as of_task gives them
-- @raise kvm.Error
-- @usage local unwinder = require "kvm.stack".new(k)
-- assert(unwinder:of_registers({rip = k:symbol("schedule").value, rsp = 0, rbp = 0})[1].name == "schedule")
function Unwinder:of_registers(regs, task)
  return unwind(self, task and task_area(self, address_of(task)), regs, "registers", true)
end

--- Whether an address is one behind a call in the kernel's code: a return address.
-- @tparam integer addr
-- @treturn boolean
-- @usage assert(not require "kvm.stack".new(k):is_return_address(0))
function Unwinder:is_return_address(addr)
  return is_behind_call(self, addr)
end

--- An unwinder: what it has looked up it keeps, so that many stacks cost little.
-- @param k an open handle
-- @tparam[opt] {string,...} tables which unwind tables are asked, one after the other: "orc" (the kernel's), "cfi" (a debug file's);
-- default: both in this order
-- @treturn Unwinder
-- @raise kvm.Error `unsupported` for other machines than x86-64
-- @usage assert(require "kvm.stack".new(k))
function M.new(k, tables)
  local info = k:info()
  if info.arch ~= "x86_64" or info.os ~= "linux" then
    kvm_error.fail("unsupported", "stacks of %s on %s are not read", info.os, info.arch)
  end
  local self = setmetatable({
    k = k, tables = tables or {"orc", "cfi"}, orc = orc.new(k), hooks = return_hook.new(k),
    code = code_ranges(k), areas = task_stack.of_cpus(k), stack_size = task_stack.size(k),
    page = info.page_size,
    exact = {}, behind_call = {}, calls = {}, running = {}, first_return = {},
  }, Unwinder)
  for _, cpu in ipairs(require "kvm.linux.cpumask".of(k, "online")) do self.running[cpu] = sched.current(k, cpu) end
  for _, name in ipairs {"ret_from_fork_asm", "ret_from_fork"} do
    local symbol = k:symbol(name)
    if symbol then self.first_return[symbol.value] = true end
  end
  return self
end

local unwinders = setmetatable({}, {__mode = "k"}) -- an unwinder holds its handle: both go together

--- The unwinder of a handle, which is made once.
-- @param k an open handle
-- @treturn Unwinder
-- @raise kvm.Error
-- @usage assert(require "kvm.stack".of(k) == require "kvm.stack".of(k))
function M.of(k)
  unwinders[k] = unwinders[k] or M.new(k)
  return unwinders[k]
end

--- The stack of a task.
-- @param k an open handle
-- @param task `struct task_struct` or its address
-- @treturn {table,...} frames as Unwinder:of_task gives them
-- @raise kvm.Error
-- @usage assert(require "kvm.stack".of_task(k, k:symbol("init_task").value))
function M.of_task(k, task)
  return M.of(k):of_task(task)
end

--- A frame as text: "schedule+0x5a", with its module in brackets.
-- @tparam table frame
-- @treturn string
-- @usage assert(require "kvm.stack".place {name = "f", offset = 16, module = "m"} == "f+0x10 [m]")
function M.place(frame)
  local text = frame.name and ("%s+0x%x"):format(frame.name, frame.offset) or ("0x%x"):format(frame.pc)
  return frame.module and ("%s [%s]"):format(text, frame.module) or text
end

return M
