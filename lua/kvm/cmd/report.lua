-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm report: a dump as one HTML file: verdict, findings, charts, tables. It asks other commands, each once, and writes what they
-- tell; what they can't tell is there as the reason why.
local check_context = require "kvm.linux.check.context"
local format = require "kvm.format"
local kvm_error = require "kvm.error"
local new_file = require "kvm.cmd.new_file"
local registry = require "kvm.cmd"
local report = require "kvm.report"
local report_parts = require "kvm.cmd.report_parts"

local M = {
  name = "report",
  summary = "a dump as one HTML file: findings, charts, tables",
  options = {
    {flags = "-o --output", value = "FILE", help = "the new file to write; -: standard output"},
  },
  columns = {
    {name = "path", kind = "string"},
    {name = "bytes", kind = "size"},
    {name = "verdict", kind = "string"},
    {name = "parts", kind = "strings"},
    {name = "lacks", kind = "texts"},
    {name = "html", kind = "string"},
  },
  progress = true,
}

-- --- what parts ask: records, each kind read once

local Source = {}
Source.__index = Source

local function once(self, key, fn)
  local kept = self.kept[key]
  if not kept then
    kept = table.pack(fn())
    self.kept[key] = kept
  end
  return table.unpack(kept, 1, kept.n)
end

