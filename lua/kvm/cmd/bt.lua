-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm bt: the kernel's stacks: of tasks, of what the CPUs were doing, of all; grouped where they are equal, with what lies in each
-- frame, with source lines where there are debug files.
local cpumask = require "kvm.linux.cpumask"
local kvm_error = require "kvm.error"
local panic = require "kvm.linux.panic"
local sched = require "kvm.linux.sched"
local stack = require "kvm.stack"
local tasks = require "kvm.cmd.tasks"
local walk = require "kvm.cmd.walk"

local M = {
  name = "bt",
  summary = "stacks of tasks and CPUs",
  operands = {tasks.OPERAND},
  options = {
    {flags = "-a --active", help = "what each CPU was doing"},
    {flags = "-A --all", help = "every task, the idle ones of the CPUs too"},
    {flags = "-c --cpu", value = "CPU", type = "integer", help = "what that CPU was doing"},
    {flags = "-s --state", value = "LETTERS", help = "of all tasks those in such a state, as ps shows them: D"},
    {flags = "-r --raw", help = "the words of the stack, no frames"},
    {flags = "-f --contents", help = "the words of each frame"},
    {flags = "-l --lines", help = "source lines and inlined functions, where a debug file tells (-N)"},
    {flags = "-g --group", help = "equal stacks once, with the tasks that have them"},
  },
  columns = {
    {name = "pid", kind = "integer"},
    {name = "tid", kind = "integer"},
    {name = "comm", kind = "string"},
    {name = "state", kind = "string"},
    {name = "cpu", kind = "integer"},
    {name = "addr", kind = "hex"},
    {name = "count", kind = "integer"},
    {name = "tids", kind = "numbers"},
    {name = "comms", kind = "counts"},
    {name = "registers_from", kind = "string"},
    {name = "frames", kind = "records", columns = {
      {name = "pc", kind = "hex"}, {name = "sp", kind = "hex"}, {name = "name", kind = "string"}, {name = "offset", kind = "integer"},
      {name = "module", kind = "string"}, {name = "how", kind = "string"}, {name = "trusted", kind = "boolean"},
      {name = "stack", kind = "string"}, {name = "regs_at", kind = "hex"}, {name = "regs", kind = "hexes_by_name"},
      {name = "hook", kind = "string"}, {name = "contents", kind = "hexes"},
      {name = "lines", kind = "records", columns = {{name = "name", kind = "string"}, {name = "file", kind = "string"},
        {name = "line", kind = "integer"}, {name = "inlined", kind = "boolean"}}},
    }},
    {name = "user", kind = "hexes_by_name"},
    {name = "user_frames", kind = "hexes"},
    {name = "raw", kind = "hexes"},
    {name = "raw_at", kind = "hex"},
    {name = "complete", kind = "boolean"},
    {name = "why", kind = "string"},
  },
  no_match = "no task matches",
  foreach = {"-A"}, -- what `luakvm foreach bt` means
}

local WORD <const> = 8

-- --- what is told of a stack

local function words(k, from, to)
  local out = {}
  local bytes = k:read(from, math.max(to - from, 0))
  for at = 1, bytes and #bytes or 0, WORD do out[#out + 1] = (("<i8"):unpack(bytes, at)) end
  return out
end

local function add_contents(k, frames)
  for i, frame in ipairs(frames) do
    local next_frame = frames[i + 1]
    local to = next_frame and next_frame.stack == frame.stack and next_frame.sp or frames.area and frame.stack == "task"
      and frames.area.last
    if to and to - frame.sp <= 65536 then frame.contents = words(k, frame.sp, to) end
  end
end

local function add_lines(k, frames)
  for i, frame in ipairs(frames) do
    local interrupted = frame.how == "registers" or frame.how == "pt_regs"
    local places, message, code = k:source((interrupted or i == 1) and frame.pc or frame.pc - 1)
    if places then
      frame.lines = places
    elseif code ~= "notfound" then
      kvm_error.check(places, message, code)
    end
  end
end

