-- SPDX-License-Identifier: BSD-2-Clause
-- Every task that a guest printed is in its dump, with the same fields; none is missing. More than it printed can only
-- be tasks that were not there all the time (truth's volatile) or were born while it printed or later.
local matrix = require "spec.kernels.matrix"

local PF_WQ_WORKER = 0x20

-- /proc appends to the comm of a kworker what it works on, and shows the long names of kernel threads (since 5.17),
-- where task_struct.comm has 15 bytes. Rescuers are workers too, called like their queue, since 6.9 kworker/R-....
local function comm_of(t)
  local comm = t.comm
  if t.flags & PF_WQ_WORKER ~= 0 and comm:find "^kworker/" and not comm:find "^kworker/R%-" then
    comm = comm:match "^[^-+]*"
  end
  return comm:sub(1, 15)
end

local function threads_of(k)
  local out = {}
  for p in k:procs(nil, nil, true) do
    assert.is_nil(out[p.tid], "twice: " .. p.tid)
    out[p.tid] = p
  end
  return out
end

-- Our field, /proc's, the part of the task that it is read from.
local FIELDS = {
  {"pid", "tgid", "task"}, {"ppid", "ppid", "task"}, {"pgid", "pgrp", "signal"}, {"sid", "session", "signal"},
  {"nice", "nice", "task"}, {"threads", "num_threads", "signal"}, {"policy", "policy", "task"},
  {"rt_priority", "rt_priority", "task"},
}

-- makedumpfile 1.7 takes slab pages of 7.2 for free ones and leaves them out: half the tasks are in the dump in parts.
-- Nowhere else is one.
local function may_be_partial(dump) return dump.key == "k72" and dump.is_filtered end

local function has(p, part)
  for _, name in ipairs(p.partial or {}) do
    if name == part then return false end
  end
  return true
end

local function compare(report, t, p)
  local tid = p.tid
  for _, f in ipairs(FIELDS) do
    if has(p, f[3]) and p[f[1]] ~= t[f[2]] then report.add("%d (%s): %s is %s, was %s", tid, t.comm, f[1], p[f[1]], t[f[2]]) end
  end
  if not has(p, "task") then return end
  if p.comm ~= comm_of(t) then report.add("%d: comm is %s, was %s", tid, p.comm, t.comm) end
  -- /proc counts in hundredths of a second.
  if p.start_ns // 10000000 ~= t.starttime then
    report.add("%d (%s): start_ns is %d, starttime was %d", tid, t.comm, p.start_ns, t.starttime)
  end
  if has(p, "times") and p.utime_ns + 10000000 < t.utime * 10000000 then
    report.add("%d (%s): utime_ns is %d, was %d before", tid, t.comm, p.utime_ns, t.utime * 10000000)
  end
end

matrix.each(function(dump)
  local tasks

  setup(function() tasks = threads_of(dump:open()) end)

  it("has every task that the guest printed, with the same fields", function()
    local report = matrix.report()
    for tid, t in pairs(dump:truth().tasks) do
      local p = tasks[tonumber(tid)]
      if p then compare(report, t, p) else report.add("%s (%s) is missing", tid, t.comm) end
    end
    report.check()
  end)

  it("has every task whole", function()
    local report, partial, whole = matrix.report(), 0, 0
    for tid, p in pairs(tasks) do
      if p.partial then
        partial = partial + 1
        report.add("%d (%s): no %s", tid, p.comm, table.concat(p.partial, ", "))
      else
        whole = whole + 1
      end
    end
    if may_be_partial(dump) then
      assert.is_true(partial > 0 and whole > 50, partial .. " partial")
    else
      report.check()
    end
  end)

  -- What slept may be awake in the instant of the dump: at most one task for each CPU is, or it waits for a CPU. What ran when
  -- the guest printed it may sleep since.
  it("has the same states", function()
    local report, changed = matrix.report(), 0
    for tid, t in pairs(dump:truth().tasks) do
      local p = tasks[tonumber(tid)]
      if p and has(p, "task") and p.state ~= t.state and p.state ~= t.state1 then
        if p.state == "R" and t.state:find "[SI]" or t.state == "R" and p.state:find "[SI]" then
          changed = changed + 1
        else
          report.add("%s (%s): state is %s, was %s", tid, t.comm, p.state, t.state)
        end
      end
    end
    report.check()
    assert.is_true(changed <= 4, changed .. " tasks have woken up or gone to sleep")
  end)

  -- Those that slept from the start to the end of the printing: the times of others go on.
  it("has their times within a tick, and their terminals", function()
    local report, compared, terminals = matrix.report(), 0, 0
    for tid, t in pairs(dump:truth().tasks) do
      local p = tasks[tonumber(tid)]
      if p and has(p, "times") and has(p, "tty") then
        local is_quiet = t.state == "S" and t.state1 == "S" and p.mm ~= 0 and t.comm ~= "init" and t.comm ~= "sh"
        if is_quiet and not dump.is_busy then
          compared = compared + 1
          if math.abs(p.utime_ns // 10000000 - t.utime) > 1 or math.abs(p.stime_ns // 10000000 - t.stime) > 1 then
            report.add("%s (%s): %d and %d ns, were %d and %d ticks", tid, t.comm, p.utime_ns, p.stime_ns, t.utime, t.stime)
          end
        end
        if (p.tty_dev or 0) ~= t.tty_nr then report.add("%s: terminal %s, was %d", tid, p.tty_dev, t.tty_nr) end
        if t.tty_nr ~= 0 then
          terminals = terminals + 1
          assert.are.same({"ttyS0", 4 << 8 | 64}, {p.tty, p.tty_dev})
        end
      end
    end
    report.check()
    if may_be_partial(dump) then return end
    assert.is_true(dump.is_busy or compared > 200, compared)
    assert.are.equal(1, terminals)
  end)

  it("has no other tasks than young ones", function()
    local truth, report = dump:truth(), matrix.report()
    local born_since = (truth.at.tasks1 - 0.01) * 1e9
    for tid, p in pairs(tasks) do
      local key = tostring(tid)
      if not truth.tasks[key] and not truth.volatile[key] and p.start_ns < born_since then
        report.add("%d (%s) of %.2f s", tid, p.comm, p.start_ns / 1e9)
      end
    end
    report.check()
  end)

  it("has the user and group ids, and the address space sizes", function()
    local truth, report, compared = dump:truth(), matrix.report(), 0
    for pid, id in pairs(truth.ids) do
      local p = tasks[tonumber(pid)]
      if p and truth.tasks[pid] then
        local ids = ("%d %d %d %d %d %d"):format(p.ruid, p.uid, p.svuid, p.rgid, p.gid, p.svgid)
        local was = ("%d %d %d %d %d %d"):format(id.uid[1], id.uid[2], id.uid[3], id.gid[1], id.gid[2], id.gid[3])
        if has(p, "cred") and ids ~= was then report.add("%s: ids are %s, were %s", pid, ids, was) end
        if pid ~= "1" and has(p, "mm") and p.vsz_bytes ~= (id.vmsize or 0) * 1024 then -- init's shell grows while it prints
          report.add("%s (%s): vsz_bytes is %d, was %d kB", pid, p.comm, p.vsz_bytes, id.vmsize or 0)
        end
        compared = compared + 1
      end
    end
    report.check()
    assert.is_true(compared > 200)
  end)

  it("finds the task that is not root's", function()
    local found = {}
    for _, p in pairs(tasks) do
      if p.uid == 65534 then found[#found + 1] = p.comm end
    end
    assert.are.same({"sleep"}, found)
  end)

  it("selects by process, group, session and user", function()
    local k, truth = dump:open(), dump:truth()
    local main = truth.workload.pid
    local function tids(...)
      local out = {}
      for p in k:procs(...) do out[p.tid] = p.comm end
      return out
    end
    assert.are.same({[main] = "labmain"}, tids("pid", main))
    local threads = {[main] = "labmain"}
    for name, tid in pairs(truth.workload.threads) do threads[tid] = name end
    assert.are.same(threads, tids("pid", main, true))
    for tid, t in pairs(truth.tasks) do
      if t.session == tonumber(tid) and t.comm == "sleep" and has(tasks[t.session], "signal") then
        assert.are.same({[t.session] = "sleep"}, tids("session", t.session))
        assert.are.same({[t.pgrp] = "sleep"}, tids("pgrp", t.pgrp))
      end
    end
  end)
end)
