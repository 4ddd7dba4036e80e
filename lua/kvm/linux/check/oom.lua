-- SPDX-License-Identifier: BSD-2-Clause
-- Tasks that the kernel killed for want of memory (mm/oom_kill.c): as the log tells of them, as the counters of events do where the log
-- has lost it, and victims that have not gone.
local cgroup = require "kvm.linux.cgroup"
local format = require "kvm.format"
local kvm_error = require "kvm.error"
local mm_types = require "kvm.linux.mm_types"
local object = require "kvm.object"
local types = require "kvm.type"
local vmstat = require "kvm.linux.vmstat"

local M = {name = "oom", title = "tasks killed for want of memory"}

local RECENT_NS <const> = 600 * 1000000000 -- a kill of the whole machine's memory that has to do with what the dump was made for
local SLOW_NS <const> = 5 * 1000000000     -- a victim is gone, or its memory reaped, in far less
local MOST_TOLD <const>, MOST_ROWS <const>, MOST_PIDS <const> = 5, 3, 10
local KB <const> = 1024
local NO_LIMIT <const> = 1 << 62 -- PAGE_COUNTER_MAX is about twice that, in bytes

-- --- the log

-- "a=b,c=d" as a table
local function pairs_of(text)
  local out = {}
  for key, value in text:gmatch "([%w_]+)=([^,]*)" do out[key] = value end
  return out
end

-- The rows of the table of tasks that the kernel prints before it chooses, whose columns differ among releases; the name is the last one.
local function row_of(header, line)
  local pid, rest = line:match "^%[%s*(%d+)%]%s+(.*)$"
  if not pid or not header then return nil end
  local row, at = {pid = math.tointeger(pid)}, 1
  for i = 1, #header - 1 do
    local number, next_at = rest:match("^(%-?%d+)%s+()", at)
    if not number then return nil end
    row[header[i]], at = math.tointeger(number), next_at
  end
  row.name = rest:sub(at)
  return row.rss and row or nil
end

