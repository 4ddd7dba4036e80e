-- SPDX-License-Identifier: BSD-2-Clause
-- The parts of a report: which records of which command each is made of, as tables and charts. A part takes a Source (report.lua) and
-- returns what kvm.report.html has as a part.
local bars = require "kvm.report.bars"
local flame_graph = require "kvm.flame_graph"
local format = require "kvm.format"
local kvm_error = require "kvm.error"
local lock_waits = require "kvm.linux.check.lock_waits"
local memory_holders = require "kvm.linux.check.memory_holders"
local meminfo = require "kvm.linux.meminfo"
local sched = require "kvm.linux.sched"
local stack = require "kvm.stack"
local timeline = require "kvm.report.timeline"
local treemap = require "kvm.report.treemap"
local wait_graph = require "kvm.report.wait_graph"

local M = {}

-- --- tables: columns as kvm.report.table has them

local TABLES <const> = {
  tasks = {key = "tid", columns = {
    {name = "tid", kind = "integer"}, {name = "pid", kind = "integer", minor = true}, {name = "ppid", kind = "pid"},
    {name = "uid", kind = "integer", minor = true}, {name = "comm", kind = "string"}, {name = "state", kind = "string", title = "S"},
    {name = "cpu", kind = "integer"}, {name = "prio", kind = "integer", minor = true},
    {name = "asleep_ns", kind = "duration", title = "ASLEEP"}, {name = "time_ns", kind = "duration", title = "TIME", minor = true},
    {name = "start_ns", kind = "duration", title = "START", minor = true}, {name = "rss_bytes", kind = "size", title = "RSS"},
    {name = "vsz_bytes", kind = "size", title = "VSZ", minor = true}, {name = "stack", kind = "stack"},
    {name = "command", kind = "words", minor = true}, {name = "addr", kind = "hex", title = "TASK", detail = true},
    {name = "tty", kind = "string", detail = true},
  }},
  stacks = {key = "stack", columns = {
    {name = "stack", kind = "integer"}, {name = "count", kind = "integer", title = "TASKS"},
    {name = "lines", kind = "lines", title = "FRAMES"}, {name = "comms", kind = "words", title = "NAMES", minor = true},
    {name = "tids", kind = "pids"},
    {name = "why", kind = "words", title = "ENDS EARLIER", detail = true},
  }},
  locks = {columns = {
    {name = "lock", kind = "words"}, {name = "owner", kind = "pid", title = "HOLDER"},
    {name = "owner_comm", kind = "string", title = "NAME"},
    {name = "held", kind = "words", title = "WHAT IS KNOWN OF HOLDERS", minor = true}, {name = "waiter", kind = "pid"},
    {name = "waiter_comm", kind = "string", title = "NAME"}, {name = "state", kind = "string", title = "S"},
    {name = "what", kind = "string", title = "WANTED BY", minor = true},
  }},
  runq = {columns = {
    {name = "cpu", kind = "integer"}, {name = "class", kind = "string"}, {name = "pid", kind = "pid"}, {name = "comm", kind = "string"},
    {name = "prio", kind = "integer"}, {name = "waiting_ns", kind = "duration", title = "WAITING"},
    {name = "running", kind = "integer", title = "IN QUEUE"}, {name = "util_avg", kind = "integer", title = "UTIL", minor = true},
    {name = "load_avg", kind = "integer", title = "LOAD", minor = true}, {name = "addr", kind = "hex", title = "TASK", minor = true},
  }},
  log = {tail = true, level = true, columns = {
    {name = "seq", kind = "integer", minor = true}, {name = "time_ns", kind = "seconds", title = "TIME"}, {name = "level", kind = "level"},
    {name = "caller", kind = "caller", minor = true}, {name = "text", kind = "said"},
  }},
  modules = {columns = {
    {name = "name", kind = "string", title = "MODULE"}, {name = "size", kind = "size"}, {name = "refs", kind = "integer"},
    {name = "taints", kind = "string"}, {name = "state", kind = "string"}, {name = "used_by", kind = "strings", title = "USED BY"},
    {name = "addr", kind = "hex", title = "ADDRESS", minor = true},
  }},
  mounts = {columns = {
    {name = "id", kind = "integer", minor = true}, {name = "dev", kind = "words", title = "DEVICE"},
    {name = "dir", kind = "words", title = "DIRECTORY"}, {name = "fstype", kind = "string", title = "TYPE"},
    {name = "options", kind = "words", minor = true}, {name = "addr", kind = "hex", title = "MOUNT", minor = true},
  }},
  slabs = {sort = "-bytes", columns = {
    {name = "name", kind = "string", title = "CACHE"}, {name = "bytes", kind = "size"}, {name = "active", kind = "integer"},
    {name = "objects", kind = "integer"}, {name = "object_bytes", kind = "integer", title = "OBJECT SIZE"},
    {name = "slabs", kind = "integer", minor = true}, {name = "addr", kind = "hex", title = "ADDRESS", minor = true},
  }},
  meminfo = {columns = {
    {name = "name", kind = "string"}, {name = "bytes", kind = "size"}, {name = "count", kind = "integer"},
  }},
}

