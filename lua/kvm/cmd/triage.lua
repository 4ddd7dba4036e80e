-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm triage: one page about a dump: which kernel, what it said when it died, who was running, how many tasks were
-- in which state, the end of the log. Each part stands for itself: what can't be found out is missing, and `missing`
-- says why.
local kvm = require "kvm"
local cpumask = require "kvm.linux.cpumask"
local mm = require "kvm.linux.mm"
local panic = require "kvm.linux.panic"
local printk = require "kvm.linux.printk"
local sched = require "kvm.linux.sched"
local setup = require "kvm.linux.setup"
local timekeeping = require "kvm.linux.timekeeping"
local utsname = require "kvm.linux.utsname"

local M = {
  name = "triage",
  summary = "a page about the dump: kernel, panic, tasks, end of the log",
  options = {
    {flags = "-n --lines", value = "N", type = "integer", help = "records of the log's end to show (30)"},
  },
  columns = {
    {name = "verdict", kind = "string"},
    {name = "system", kind = "record", columns = {
      {name = "release", kind = "string"},
      {name = "version", kind = "string"},
      {name = "nodename", kind = "string"},
      {name = "build_id", kind = "string"},
      {name = "machine", kind = "string"},
      {name = "hardware", kind = "string"},
      {name = "format", kind = "string"},
      {name = "incomplete", kind = "boolean"},
      {name = "cpus_online", kind = "integer"},
      {name = "cpus_possible", kind = "integer"},
      {name = "memory_bytes", kind = "integer"},
      {name = "crash_time", kind = "integer"},
      {name = "uptime_ns", kind = "integer"},
      {name = "loadavg", kind = "numbers"},
      {name = "taint", kind = "hex"},
      {name = "taint_flags", kind = "records", columns = {
        {name = "bit", kind = "integer"},
        {name = "letter", kind = "string"},
        {name = "meaning", kind = "string"},
      }},
      {name = "command_line", kind = "string"},
    }},
    {name = "panic", kind = "record", columns = {
      {name = "message", kind = "string"},
      {name = "trouble", kind = "string"},
      {name = "location", kind = "string"},
      {name = "cpu", kind = "integer"},
      {name = "cpu_from", kind = "string"},
      {name = "pid", kind = "integer"},
      {name = "tid", kind = "integer"},
      {name = "comm", kind = "string"},
      {name = "task", kind = "hex"},
      {name = "note_pid", kind = "integer"},
      {name = "rip", kind = "hex"},
      {name = "rip_symbol", kind = "string"},
    }},
    {name = "tasks", kind = "record", columns = {
      {name = "processes", kind = "integer"},
      {name = "threads", kind = "integer"},
      {name = "states", kind = "counts"},
    }},
    {name = "log", kind = "records", columns = {
      {name = "seq", kind = "integer"},
      {name = "time_ns", kind = "integer"},
      {name = "level", kind = "integer"},
      {name = "facility", kind = "integer"},
      {name = "caller", kind = "string"},
      {name = "text", kind = "string"},
      {name = "code", kind = "string"},
    }},
    {name = "missing", kind = "texts"},
  },
}

-- Calls f; a failure of the dump becomes the reason why `part` is missing. Anything else is a bug and goes on.
local function attempt(missing, part, f, ...)
  local results = table.pack(pcall(f, ...))
  if results[1] then return table.unpack(results, 2, results.n) end
  local err = results[2]
  if type(err) ~= "table" or not err.code then error(err, 0) end
  missing[part] = tostring(err)
end

local function system_of(k, missing)
  local info = k:info()
  local s = {
    release = info.release, build_id = info.build_id, format = info.format, incomplete = info.incomplete,
    machine = info.machine or info.arch, crash_time = info.crash_time,
  }
  s.version = attempt(missing, "version", utsname.field, k, "version")
  s.nodename = attempt(missing, "nodename", utsname.field, k, "nodename")
  s.hardware = attempt(missing, "hardware", setup.hardware, k)
  if s.hardware == "" then s.hardware = nil end
  local online = attempt(missing, "cpus_online", cpumask.of, k, "online")
  local possible = attempt(missing, "cpus_possible", cpumask.of, k, "possible")
  s.cpus_online, s.cpus_possible = online and #online, possible and #possible
  s.memory_bytes = attempt(missing, "memory_bytes", mm.totalram_bytes, k)
  local clocks = attempt(missing, "uptime_ns", timekeeping.clocks, k)
  s.uptime_ns = clocks and clocks.boottime_ns
  s.loadavg = attempt(missing, "loadavg", function() return table.pack(kvm.check(k:loadavg())) end)
  s.taint, s.taint_flags = attempt(missing, "taint", panic.taint, k)
  s.command_line = attempt(missing, "command_line", setup.command_line, k)
  return s
