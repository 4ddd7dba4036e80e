-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm wq: what the workers of the kernel run and what waits for them, pool by pool; with --queues the workqueues.
local cpumask = require "kvm.linux.cpumask"
local jiffies = require "kvm.linux.jiffies"
local object = require "kvm.object"
local walk = require "kvm.cmd.walk"
local words = require "kvm.cmd.words"
local workqueue = require "kvm.linux.workqueue"

local M = {
  name = "wq",
  summary = "workers, what they run, what waits for them",
  operands = {},
  options = {
    {flags = "-a --all", help = "also pools and workers that have nothing to do"},
    {flags = "-q --queues", help = "the workqueues instead"},
    {flags = "-w --workqueue", value = "NAME", help = "only what is of workqueues of that name; * stands for any text"},
  },
  columns = {
    {name = "kind", kind = "string", title = "KIND", width = 8, left = true},
    {name = "pool", kind = "integer", title = "POOL", width = 4},
    {name = "cpu", kind = "integer", title = "CPU", width = 4},
    {name = "nice", kind = "integer", title = "NICE", width = 4},
    {name = "pid", kind = "integer", title = "PID", width = 7},
    {name = "comm", kind = "string"},
    {name = "workqueue", kind = "string", title = "WORKQUEUE", width = 20, left = true},
    {name = "func", kind = "string"},
    {name = "desc", kind = "string"},
    {name = "age_ns", kind = "duration"},
    {name = "cpu_ns", kind = "duration"},
    {name = "remaining_ns", kind = "duration"},
    {name = "workers", kind = "integer"},
    {name = "idle", kind = "integer"},
    {name = "stalled_ns", kind = "duration"},
    {name = "flags", kind = "strings"},
    {name = "max_active", kind = "integer"},
    {name = "active", kind = "integer"},
    {name = "inactive", kind = "integer"},
    {name = "rescuer", kind = "integer"},
    {name = "addr", kind = "hex", title = "ADDR", width = 18, left = true},
    {name = "partial", kind = "strings"},
    {name = "what", kind = "string", title = "WHAT", left = true, width = 0, json = false},
  },
  no_match = "no worker runs anything and nothing waits",
}

local function seconds(ns) return ("%.3f s"):format(ns / 1e9) end

local function name_of(wq) return wq and workqueue.name(wq) or nil end