--- The records of a command.
-- @tparam string name
-- @tparam table opts its options
-- @treturn {table,...}
-- @treturn {string,...} why there are not more
function Source:records(name, opts)
  local words = {name}
  for key in pairs(opts) do words[#words + 1] = key end
  return once(self, table.concat(words, " "), function()
    local records, why = {}, {}
    local _, err = kvm_error.try(function()
      for rec in registry.get(name).run(self.k, opts) do
        if rec.stopped then why[#why + 1] = ("%s: %s"):format(name, rec.stopped) else records[#records + 1] = rec end
      end
    end)
    if err then why[#why + 1] = ("%s: %s"):format(name, err) end
    return records, why
  end)
end

--- What a function returns.
-- @tparam string what it tells, for reasons
-- @tparam function f
-- @param ... its arguments
-- @return nil where the dump does not give it
function Source:try(what, f, ...)
  local args = table.pack(...)
  local results = table.pack(kvm_error.try(function() return f(table.unpack(args, 1, args.n)) end))
  if results[1] == nil and kvm_error.is(results[2]) then
    self.failed[what] = {("%s: %s"):format(what, results[2])}
    return nil
  end
  return table.unpack(results, 1, results.n)
end

--- Why the dump does not give something.
-- @tparam string what as `try` was told
-- @treturn {string,...}
function Source:reasons(what) return self.failed[what] or {} end

--- Equal stacks once.
-- @treturn {table,...} as kvm.cmd.report_parts.group gives them
-- @treturn table their numbers by task
-- @treturn {string,...} why there are not more
function Source:stacks()
  return once(self, "stacks of tasks", function()
    local records, why = self:records("bt", {all = true})
    local list, numbers = report_parts.group(records)
    return list, numbers, why
  end)
end

--- All threads, with the numbers of their stacks.
-- @treturn {table,...} records of ps with stack
-- @treturn {string,...} why there are not more
function Source:tasks()
  return once(self, "tasks with stacks", function()
    local records, why = self:records("ps", {threads = true, last_run = true})
    local _, numbers = self:stacks()
    for _, t in ipairs(records) do t.stack = numbers[t.addr] end
    return records, why
  end)
end

local function source_of(k)
  return setmetatable({k = k, kept = {}, failed = {}, context = check_context.new(k)}, Source)
end

-- --- the head

local function taint_text(s)
  if not s.taint then return nil end
  local out = {}
  for i, f in ipairs(s.taint_flags or {}) do out[i] = ("%s (%s)"):format(f.letter or "?", f.meaning) end
  return out[1] and table.concat(out, ", ") or "no"
end

local function task_text(p)
  if not p.pid then return nil end
  return ("%s (pid %d)"):format(p.comm or "?", p.pid) .. (p.cpu and (" on CPU %d"):format(p.cpu) or "")
end

local function facts_of(rec, info)
  local s, p, out = rec.system, rec.panic, {}
  local function add(label, text) if text and text ~= "" then out[#out + 1] = {label, text} end end
  add("panic", p.message or p.trouble)
  add("at", p.location or p.rip_symbol)
  add("task", task_text(p))
  add("kernel", s.release)
  add("version", s.version)
  add("host", s.nodename)
  add("machine", s.machine)
  add("hardware", s.hardware)
  add("CPUs", s.cpus_online and ("%d online, %s possible"):format(s.cpus_online, s.cpus_possible or "?"))
  add("memory", s.memory_bytes and format.size(s.memory_bytes))
  add("crash time", s.crash_time and os.date("!%Y-%m-%d %H:%M:%S UTC", s.crash_time))
  add("uptime", s.uptime_ns and format.duration(s.uptime_ns))
  add("load", s.loadavg and ("%.2f %.2f %.2f"):format(table.unpack(s.loadavg, 1, 3)))
  add("tainted", taint_text(s))
  add("command line", s.command_line)
  add("signature", rec.signature and ("%s (%s)"):format(rec.signature, rec.signature_of or "?"))
  add("dump", info.path and ("%s, %s%s"):format(info.path, info.format or "?", info.incomplete and ", incomplete" or ""))
  return out
end

local function missing_of(rec)
  local out = {}
  for part, reason in pairs(rec.missing) do out[#out + 1] = ("%s: not known: %s"):format(part, reason) end
  table.sort(out)
  return out
end

local SERIOUS <const> = {critical = true, error = true, warning = true}

local function head(source)
  local records, why = source:records("triage", {})
  local info = source:records("info", {})[1] or {}
  local rec = records[1]
  if not rec then
    return {title = "Report", verdict = why[1] or "nothing could be found out", findings = {}, facts = {}, why = why}
  end
  local worst = rec.findings[1] and rec.findings[1].severity
  local host, release = rec.system.nodename, rec.system.release
  return {title = ("%s%s"):format(release and "Linux " .. release or "A dump", host and " on " .. host or ""),
    subtitle = "Made by luakvm report " .. require "kvm".version, verdict = rec.verdict, severity = SERIOUS[worst] and worst or nil,
    findings = rec.findings, facts = facts_of(rec, info), why = missing_of(rec)}
end

-- --- the file

local function make(k, progress)
  local source = source_of(k)
  local steps, rec = #report_parts.PARTS + 1, {parts = {}, lacks = {}}
  progress("report", 0, steps)
  local page = head(source)
  page.parts = {}
  for i, part in ipairs(report_parts.PARTS) do
    progress("report", i, steps)
    local made = part[2](source)
    page.parts[i], rec.parts[i] = made, made.id
    for what in pairs(source.failed) do
      if what == "memory by owner" and made.id == "meminfo" then table.insert(made.why, source:reasons(what)[1]) end
    end
    if made.why and made.why[1] then rec.lacks[made.id] = table.concat(made.why, "; ") end
  end
  rec.verdict = page.verdict
  return rec, report.html(page)
end

--- A report.
-- @param k an open handle
-- @tparam table opts output (path of a new file; "-": none is written), progress (as that of kvm.open)
-- @treturn function an iterator of one record: verdict, bytes, parts (their ids), lacks (reasons by id of a part: what the dump does not
-- give), path or, without a file, html
-- @raise kvm.Error `inval`: the file exists; `io`: it can't be written
-- @usage for r in require "kvm.cmd.report".run(k, {output = "-"}) do assert(r.html:find "^<!DOCTYPE html>") end
function M.run(k, opts)
  local path = opts and opts.output
  if not path then error({usage = "report: -o FILE is missing (- is standard output)"}, 0) end
  if path ~= "-" then new_file.check(path) end
  local done = false
  return function()
    if done then return nil end
    done = true
    local rec, html = make(k, opts.progress or function() end)
    rec.bytes = #html
    if path == "-" then
      rec.html = html
    else
      new_file.write(path, html)
      rec.path = path
    end
    return rec
  end
end

--- A record as text: the file itself, or what was written.
function M.text(rec)
  if rec.html then return rec.html end
  return ("%s: %s\n"):format(format.escape(rec.path), format.size(rec.bytes))
end

return M