-- A part with a table of records; without any it says why.
local function with_table(id, title, records, why)
  local known = TABLES[id]
  local t = {records = records}
  for key, value in pairs(known) do t[key] = value end
  if #records == 0 and #why == 0 then why = {"there are none"} end
  return {id = id, title = title, why = why, table = #records > 0 and t or nil}
end

-- --- memory

local function memory_groups(source)
  local k, context = source.k, source.context
  local info = meminfo.all(k)
  if not info.MemTotal or not info.MemFree then kvm_error.fail("notfound", "this kernel has no counters of its memory") end
  local groups, held = {}, 0
  for _, holder in ipairs(memory_holders.all(k, info)) do
    local named, err = {}, nil
    if holder.kind ~= memory_holders.UNACCOUNTED then named, err = memory_holders.named(context, holder) end
    groups[#groups + 1] = {name = holder.kind.what, bytes = holder.bytes, named = named, why = err and tostring(err)}
    held = held + holder.bytes
  end
  groups[#groups + 1] = {name = "free", bytes = math.max(info.MemTotal - held, 0), is_free = true}
  return groups, info.MemTotal
end

local function memory(source)
  local records, why = source:records("kmem", {info = true})
  local part = with_table("meminfo", "Memory by owner", records, why)
  local groups, total = source:try("memory by owner", memory_groups, source)
  if groups then
    part.html = treemap.html(groups)
    part.note = ("%s in all. Processes share pages, so the boxes of processes can hold more than their kind has; what has no box of its "
      .. "own is \"others\". Below: the counters of /proc/meminfo."):format(format.size(total))
  end
  return part
end

-- --- tasks

local function state_bars(records)
  local counts, items = {}, {}
  for _, t in ipairs(records) do counts[t.state] = (counts[t.state] or 0) + 1 end
  for state, count in pairs(counts) do
    items[#items + 1] = {name = ("%s (%s)"):format(state, sched.STATES[state] or "unknown"), count = count}
  end
  return bars.html(items, "tasks by state")
end

local function states(source)
  local records, why = source:tasks()
  return {id = "states", title = "Tasks by state", why = why, html = #records > 0 and state_bars(records) or nil,
    note = #records > 0 and ("%d tasks, each thread counted"):format(#records) or nil}
end

local function tasks(source)
  local records, why = source:tasks()
  local part = with_table("tasks", "Tasks", records, why)
  part.note = "ASLEEP: how long a task has not run; TIME: what it took of CPUs; START: after boot. + shows its stack."
  return part
end

-- --- CPUs

local COLOURS <const> = 12

local function span(t, clock)
  return {name = ("%s (%d)"):format(t.comm, t.tid), from_ago = math.max(clock - t.ran_from_ns, 0),
    to_ago = t.ran_until_ns and math.max(clock - t.ran_until_ns, 0) or 0, is_open = not t.ran_until_ns,
    class = "g" .. t.tid % COLOURS + 1, link = "tasks?row=" .. t.tid}
end

local function cpus(source)
  local records, why = source:records("runq", {})
  local part = with_table("runq", "CPUs: what ran last", records, why)
  local rows, by_cpu = {}, {}
  for _, r in ipairs(records) do
    if r.class == "current" then
      rows[#rows + 1] = {name = "CPU " .. r.cpu, spans = {}, clock = r.clock_ns}
      by_cpu[r.cpu] = rows[#rows]
    end
  end
  for _, t in ipairs((source:tasks())) do
    local row = by_cpu[t.cpu]
    if row and t.ran_from_ns then table.insert(row.spans, span(t, row.clock)) end
  end
  local hidden
  part.html, hidden = timeline.html(rows)
  part.note = "Of each task the last time that it was on a CPU, which is all that the scheduler keeps (sched_info.last_arrival, "
    .. "se.exec_start): a gap does not mean that a CPU was idle. The end, at the right, is the clock of that CPU's run queue; the axis is "
    .. "logarithmic."
  if hidden and hidden > 0 then part.note = ("%s %d short runs are hidden by others."):format(part.note, hidden) end
  if not part.html and #records > 0 then part.why[#part.why + 1] = "the dump does not tell when tasks ran" end
  return part
end

-- --- stacks

local MOST_NAMES <const> = 6

local function names_text(comms)
  local names, out = {}, {}
  for comm in pairs(comms) do names[#names + 1] = comm end
  table.sort(names, function(a, b)
    if comms[a] ~= comms[b] then return comms[a] > comms[b] end
    return a < b
  end)
  for i, comm in ipairs(names) do
    if i > MOST_NAMES then
      out[i] = ("%d more"):format(#names - MOST_NAMES)
      break
    end
    out[i] = comms[comm] > 1 and ("%s (%d)"):format(comm, comms[comm]) or comm
  end
  return table.concat(out, ", ")
end

--- Equal stacks once, those of most tasks first, with numbers.
-- @tparam {table,...} records of the command bt
-- @treturn {table,...} stack (its number), count, lines ({string,...}), comms (text), tids, why
-- @treturn table numbers by a task's address
-- @usage local list = require "kvm.cmd.report_parts".group {{tid = 1, comm = "a", addr = 1, frames = {}}} assert(list[1].count == 1)
function M.group(records)
  local by_key, list, numbers = {}, {}, {}
  for _, rec in ipairs(records) do
    local lines, on = {}, nil
    for i, frame in ipairs(rec.frames or {}) do
      lines[#lines + 1] = (frame.trusted and "" or "? ") .. stack.place(frame)
      if i > 1 and frame.stack and frame.stack ~= on then table.insert(lines, #lines, ("<%s stack>"):format(frame.stack)) end
      on = frame.stack or on
    end
    if not lines[1] then lines[1] = rec.user and "[user mode]" or "[no stack]" end
    local key = table.concat(lines, "\n") .. "\n" .. (rec.why or "")
    local group = by_key[key]
    if not group then
      group = {lines = lines, why = rec.why, count = 0, tids = {}, names = {}}
      by_key[key], list[#list + 1] = group, group
    end
    group.count = group.count + 1
    group.tids[group.count] = rec.tid
    group.names[rec.comm] = (group.names[rec.comm] or 0) + 1
    numbers[rec.addr] = group
  end
  table.sort(list, function(a, b)
    if a.count ~= b.count then return a.count > b.count end
    return a.tids[1] < b.tids[1]
  end)
  for i, group in ipairs(list) do group.stack, group.comms = i, names_text(group.names) end
  for addr, group in pairs(numbers) do numbers[addr] = group.stack end
  return list, numbers
end

local function flame(source)
  local records, why = source:records("bt", {all = true})
  local part = {id = "flame", title = "Flame graph of all stacks", why = why}
  local stacks = {}
  for i, rec in ipairs(records) do
    stacks[i] = {root = rec.comm, names = flame_graph.names(rec.frames or {})}
  end
  if #stacks == 0 then return part end
  local svg, drawn = flame_graph.svg(flame_graph.tree(stacks), {title = ("%d stacks"):format(#stacks), part = true})
  part.html = ('<div class="scroll">%s</div>'):format(svg)
  part.note = "Functions above those that called them, as wide as the number of tasks whose stacks go through them. A click zooms."
  if drawn.left_out > 0 then part.note = ("%s %d frames are too narrow to be seen."):format(part.note, drawn.left_out) end
  return part
end

local function stacks(source)
  local list, _, why = source:stacks()
  local part = with_table("stacks", "Stacks", list, why)
  part.note = "Equal stacks once, the innermost function first. + shows all frames; ? marks what was only found on the stack."
  return part
end

-- --- locks

local function task_of(t) return {key = t.addr, pid = t.pid, comm = t.comm} end

local function read_locks(context)
  local waits, records = {}, {}
  for _, w in ipairs((lock_waits.all(context))) do
    local text, short = lock_waits.lock_text(context, w)
    local held = table.concat(lock_waits.holders(context, w), "; ")
    waits[#waits + 1] = {task = task_of(w.task), lock = ("%x %s"):format(w.lock, w.bit or ""), lock_name = short,
      held = not w.owner and (w.held or w.owner_addr and held or "holder not recorded") or nil, owner = w.owner and task_of(w.owner)}
    records[#records + 1] = {lock = text, owner = w.owner and w.owner.pid, owner_comm = w.owner and w.owner.comm, held = held,
      waiter = w.task.pid, waiter_comm = w.task.comm, state = w.task.state, what = w.what}
  end
  return waits, records
end

local function locks(source)
  local waits, records = source:try("locks", read_locks, source.context)
  if not waits then return {id = "locks", title = "Locks", why = source:reasons "locks"} end
  local part = with_table("locks", "Locks", records, {})
  if #records == 0 then part.why = {"no task waits for a lock that is known"} end
  local svg, left_out = wait_graph.html(waits)
  if svg then
    part.html = ('<div class="scroll">%s</div>'):format(svg)
    part.note = "A task, the lock it waits for, who holds that. Red is a circle: a deadlock."
    if left_out > 0 then part.note = ("%s %d waits are in the table alone."):format(part.note, left_out) end
  end
  return part
end

-- --- the rest: a command's records as they are

local function plain(id, title, command, opts, note)
  return function(source)
    local part = with_table(id, title, source:records(command, opts))
    part.note = note
    return part
  end
end

--- The parts in their order: name, function.
M.PARTS = {
  {"memory", memory}, {"states", states}, {"CPUs", cpus}, {"flame graph", flame}, {"locks", locks}, {"tasks", tasks}, {"stacks", stacks},
  {"log", plain("log", "Log", "log", {}, "The end first of all; numbers of tasks that are there yet are links.")},
  {"modules", plain("modules", "Modules", "mod", {})}, {"mounts", plain("mounts", "Mounts", "mount", {}, "As process 1 sees them.")},
  {"slabs", plain("slabs", "Slab caches", "kmem", {slab = true})},
}

return M
