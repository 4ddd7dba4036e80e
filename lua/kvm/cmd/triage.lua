-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm triage: what went wrong: a verdict, a signature, what the checks of kvm.linux.check found with the evidence; then a page about the
-- dump: which kernel, what it said when it died, who was running, how many tasks were in which state, the end of the log. Each part stands
-- for itself: what can't be found out is missing, and `missing` says why.
local kvm = require "kvm"
local checks = require "kvm.linux.check.run"
local cpumask = require "kvm.linux.cpumask"
local mm = require "kvm.linux.mm"
local panic = require "kvm.linux.panic"
local printk = require "kvm.linux.printk"
local sched = require "kvm.linux.sched"
local setup = require "kvm.linux.setup"
local task_stack = require "kvm.linux.task_stack"
local timekeeping = require "kvm.linux.timekeeping"
local utsname = require "kvm.linux.utsname"

local M = {
  name = "triage",
  summary = "what went wrong: findings with evidence; kernel, panic, tasks, end of the log",
  options = {
    {flags = "-b --budget", value = "SECONDS", type = "integer", help = "most CPU time of the checks (30)"},
    {flags = "--check", value = "NAME,...", type = "list", help = "only these checks"},
    {flags = "-n --lines", value = "N", type = "integer", help = "records of the log's end to show (30)"},
  },
  columns = {
    {name = "verdict", kind = "string"},
    {name = "signature", kind = "string"},
    {name = "signature_of", kind = "string"},
    {name = "findings", kind = "records", columns = {
      {name = "kind", kind = "string"},
      {name = "severity", kind = "string"},
      {name = "confidence", kind = "string"},
      {name = "title", kind = "string"},
      {name = "evidence", kind = "strings"},
      {name = "pids", kind = "numbers"},
      {name = "modules", kind = "strings"},
      {name = "functions", kind = "strings"},
      {name = "unfinished", kind = "boolean"},
    }},
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

-- The registers of the CPU, and the process that its note names where that is the dump's own PRSTATUS.
local function registers_of(k, cpu)
  local regs, from = task_stack.cpu_registers(k, cpu)
  if not regs then kvm.error.fail("notfound", "CPU %d left no registers in the dump", cpu) end
  return regs, from == "PRSTATUS" and select(2, k:registers(cpu)) or nil
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
  local regs, note_pid = attempt(missing, "registers", registers_of, k, p.cpu)
  if regs then
    p.note_pid, p.rip = note_pid, regs.rip
    p.rip_symbol = regs.rip and symbol_text(k, regs.rip)
  end
end

local SERIOUS = {critical = true, error = true, warning = true}
local MOST_ALSO <const> = 3

local function capital(text) return text:sub(1, 1):upper() .. text:sub(2) end

local function state_of(p, missing)
  if p.cpu then return "The kernel panicked" end
  if missing.panic_cpu then return "Whether the kernel panicked is not known" end
  return "The kernel was running, it had not panicked, when the dump was made"
end

-- One paragraph: what state the kernel was in, what is wrong first of all, what else, on what machine.
local function verdict(rec, missing)
  local p, s, serious, out = rec.panic, rec.system, {}, {}
  local unfinished = 0
  for _, finding in ipairs(rec.findings) do
    if SERIOUS[finding.severity] then serious[#serious + 1] = finding.title end
    if finding.unfinished then unfinished = unfinished + 1 end
  end
  out[1] = state_of(p, missing)
  if serious[1] then out[1] = out[1] .. ": " .. serious[1] elseif p.cpu then out[1] = out[1] .. ": " .. (p.message or p.trouble
    or "no reason found") end
  out[1] = out[1] .. "."
  if #serious > 1 then
    out[#out + 1] = ("Also: %s%s."):format(table.concat(serious, "; ", 2, math.min(#serious, 1 + MOST_ALSO)),
      #serious > 1 + MOST_ALSO and ("; and %d more"):format(#serious - 1 - MOST_ALSO) or "")
  elseif not serious[1] and not p.cpu and unfinished == 0 then
    out[#out + 1] = "No check found anything wrong."
  end
  if unfinished > 0 then out[#out + 1] = ("%d checks could not be done, so more may be wrong."):format(unfinished) end
  local machine = {}
  if s.release then machine[1] = "Linux " .. s.release end
  if s.cpus_online then machine[#machine + 1] = ("%d CPUs online"):format(s.cpus_online) end
  if s.uptime_ns then machine[#machine + 1] = ("up for %.0f s"):format(s.uptime_ns / 1e9) end
  if s.taint and s.taint ~= 0 then
    local letters = {}
    for i, f in ipairs(s.taint_flags) do letters[i] = f.letter or "?" end
    machine[#machine + 1] = "tainted " .. table.concat(letters)
  end
  if machine[1] then out[#out + 1] = table.concat(machine, ", ") .. "." end
  return capital(table.concat(out, " "))
end

--- The page as one record.
-- @param k an open handle
-- @tparam[opt] table opts lines (records of the log, 30), budget (seconds of CPU time for the checks, 30), check ({string,...}: only these)
-- @treturn function an iterator of one record: verdict (a paragraph), signature and signature_of (nil where nothing is wrong), findings (as
-- kvm.linux.check.run gives them), system, panic, tasks, log, missing ({part = reason})
-- @raise kvm.Error only for what is no matter of the dump
-- @usage for r in require "kvm.cmd.triage".run(k) do assert(r.verdict and r.system.release) end
function M.run(k, opts)
  local lines = math.max(opts and opts.lines or 30, 1)
  local missing = {}
  local wanted = opts and opts.check
  for _, name in ipairs(wanted or {}) do
    if not checks.is_known(name) then kvm.error.fail("inval", "there is no check %q", name) end
  end
  local rec = {missing = missing, system = system_of(k, missing), panic = {}}
  local p = rec.panic
  local log, said, count = attempt(missing, "log", read_log, k, lines)
  rec.log, rec.log_records = log, count
  p.cpu, p.cpu_from = attempt(missing, "panic_cpu", panic.cpu, k)
  rec.tasks = tasks_of(k, missing)
  if said then p.message, p.trouble, p.location = said.message, said.trouble, said.location end
  if p.cpu then panic_task(k, p, missing) end
  rec.findings, rec.signature, rec.signature_of = checks.all(k, {budget = opts and opts.budget, checks = wanted})
  rec.verdict = verdict(rec, missing)
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

-- Text of a paragraph in lines that fit.
local WIDTH <const> = 100
local function folded(text)
  local lines, line = {}, ""
  for word in text:gmatch "%S+" do
    if line ~= "" and #line + 1 + #word > WIDTH then lines[#lines + 1], line = line, "" end
    line = line == "" and word or line .. " " .. word
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\n") .. "\n"
end

local function findings_page(page, rec, escape)
  page.head "FINDINGS"
  local shown = #page.out
  for i, f in ipairs(rec.findings) do
    if not f.unfinished then
      page.out[#page.out + 1] = ("  %2d. %-8s %-8s %s: %s\n"):format(i, f.severity, f.confidence, f.kind, escape(f.title))
    end
  end
  if #page.out == shown then page.out[#page.out + 1] = "  none\n" end
end

local function details_page(page, findings, escape)
  local begun
  for i, f in ipairs(findings) do
    if f.evidence and f.evidence[1] then
      if not begun then page.head "DETAILS" end
      begun = true
      page.out[#page.out + 1] = ("  %d. %s\n"):format(i, escape(f.title))
      for _, line in ipairs(f.evidence) do page.out[#page.out + 1] = "       " .. escape(line) .. "\n" end
    end
  end
end

local function unfinished_page(page, findings, escape)
  local begun
  for _, f in ipairs(findings) do
    if f.unfinished then
      if not begun then page.head "CHECKS NOT DONE" end
      begun = true
      page.out[#page.out + 1] = ("  %s\n"):format(escape(f.title))
    end
  end
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

M.styles = {
  {"^ +%d+%. critical", "critical"}, {"^ +%d+%. error", "bad"}, {"^ +%d+%. warning", "warn"}, {"^[A-Z][A-Z ,]+$", "heading"},
}

--- The record as a page.
function M.text(rec)
  local format = require "kvm.format"
  local page = page_writer(rec.missing, format.escape)
  page.out[1] = folded(format.escape(rec.verdict))
  page.line("signature", rec.signature and ("%s  (%s)"):format(rec.signature, format.escape(rec.signature_of)))
  findings_page(page, rec, format.escape)
  system_page(page, rec.system, format)
  panic_page(page, rec.panic, rec.missing, format)
  tasks_page(page, rec.tasks, rec.missing, format.escape)
  details_page(page, rec.findings, format.escape)
  unfinished_page(page, rec.findings, format.escape)
  log_page(page, rec)
  return table.concat(page.out)
end

return M
