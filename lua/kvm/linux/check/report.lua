-- SPDX-License-Identifier: BSD-2-Clause
-- The reports in the kernel's log (oops, BUG, WARNING, lockup, stall, hung task): what was said, on which CPU, of which task, in which
-- function, with the stack as it was printed. Their form: lib/bug.c, kernel/panic.c, arch/x86/kernel/dumpstack.c, kernel/watchdog.c,
-- kernel/hung_task.c, kernel/rcu/tree_stall.h of Linux 5.10, 6.1, 6.12 and 7.2.
local M = {}

-- How a report begins: the kind, and what is taken from its first line.
local STARTS = {
  {"warning", "^WARNING: CPU: (%d+) PID: (%d+) at (%S+) ([%w_.]+)%+", {"cpu", "pid", "place", "func"}},
  {"warning", "^WARNING: (%S+) at ([%w_.]+)%+[^,]*, CPU#(%d+): ([^/]+)/(%d+)", {"place", "func", "cpu", "comm", "pid"}}, -- since 6.18
  {"warning", "^WARNING: CPU: (%d+) PID: (%d+) at (%S+)", {"cpu", "pid", "place"}},
  {"soft lockup", "^watchdog: BUG: soft lockup %- CPU#(%d+) stuck for (%d+)s! %[(.*):(%d+)%]", {"cpu", "seconds", "comm", "pid"}},
  {"hard lockup", "^watchdog: CPU(%d+): Watchdog detected hard LOCKUP on cpu (%d+)", {"by", "cpu"}},
  {"hard lockup", "^watchdog: Watchdog detected hard LOCKUP on cpu (%d+)", {"cpu"}},
  {"hung task", "^INFO: task (.*):(%d+) blocked for more than (%d+) seconds", {"comm", "pid", "seconds"}},
  {"rcu stall", "^rcu: INFO: (%S+) .*detected stalls on CPUs/tasks", {"flavor"}},
  {"rcu stall", "^rcu: INFO: (%S+) self%-detected stall on CPU", {"flavor"}},
  {"bug", "^kernel BUG at (%S+)!", {"place"}},
  {"oops", "^BUG: kernel NULL pointer dereference, address: (%x+)", {"address"}},
  {"oops", "^BUG: unable to handle page fault for address: (%x+)", {"address"}},
  {"stack overflow", "^BUG: .*stack guard page was hit", {}},
  {"oops", "^general protection fault", {}},
  {"bug", "^BUG: ", {}},
}

-- Lines in a report.
local FRAME <const> = "^ ([%w_.]+)%+0x(%x+)/0x%x+ ?%[?([%w_%-]*)"
local RIP <const> = "^RIP: 0010:([%w_.]+)%+0x(%x+)/0x%x+ ?%[?([%w_%-]*)"
local MOST_LINES <const> = 200 -- of one report
local PAUSE_NS <const> = 2000000000 -- what comes later is none of its lines

local NUMBERS <const> = {cpu = true, pid = true, seconds = true, by = true}

local function begin(rec, line)
  for _, start in ipairs(STARTS) do
    local found = table.pack(line:find(start[2]))
    if found[1] then
      local r = {kind = start[1], title = line, time_ns = rec.time_ns, frames = {}, lines = 0}
      for i, name in ipairs(start[3]) do
        r[name] = NUMBERS[name] and math.tointeger(tonumber(found[2 + i])) or found[2 + i]
      end
      return r
    end
  end
  return nil
end

local function add_place(r, line)
  local name, offset, module = line:match(FRAME)
  if name and not r.over then
    r.frames[#r.frames + 1] = {name = name, offset = tonumber(offset, 16), module = module ~= "" and module or nil, trusted = true}
    return
  end
  name, offset, module = line:match(RIP)
  if name and not r.rip then r.rip = {name = name, offset = tonumber(offset, 16), module = module ~= "" and module or nil,
    trusted = true} end
end

local function add(r, line)
  r.lines = r.lines + 1
  add_place(r, line)
  r.access = r.access or line:match "^#PF: %a+ (%a+) "
  local cpu, pid, comm = line:match "^CPU: (%d+) .*PID: (%d+) Comm: (.-) %a*%s?%a*tainted"
  if not cpu then cpu, pid, comm = line:match "^CPU: (%d+) .*PID: (%d+) Comm: (.-) Tainted" end
  if cpu and not r.cpu then r.cpu, r.pid, r.comm = math.tointeger(tonumber(cpu)), math.tointeger(tonumber(pid)), comm end
  if cpu and not r.comm then r.comm = comm end
  if line:find "^ </TASK>" or line:find "^ ret_from_fork" or line:find "^%-%-%-%[ end trace" then r.over = r.frames[1] ~= nil end
end

-- A warning's reason stands before it: "refcount_t: saturated; leaking memory.", "list_del corruption. ..."
local REASONS = {"^refcount_t: ", "^list_%a+ corruption", "^detected buffer overflow", "^list_%a+ double add"}

local function reason_of(line)
  for _, pattern in ipairs(REASONS) do
    if line:find(pattern) then return line end
  end
  return nil
end

--- The reports of a log.
-- @tparam {table,...} log records of kvm.linux.printk
-- @treturn {table,...} kind ("warning", "soft lockup", "hard lockup", "hung task", "rcu stall", "bug", "oops", "stack overflow"), title
-- (its
-- first line), time_ns, frames ({{name, offset, module, trusted},...}, the innermost first), and where it says so: rip (a frame), reason,
-- cpu,
-- pid, comm, place (file:line), func, seconds, address (text) and access ("read", "write", "instruction") of a page fault
-- @usage local reports = require "kvm.linux.check.report".all {{text = "BUG: x", time_ns = 0}} assert(reports[1].kind == "bug")
function M.all(log)
  local reports, open, reason = {}, nil, nil
  for _, rec in ipairs(log) do
    for line in (rec.text or ""):gmatch "[^\n]+" do
      local r = begin(rec, line)
      if r then
        r.reason, reason, open = reason, nil, r
        reports[#reports + 1] = r
      elseif reason_of(line) then
        reason = line
        if open and rec.time_ns - open.time_ns < PAUSE_NS and open.lines < 2 and not open.reason then open.reason, reason = line, nil end
      elseif open then
        if rec.time_ns - open.time_ns > PAUSE_NS or open.lines > MOST_LINES then open = nil else add(open, line) end
      end
    end
  end
  return reports
end

return M