local function header_of(line)
  local rest = line:match "^%[%s*pid%s*%]%s+(.*)$"
  if not rest then return nil end
  local out = {}
  for word in rest:gmatch "%S+" do out[#out + 1] = word end
  return out
end

-- What a line says of a kill, by patterns: each gets the state of the scan, the record and the matches.
local LINES <const> = {
  {"^(.-) invoked oom%-killer: gfp_mask=([^,]*.-), order=(%-?%d+)", function(s, record, comm, mask, order)
    s.event = {asker = comm, mask = mask, order = order, rows = {}, time_ns = record.time_ns}
    s.header = nil
  end},
  {"^oom%-kill:(.*)$", function(s, _, text)
    for key, value in pairs(pairs_of(text)) do s.event[key] = value end
  end},
  {"^(.-): Killed process (%d+) %((.*)%) total%-vm:%d+kB, anon%-rss:(%d+)kB, file%-rss:(%d+)kB, shmem%-rss:(%d+)kB",
    function(s, record, why, pid, comm, anon, file, shmem)
      s.kills[#s.kills + 1] = {event = s.event, why = why, pid = math.tointeger(pid), comm = comm, time_ns = record.time_ns,
        anon = math.tointeger(anon) * KB, file = math.tointeger(file) * KB, shmem = math.tointeger(shmem) * KB}
    end},
  {"^(Out of memory and no killable processes.*)$", function(s, record) s.none = s.none or record end},
  {"^Kernel panic %- not syncing: (Out of memory.*)$", function(s, record) s.panic = s.panic or record end},
  {"^Kernel panic %- not syncing: (System is deadlocked on memory.*)$", function(s, record) s.panic = s.panic or record end},
}

local function scan_line(s, record, line)
  for _, form in ipairs(LINES) do
    local found = table.pack(line:match(form[1]))
    if found[1] then return form[2](s, record, table.unpack(found, 1, found.n)) end
  end
  s.header = header_of(line) or s.header
  local row = row_of(s.header, line)
  if row and s.event.rows then s.event.rows[#s.event.rows + 1] = row end
end

local function scan(log)
  local s = {kills = {}, event = {}}
  for _, record in ipairs(log) do
    local is_kernel = (record.facility or 0) == 0 -- what user space writes to /dev/kmsg has another one
    for line in (is_kernel and record.text or ""):gmatch "[^\n]+" do scan_line(s, record, line) end
  end
  return s
end

-- --- control groups: {path=, kills=, max=},...

local function groups_that_killed(k)
  local out = {}
  for group in cgroup.for_each_descendant(cgroup.root(k)) do
    local events, max = cgroup.memory_events(group)
    local n = events and events.MEMCG_OOM_KILL or 0
    if n > 0 then out[#out + 1] = {path = cgroup.path(group), kills = n, max = max} end
  end
  table.sort(out, function(a, b) return a.kills > b.kills end)
  return out
end

-- --- findings

local function ago(context, time_ns) return format.duration(math.max(context:now_ns() - time_ns, 0)) .. " before the dump" end

local function panic_text(context, record) return ("%s: %s"):format(ago(context, record.time_ns), record.text:match "[^\n]*") end

local function kill_evidence(context, kill)
  local e, out = kill.event, {}
  local function add(form, ...) out[#out + 1] = form:format(...) end
  add("%s: killed process %d (%s): %s of anonymous memory, %s of files, %s shared; %s", ago(context, kill.time_ns), kill.pid, kill.comm,
    format.size(kill.anon), format.size(kill.file), format.size(kill.shmem), kill.why)
  if e.asker then add("asked for by %s: order %s, %s", e.asker, e.order, e.mask) end
  if e.constraint then
    local whole = e.oom_memcg and ", out of memory: " .. e.oom_memcg or ""
    add("%s, control group of the victim: %s%s", e.constraint, e.task_memcg or "?", whole)
  end
  local rows, page = e.rows or {}, context.k:page_size()
  table.sort(rows, function(a, b) return a.rss > b.rss end)
  for i = 1, math.min(#rows, MOST_ROWS) do
    add("largest then: process %d (%s) with %s", rows[i].pid, rows[i].name or "?", format.size(rows[i].rss * page))
  end
  return out
end

-- Of what memory was exhausted (enum oom_constraint); by sysrq-f a kill has the order -1.
local CAUSES <const> = {CONSTRAINT_CPUSET = "the memory of a cpuset's nodes was exhausted, the kernel",
  CONSTRAINT_MEMORY_POLICY = "the memory of the nodes of a policy was exhausted, the kernel"}

local function cause_of(g, event)
  if g.is_group then return ("control group %s reached its limit and"):format(g.memcg or "?") end
  if event.order == "-1" then return "asked for by sysrq, the kernel" end
  return CAUSES[event.constraint] or "memory was exhausted, the kernel"
end

-- Kills for the same reason are one finding: of all memory, or of a control group's.
local function grouped(kills)
  local by_key, out = {}, {}
  for _, kill in ipairs(kills) do
    local is_group = kill.why:find "^Memory cgroup" ~= nil
    local key = is_group and (kill.event.oom_memcg or "?") or ""
    local g = by_key[key]
    if not g then
      g = {is_group = is_group, memcg = kill.event.oom_memcg, kills = {}}
      by_key[key], out[#out + 1] = g, g
    end
    table.insert(g.kills, kill)
  end
  table.sort(out, function(a, b) return a.kills[#a.kills].time_ns > b.kills[#b.kills].time_ns end)
  return out
end

-- "sleep 10, tail 1"
local function victims_text(kills)
  local counts, order, out = {}, {}, {}
  for _, kill in ipairs(kills) do
    if not counts[kill.comm] then order[#order + 1] = kill.comm end
    counts[kill.comm] = (counts[kill.comm] or 0) + 1
  end
  table.sort(order, function(a, b)
    if counts[a] ~= counts[b] then return counts[a] > counts[b] end
    return a < b
  end)
  for i = 1, math.min(#order, MOST_TOLD) do out[i] = ("%s %d"):format(order[i], counts[order[i]]) end
  return table.concat(out, ", ")
end

-- The largest victim of a group is the one that tells most: at the end of a run small ones are left.
local function largest(kills)
  local best = kills[1]
  for _, kill in ipairs(kills) do best = kill.anon > best.anon and kill or best end
  return best
end

local function tell_kills(context, report, s)
  for i, g in ipairs(grouped(s.kills)) do
    if i > MOST_TOLD then return end
    local n, last, most = #g.kills, g.kills[#g.kills], largest(g.kills)
    local evidence, pids = kill_evidence(context, most), {most.pid}
    local many = ""
    if n > 1 then
      many = ("%d processes, the largest "):format(n)
      evidence[#evidence + 1] = ("%d killed, from %s to %s: %s"):format(n, ago(context, g.kills[1].time_ns), ago(context, last.time_ns),
        victims_text(g.kills))
    end
    if s.panic and not g.is_group then evidence[#evidence + 1] = panic_text(context, s.panic) end
    for _, kill in ipairs(g.kills) do
      if kill ~= most and #pids < MOST_PIDS then pids[#pids + 1] = kill.pid end
    end
    local is_recent = context:now_ns() - last.time_ns < RECENT_NS
    report {
      severity = not g.is_group and is_recent and "error" or "warning", confidence = "certain", pids = pids, evidence = evidence,
      title = ("OOM killer: %s killed %s%s (pid %d), which had %s of anonymous memory, %s; %s asked for memory"):format(
        cause_of(g, most.event), many, most.comm, most.pid, format.size(most.anon), ago(context, most.time_ns),
        most.event.asker or "a task of which the log does not tell"),
    }
  end
end

-- A panic that comes behind kills is told of with them.
local function tell_panic(context, report, s)
  local record = s.panic or s.none
  if not record or s.kills[1] then return end
  report {severity = "critical", confidence = "certain", title = ("out of memory: %s"):format(record.text:match "[^\n]*"),
    evidence = {panic_text(context, record),
      s.event.asker and ("asked for by %s: order %s, %s"):format(s.event.asker, s.event.order, s.event.mask)}}
end

-- More kills were counted than the log has.
local function tell_counted(context, report, told)
  local events = kvm_error.try(vmstat.events, context.k)
  local counted = events and events.OOM_KILL or 0
  if counted <= told then return end
  local evidence = {("the kernel counted %d kills (oom_kill), the log has %d"):format(counted, told)}
  for i, g in ipairs(kvm_error.try(groups_that_killed, context.k) or {}) do
    if i > MOST_TOLD then break end
    local max = g.max < NO_LIMIT and format.size(g.max) or "max"
    evidence[#evidence + 1] = ("control group %s: %d kills, memory.max %s"):format(g.path, g.kills, max)
  end
  report {severity = told > 0 and "info" or "warning", confidence = "certain", evidence = evidence,
    title = ("OOM killer: %d tasks were killed of which the log does not tell"):format(counted - told)}
end

-- The signal_struct of a process that has its memory yet and was chosen: oom_mm is set then, and stays until that memory is freed.
local function victim(t)
  local mm = t.pid == t.tgid and t.task.mm
  local signal = mm and t.task.signal
  return signal and signal.oom_mm and signal or nil
end

local function tell_victim(context, report, t, signal, kill)
  local usage, since = mm_types.usage(t.task.mm), kill and context:now_ns() - kill.time_ns
  local evidence = {("signal_struct 0x%x: oom_mm 0x%x; %s of anonymous memory"):format(object.addr(signal), object.addr(signal.oom_mm),
    format.size(usage.anon_bytes))}
  for _, frame in ipairs(kvm_error.try(context.stack, context, t) or {}) do evidence[#evidence + 1] = context:symbol_text(frame.pc) end
  report {severity = since and since < SLOW_NS and "info" or "error", confidence = "certain", pids = {t.pid}, evidence = evidence,
    title = ("OOM victim %s (pid %d) has not gone%s: it is in state %s and holds %s"):format(t.comm, t.pid,
      since and (" for %s"):format(format.duration(since)) or "", t.state, format.size(usage.rss_bytes))}
end

-- One process that can't be read hides no other.
local function tell_victims(context, report, kills)
  if not types.of(context.k, "struct signal_struct"):strip():field "oom_mm" then return end -- since 4.9
  local killed, failed = {}, nil
  for _, kill in ipairs(kills) do killed[kill.pid] = kill end
  for _, t in ipairs(context:tasks()) do
    local signal, err = kvm_error.try(victim, t)
    failed = failed or err
    if signal then tell_victim(context, report, t, signal, killed[t.pid]) end
  end
  if failed then error(failed, 0) end
end

--- Tells of tasks that were killed for want of memory.
-- @tparam table context what kvm.linux.check.context makes
-- @tparam function report called with each finding
-- @raise kvm.Error where the log or the tasks can't be read
-- @usage local function none() return {} end
-- require "kvm.linux.check.oom".run({k = k, log = none, tasks = none}, function(f) assert(f.title) end)
function M.run(context, report)
  local s = scan(context:log())
  tell_panic(context, report, s)
  tell_kills(context, report, s)
  tell_counted(context, report, #s.kills)
  tell_victims(context, report, s.kills)
end

return M
