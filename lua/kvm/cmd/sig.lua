-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm sig: the signals of tasks: pending, blocked, ignored, caught, and what is queued; with --limits their resource limits.
local signal = require "kvm.linux.signal"
local task_parts = require "kvm.cmd.task_parts"
local tasks = require "kvm.cmd.tasks"
local walk = require "kvm.cmd.walk"

local M = {
  name = "sig",
  summary = "signals and limits of tasks",
  operands = {tasks.OPERAND},
  options = {
    {flags = "-l --limits", help = "resource limits, as /proc/PID/limits has them"},
    {flags = "--threads", help = "every thread"},
  },
  columns = {
    {name = "pid", kind = "integer", title = "PID", width = 6},
    {name = "tid", kind = "integer"},
    {name = "comm", kind = "string", title = "COMM", width = 16, left = true},
    {name = "pending", kind = "hex"},
    {name = "shared", kind = "hex"},
    {name = "blocked", kind = "hex"},
    {name = "ignored", kind = "hex"},
    {name = "caught", kind = "hex"},
    {name = "queued", kind = "records", columns = {{name = "number", kind = "integer"}, {name = "name", kind = "string"},
      {name = "code", kind = "integer"}, {name = "pid", kind = "integer"}, {name = "uid", kind = "integer"}, {name = "shared",
        kind = "boolean"},
      {name = "addr", kind = "hex"}}},
    {name = "limits", kind = "records", columns = {{name = "name", kind = "string"}, {name = "unit", kind = "string"},
      {name = "soft", kind = "integer"}, {name = "hard", kind = "integer"}}},
    {name = "addr", kind = "hex"},
    {name = "partial", kind = "strings"},
    {name = "what", kind = "string", title = "SIGNALS", left = true, width = 0, json = false},
  },
  no_match = "no task matches",
}

local function queued(task)
  local out = {}
  for _, part in ipairs {{task.pending, false}, {task.signal.shared_pending, true}} do
    for s in signal.for_each_queued(part[1]) do
      s.name, s.shared = signal.name(s.number), part[2]
      out[#out + 1] = s
    end
  end
  return out
end

local WORDS <const> = {"pending", "shared", "blocked", "ignored", "caught"}

local function words_of(rec)
  local out = {}
  for _, key in ipairs(WORDS) do
    if rec[key] and rec[key] ~= 0 then out[#out + 1] = key .. ": " .. table.concat(signal.names(rec[key]), " ") end
  end
  if rec.limits then out[#out + 1] = task_parts.limit_words(rec.limits) end
  return table.concat(out, "; ")
end

local function record(p, task, opts)
  local rec = {pid = p.pid, tid = p.tid, comm = p.comm, addr = p.addr}
  for key, mask in pairs(walk.field(rec, "blocked", signal.masks, task) or {}) do rec[key] = mask end
  rec.queued = walk.field(rec, "queued", queued, task)
  if opts.limits then rec.limits = walk.field(rec, "limits", signal.limits, task) end
  rec.what = words_of(rec)
  return rec
end

--- The signals of tasks.
-- @param k an open handle
-- @tparam[opt] table opts pids ({integer|string,...}: ids and names), threads, limits
-- @treturn function an iterator of records: pid, tid, comm, masks of 64 bits (bit N - 1 is signal N): pending (for the thread), shared
--  (for the process), blocked, ignored, caught; queued ({{number, name, code, pid, uid, shared, addr},...}), limits ({{name, unit, soft,
--  hard},...}; -1: unlimited), addr (`struct task_struct *`), partial (keys that could not be read); what is damaged as kvm.cmd.walk
--  tells it
-- @raise kvm.Error
-- @usage for s in require "kvm.cmd.sig".run(k, {pids = {1}}) do assert(s.stopped or s.pid == 1) end
function M.run(k, opts)
  opts = opts or {}
  return walk.records(function(emit)
    for p, task in tasks.each(k, opts.pids, opts.threads) do emit(record(p, task, opts)) end
  end)
end

return M