end

-- How many tasks there are in which state; what was counted before an error counts.
local function count_tasks(k, threads, missing, part)
  local tasks = {processes = 0, threads = threads and 0 or nil, states = {}}
  attempt(missing, part, function()
    for p in k:procs("all", nil, threads) do
      if threads then tasks.threads = tasks.threads + 1 end
      if p.pid == p.tid then tasks.processes = tasks.processes + 1 end
      tasks.states[p.state] = (tasks.states[p.state] or 0) + 1
    end
  end)
  return tasks
end

-- All threads; where they can't all be listed, the processes alone.
local function tasks_of(k, missing)
  local tasks = count_tasks(k, true, missing, "threads")
  if not missing.threads then return tasks end
  tasks = count_tasks(k, false, missing, "tasks")
  return tasks.processes > 0 and tasks or nil
end

local function symbol_text(k, addr)
  local sym, offset = k:symbol(addr)
  if not sym then return nil end
  local text = offset ~= 0 and ("%s+0x%x"):format(sym.name, offset) or sym.name
  return sym.module and ("%s [%s]"):format(text, sym.module) or text
end

-- The notes of a dump are in the order of the CPUs that left them; which CPU a note is of is known by its process.
local function note_of(k, cpu, tid)
  local regs, pid = k:registers(cpu)
  if not tid or (regs and pid == tid) then return kvm.check(regs, pid) and regs, pid end
  for n = 0, (k:info().cpus or 0) - 1 do
    local other, other_pid = k:registers(n)
    if other and other_pid == tid then return other, other_pid end
  end
  return kvm.check(regs, pid) and regs, pid
end