-- The stack of a program by its frame pointers, where its pages are in the dump: the return addresses.
local MOST_USER_FRAMES <const> = 64
local function user_frames(k, p, regs)
  local out = {regs.rip}
  local rbp, rsp = regs.rbp, regs.rsp
  while #out < MOST_USER_FRAMES and rbp ~= 0 and rbp % WORD == 0 and math.ult(rsp, rbp) do
    local bytes = k:read(rbp, 2 * WORD, p)
    if not bytes then break end
    local next_rbp, pc = ("<i8i8"):unpack(bytes)
    if pc == 0 then break end
    out[#out + 1] = pc
    rsp, rbp = rbp, next_rbp
  end
  return out
end

local function tell(k, rec, frames, opts)
  rec.complete, rec.why, rec.user = frames.complete or false, frames.stopped, frames.user
  if opts.raw then
    local area = frames.area
    local from = frames[1] and frames[1].sp or area and area.first
    if area and from and not math.ult(from, area.first) and math.ult(from, area.last) then
      rec.raw_at, rec.raw = from, words(k, from, area.last)
    end
    return rec
  end
  if opts.contents then add_contents(k, frames) end
  if opts.lines then add_lines(k, frames) end
  rec.frames = frames
  return rec
end

-- --- which stacks

local function of_task(k, p, opts)
  local frames = stack.of(k):of_task(p.addr)
  local rec = {pid = p.pid, tid = p.tid, comm = p.comm, state = p.state, addr = p.addr, cpu = frames.cpu or p.cpu}
  if frames.user and not p.idle then
    rec.user_frames = kvm_error.try(user_frames, k, p, frames.user)
  end
  return tell(k, rec, frames, opts)
end

local function of_cpu(k, cpu, opts)
  local addr = sched.current(k, cpu)
  local pid, tid, comm = sched.identity(k, addr)
  local frames, from = stack.of(k):of_cpu(cpu)
  frames = frames or {stopped = ("CPU %d left no registers in the dump"):format(cpu)}
  return tell(k, {pid = pid, tid = tid, comm = comm, state = "R", cpu = cpu, addr = addr, registers_from = from}, frames, opts)
end

-- The one that panicked; of a kernel that did not, what the CPUs were doing.
local function cpus_of(k, opts)
  if opts.cpu then return {opts.cpu} end
  if opts.active then return cpumask.of(k, "online") end
  local crashed = panic.cpu(k)
  return crashed and {crashed} or cpumask.of(k, "online")
end

local function each(k, opts, emit)
  local state = opts.state
  if opts.all or state then
    for p in sched.each_task(k) do
      if not state or state:find(p.state, 1, true) then walk.part(emit, function() emit(of_task(k, p, opts)) end) end
    end
  elseif opts.pids and opts.pids[1] then
    for p in tasks.each(k, opts.pids, true) do walk.part(emit, function() emit(of_task(k, p, opts)) end) end
  else
    for _, cpu in ipairs(cpus_of(k, opts)) do walk.part(emit, function() emit(of_cpu(k, cpu, opts)) end) end
  end
end

-- Equal: the same functions at the same places. The order is that of their number.
local function grouped(k, opts, emit)
  local groups, list = {}, {}
  each(k, opts, function(rec)
    if rec.stopped then return emit(rec) end
    local places = {}
    for i, frame in ipairs(rec.frames or {}) do places[i] = stack.place(frame) end
    places[#places + 1] = rec.why
    local key = table.concat(places, "\n")
    local group = groups[key]
    if not group then
      group = {frames = rec.frames, complete = rec.complete, why = rec.why, count = 0, tids = {}, comms = {}, raw = rec.raw,
        raw_at = rec.raw_at}
      groups[key], list[#list + 1] = group, group
    end
    group.count = group.count + 1
    group.tids[group.count] = rec.tid
    group.comms[rec.comm] = (group.comms[rec.comm] or 0) + 1
  end)
  table.sort(list, function(a, b)
    if a.count ~= b.count then return a.count > b.count end
    return a.tids[1] < b.tids[1]
  end)
  for _, group in ipairs(list) do emit(group) end
end

--- Stacks.
-- @param k an open handle
-- @tparam[opt] table opts pids ({integer|string,...}: ids and names), active, all, cpu, state (letters), raw, contents, lines, group
-- @treturn function an iterator of records: pid, tid, comm, state, cpu, addr (`struct task_struct *`), frames ({{pc, sp, name, offset,
--  module, how, trusted, stack, regs, regs_at, hook, contents, lines},...} as kvm.stack has them), user (registers of the program),
--  user_frames (addresses, by frame pointers), complete, why (the stack ends earlier), registers_from; with raw: raw (words), raw_at; with
--  group: count, tids, comms in the place of one task's; what is damaged as kvm.cmd.walk tells it
-- @raise kvm.Error
-- @usage for r in require "kvm.cmd.bt".run(k, {all = true}) do assert(r.stopped or r.frames) end
function M.run(k, opts)
  opts = opts or {}
  if opts.raw and opts.group then error {usage = "--raw shows no frames that --group could compare"} end
  return walk.records(function(emit)
    if opts.group then return grouped(k, opts, emit) end
    each(k, opts, emit)
  end)
end

-- --- the text

local function head(rec, format)
  if rec.count then
    local names = {}
    for comm, n in pairs(rec.comms) do names[#names + 1] = n > 1 and ("%s (%d)"):format(comm, n) or comm end
    table.sort(names)
    local tids = table.concat(rec.tids, " ", 1, math.min(rec.count, 12)) .. (rec.count > 12 and " ..." or "")
    return ("%d tasks: %s\n  TIDs %s\n"):format(rec.count, format.escape(table.concat(names, ", ")), tids)
  end
  local thread = rec.tid ~= rec.pid and ("  TID %d"):format(rec.tid) or ""
  local cpu = rec.cpu and ("  CPU %d"):format(rec.cpu) or ""
  return ("PID %d%s%s  %s  %s  task 0x%x\n"):format(rec.pid, thread, cpu, rec.state or "?", format.escape(rec.comm), rec.addr)
end

local ORDER = {"rip", "rsp", "rbp", "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
  "orig_rax", "eflags", "cs", "ss"}

local function registers_text(regs)
  local out, line = {}, {}
  for _, name in ipairs(ORDER) do
    if regs[name] then line[#line + 1] = ("%9s %016x"):format(name, regs[name]) end
    if #line == 4 then out[#out + 1], line = "   " .. table.concat(line), {} end
  end
  if line[1] then out[#out + 1] = "   " .. table.concat(line) end
  return table.concat(out, "\n") .. "\n"
end

local function words_text(list, at)
  local out = {}
  for i = 1, #list, 2 do
    out[#out + 1] = ("    %016x:  %016x%s\n"):format(at + (i - 1) * WORD, list[i], list[i + 1] and (" %016x"):format(list[i + 1]) or "")
  end
  return table.concat(out)
end

local function frame_text(i, frame, format, before)
  local out = {}
  if before and frame.stack and before ~= frame.stack then out[1] = ("    <%s stack>\n"):format(frame.stack) end
  if frame.regs then out[#out + 1] = ("    --- interrupted, struct pt_regs at 0x%x\n"):format(frame.regs_at)
    .. registers_text(frame.regs) end
  out[#out + 1] = (" #%-2d [%016x] %s%s\n"):format(i - 1, frame.sp, frame.trusted and "" or "? ", format.escape(stack.place(frame)))
  for _, line in ipairs(frame.lines or {}) do
    out[#out + 1] = ("        %s%s%s\n"):format(line.inlined and "inlined " .. format.escape(line.name or "") .. " " or "",
      format.escape(line.file or "?"), line.line and ":" .. line.line or "")
  end
  if frame.contents then out[#out + 1] = words_text(frame.contents, frame.sp) end
  return table.concat(out)
end

M.styles = {{"^PID ", "heading"}, {"^    stops: ", "warn"}}

--- A record as text.
function M.text(rec)
  local format = require "kvm.format"
  local out, before = {head(rec, format)}, nil
  for i, frame in ipairs(rec.frames or {}) do
    out[#out + 1] = frame_text(i, frame, format, before)
    before = frame.stack
  end
  if rec.raw then out[#out + 1] = words_text(rec.raw, rec.raw_at) end
  if rec.why then out[#out + 1] = "    stops: " .. format.escape(rec.why) .. "\n" end
  if rec.user then out[#out + 1] = "    --- the program's registers\n" .. registers_text(rec.user) end
  for i, pc in ipairs(rec.user_frames or {}) do
    if i > 1 then out[#out + 1] = ("      by frame pointer: 0x%x\n"):format(pc) end
  end
  return table.concat(out) .. "\n"
end

return M