-- Words of a worker's record.
local function worker_words(rec)
  if not rec.func then return (rec.comm or "?") .. ", idle" end
  local out = {("%s runs %s"):format(rec.comm or "?", rec.func)}
  if rec.age_ns then out[#out + 1] = "for " .. seconds(rec.age_ns) end
  if rec.cpu_ns then out[#out + 1] = ("%s of CPU time"):format(seconds(rec.cpu_ns)) end
  return table.concat(out, ", ")
end

local function worker_record(pool, worker)
  local rec = {kind = "worker", pool = pool.id, cpu = pool.cpu, addr = object.addr(worker)}
  local task = worker.task
  rec.pid = task and walk.field(rec, "pid", function() return task.pid end)
  rec.comm = task and walk.field(rec, "comm", function() return task.comm end) or "softirq"
  local run = walk.field(rec, "func", workqueue.running, worker)
  if run then
    rec.func, rec.age_ns, rec.cpu_ns = run.func, run.age_ns, run.cpu_ns
    rec.workqueue = walk.field(rec, "workqueue", name_of, run.wq)
  end
  rec.desc = walk.field(rec, "desc", function() return worker.desc ~= "" and worker.desc or nil end)
  rec.what = worker_words(rec)
  return rec
end

local function work_record(kind, pool, work, wq)
  local rec = {kind = kind, pool = pool.id, cpu = pool.cpu, addr = object.addr(work)}
  rec.func = walk.field(rec, "func", workqueue.func, work)
  rec.workqueue = walk.field(rec, "workqueue", function() return name_of(wq or workqueue.of_work(work)) end)
  rec.what = rec.func or "?"
  return rec
end

local function pool_record(pool)
  local rec = {kind = "pool", pool = pool.id, cpu = pool.cpu, workers = pool.nr_workers, idle = pool.nr_idle, addr = object.addr(pool)}
  rec.nice = walk.field(rec, "nice", function() return pool.attrs.nice end)
  rec.stalled_ns = walk.field(rec, "stalled_ns", workqueue.stalled_ns, pool)
  rec.what = ("%d workers, %d idle%s"):format(rec.workers, rec.idle, rec.stalled_ns and ", no progress for " .. seconds(rec.stalled_ns)
    or "")
  return rec
end

-- A pool, its workers, what waits for them. Pools without work are left out but with ALL.
local function pool_records(pool, opts, wanted, emit)
  local head = pool_record(pool)
  local function tell_head()
    if head then emit(head) end
    head = nil
  end
  local function tell(rec)
    if not wanted(rec) then return end
    tell_head()
    emit(rec)
  end
  if opts.all and not opts.workqueue then tell_head() end
  for worker in workqueue.for_each_worker(pool) do
    if opts.all or worker.current_work then tell(worker_record(pool, worker)) end
  end
  for work in workqueue.for_each_pending(pool) do tell(work_record("pending", pool, work)) end
end

local function inactive_records(wq, wanted, emit)
  for pwq in workqueue.for_each_pwq(wq) do
    for work in workqueue.for_each_inactive(pwq) do
      local rec = work_record("inactive", pwq.pool, work, wq)
      if wanted(rec) then emit(rec) end
    end
  end
end

local function delayed_records(k, cpu, wanted, emit)
  local tick = jiffies.tick_ns(k)
  for delayed, left in workqueue.for_each_delayed(k, cpu) do
    local rec = {kind = "delayed", cpu = cpu, addr = object.addr(delayed), remaining_ns = left * tick}
    rec.func = walk.field(rec, "func", function() return workqueue.func(delayed.work) end)
    rec.workqueue = walk.field(rec, "workqueue", function() return name_of(delayed.wq) end)
    rec.what = ("%s in %s"):format(rec.func or "?", seconds(rec.remaining_ns))
    if wanted(rec) then emit(rec) end
  end
end

local function queue_record(wq)
  local rec = {kind = "queue", addr = object.addr(wq)}
  rec.workqueue = walk.field(rec, "workqueue", workqueue.name, wq)
  rec.flags = walk.field(rec, "flags", workqueue.flags, wq)
  rec.max_active = walk.field(rec, "max_active", function() return wq.saved_max_active end)
  rec.rescuer = walk.field(rec, "rescuer", function() return wq.rescuer and wq.rescuer.task.pid or nil end)
  rec.active, rec.inactive = walk.field(rec, "active", function()
    local active, inactive = 0, 0
    for pwq in workqueue.for_each_pwq(wq) do
      active = active + pwq.nr_active
      for _ in workqueue.for_each_inactive(pwq) do inactive = inactive + 1 end
    end
    return active, inactive
  end)
  rec.what = ("%s active, %s inactive, at most %s%s"):format(rec.active or "?", rec.inactive or "?", rec.max_active or "?",
    rec.flags and rec.flags[1] and "; " .. table.concat(rec.flags, " ") or "")
  return rec
end

local function filter(opts)
  local glob = opts.workqueue and words.glob(opts.workqueue)
  return function(rec) return not glob or rec.workqueue and rec.workqueue:find(glob) ~= nil end
end

--- What workers run and what waits for them.
-- @param k an open handle
-- @tparam[opt] table opts all, queues, workqueue (name; * stands for any text)
-- @treturn function an iterator of records by kind. "pool": pool (number), cpu (-1: of none), nice, workers, idle (numbers), stalled_ns (no
--  progress although works wait); behind it "worker": pid (nil: it is a softirq), comm, workqueue, func (that it runs), desc, age_ns
--  (since 7.0), cpu_ns (since 6.5); "pending": func, workqueue; at the end "inactive" (held back by max_active) and "delayed": func,
--  workqueue, remaining_ns, cpu. With queues "queue": workqueue (name), flags, max_active, active, inactive (works), rescuer (process
--  id). All: addr (of the structure), partial (keys that could not be read); what is damaged as kvm.cmd.walk tells it
-- @raise kvm.Error
-- @usage for r in require "kvm.cmd.wq".run(k, {all = true}) do assert(r.kind or r.stopped) end
function M.run(k, opts)
  opts = opts or {}
  local wanted = filter(opts)
  return walk.records(function(emit)
    if not opts.queues then
      for pool in workqueue.for_each_pool(k) do walk.part(emit, pool_records, pool, opts, wanted, emit) end
    end
    for wq in workqueue.for_each(k) do
      if opts.queues then
        local rec = queue_record(wq)
        if wanted(rec) then emit(rec) end
      else
        walk.part(emit, inactive_records, wq, wanted, emit)
      end
    end
    if opts.queues then return end
    for _, cpu in ipairs(cpumask.of(k, "online")) do walk.part(emit, delayed_records, k, cpu, wanted, emit) end
  end)
end

return M