local function read_log(k, lines)
  local feed, found = panic.log_scanner()
  local ring, count = {}, 0
  for rec in printk.records(k) do
    feed(rec)
    ring[count % lines] = rec
    count = count + 1
  end
  local last = {}
  for i = math.max(0, count - lines), count - 1 do last[#last + 1] = ring[i % lines] end
  return last, found, count
end

-- The task that the CPU was running, read by itself: idle tasks are in no list.
local function panic_task(k, p, missing)
  p.task = attempt(missing, "panic_task", sched.current, k, p.cpu)
  if p.task then
    p.pid, p.tid, p.comm = attempt(missing, "panic_task", sched.identity, k, p.task)
  end
  local regs, note_pid = attempt(missing, "registers", note_of, k, p.cpu, p.tid)
  if regs then
    p.note_pid, p.rip = note_pid, regs.rip
    p.rip_symbol = regs.rip and symbol_text(k, regs.rip)
  end
end

local function verdict(p, missing)
  if p.cpu then
    local what = p.message or p.trouble or "the log does not say why"
    return "panic: " .. what
  end
  if missing.panic_cpu then return p.message and "panic: " .. p.message or "unknown" end
  return "running: the kernel was not panicking when the dump was made"
end

--- The page as one record.
-- @param k an open handle
-- @tparam[opt] table opts lines (records of the log, 30)
-- @treturn function an iterator of one record: verdict, system, panic, tasks, log, missing ({part = reason})
-- @raise kvm.Error only for what is no matter of the dump
-- @usage for r in require "kvm.cmd.triage".run(k) do assert(r.verdict and r.system.release) end
function M.run(k, opts)
  local lines = math.max(opts and opts.lines or 30, 1)
  local missing = {}
  local rec = {missing = missing, system = system_of(k, missing), panic = {}}
  local p = rec.panic
  local log, said, count = attempt(missing, "log", read_log, k, lines)
  rec.log, rec.log_records = log, count
  p.cpu, p.cpu_from = attempt(missing, "panic_cpu", panic.cpu, k)
  rec.tasks = tasks_of(k, missing)
  if said then p.message, p.trouble, p.location = said.message, said.trouble, said.location end
  if p.cpu then panic_task(k, p, missing) end
  rec.verdict = verdict(p, missing)
  local done = false
  return function()
    if done then return nil end
    done = true
    return rec
  end
end

-- --- the page

local function taint_text(s)
  if not s.taint then return nil end
  if s.taint == 0 then return "no" end
  local letters, lines = {}, {}
  for i, f in ipairs(s.taint_flags) do
    letters[i] = f.letter or "?"
    lines[i] = ("%16s%s  %s"):format("", letters[i], f.meaning)
  end
  return ("%s (0x%x)\n%s"):format(table.concat(letters), s.taint, table.concat(lines, "\n"))
end

local function page_writer(missing, escape)
  local out = {}
  local page = {out = out}
  function page.head(text) out[#out + 1] = (out[1] and "\n" or "") .. text .. "\n" end
  -- A line, or the reason why its part is missing.
  function page.line(label, text, part)
    if not text and part and missing[part] then text = "not known: " .. escape(missing[part]) end
    if text then out[#out + 1] = ("  %-13s %s\n"):format(label, text) end
  end
  return page
end

local function uptime_text(ns, format)
  if ns < 60 * 1000000000 then return format.duration(ns) end
  return ("%s (%.3f s)"):format(format.duration(ns), ns / 1e9)
end

local function system_page(page, s, format)
  local escape = format.escape
  local function maybe(text) return text and escape(text) end
  page.head "SYSTEM"
  page.line("kernel", maybe(s.release))
  page.line("version", maybe(s.version), "version")
  page.line("build id", maybe(s.build_id))
  page.line("machine", maybe(s.machine))
  page.line("hardware", maybe(s.hardware), "hardware")
  page.line("host", maybe(s.nodename), "nodename")
  page.line("dump", maybe(s.format) .. (s.incomplete and ", incomplete" or ""))
  page.line("CPUs", s.cpus_online and ("%d online, %s possible"):format(s.cpus_online, s.cpus_possible or "?"),
    "cpus_online")
  page.line("memory", s.memory_bytes and ("%s (%d kB)"):format(format.size(s.memory_bytes), s.memory_bytes // 1024),
    "memory_bytes")
  page.line("crash time", s.crash_time and os.date("!%Y-%m-%d %H:%M:%S UTC", s.crash_time))
  page.line("uptime", s.uptime_ns and uptime_text(s.uptime_ns, format), "uptime_ns")
  page.line("load average", s.loadavg and ("%.2f, %.2f, %.2f"):format(table.unpack(s.loadavg)), "loadavg")
  page.line("tainted", taint_text(s), "taint")
  page.line("command line", maybe(s.command_line), "command_line")
end

local function panic_page(page, p, missing, format)
  local escape = format.escape
  page.head "PANIC"
  if not p.cpu and not missing.panic_cpu then
    page.line("none", "the kernel was not panicking when the dump was made")
    page.line("log says", p.message and escape("Kernel panic - not syncing: " .. p.message))
    page.line("trouble", p.trouble and escape(p.trouble))
    return
  end
  page.line("message", p.message and escape(p.message) or not missing.log and "none in the log" or nil, "log")
  page.line("began with", p.trouble and escape(p.trouble))
  page.line("at", p.location and escape(p.location))
  page.line("CPU", p.cpu and ("%d (%s)"):format(p.cpu, p.cpu_from), "panic_cpu")
  local thread = p.pid ~= p.tid and (", thread %d"):format(p.tid) or ""
  page.line("task", p.comm and ("pid %d%s, %s, task_struct 0x%x"):format(p.pid, thread, escape(p.comm), p.task),
    "panic_task")
  if p.note_pid and p.note_pid ~= (p.tid or 0) then
    page.line("", ("the CPU's registers in the dump are those of pid %d"):format(p.note_pid))
  end
  local symbol = p.rip_symbol and ", " .. escape(p.rip_symbol) or ", in no known symbol"
  page.line("RIP", p.rip and ("0x%x%s"):format(p.rip, symbol), "registers")
end

local function tasks_page(page, t, missing, escape)
  page.head "TASKS"
  if not t then return page.line("processes", nil, "tasks") end
  page.line("processes", ("%s%d"):format(missing.tasks and "at least " or "", t.processes))
  if not missing.tasks then page.line("threads", t.threads and tostring(t.threads), "threads") end
  page.line("", missing.tasks and "the list breaks off: " .. escape(missing.tasks))
  local states = {}
  for letter in pairs(t.states) do states[#states + 1] = letter end
  table.sort(states, function(a, b)
    if t.states[a] ~= t.states[b] then return t.states[a] > t.states[b] end
    return a < b
  end)
  for _, letter in ipairs(states) do
    page.line(letter .. " " .. (sched.STATES[letter] or "unknown"), tostring(t.states[letter]))
  end
end

local function log_page(page, rec)
  local log_text = require "kvm.cmd.log".text
  page.head(rec.log and ("LOG (the last %d of %d records)"):format(#rec.log, rec.log_records) or "LOG")
  if not rec.log then return page.line("log", nil, "log") end
  for _, r in ipairs(rec.log) do page.out[#page.out + 1] = log_text(r, {}) end
end

--- The record as a page.
function M.text(rec)
  local format = require "kvm.format"
  local page = page_writer(rec.missing, format.escape)
  page.head(format.escape(rec.verdict))
  system_page(page, rec.system, format)
  panic_page(page, rec.panic, rec.missing, format)
  tasks_page(page, rec.tasks, rec.missing, format.escape)
  log_page(page, rec)
  return table.concat(page.out)
end

return M
