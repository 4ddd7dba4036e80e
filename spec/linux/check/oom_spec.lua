-- SPDX-License-Identifier: BSD-2-Clause
local check = require "kvm.linux.check.oom"
local files = require "spec.support.files"
local groups = require "spec.support.cgroup"
local harness = require "spec.support.harness"
local kvm = require "kvm"
local memory = require "spec.support.memory"

local S = memory.START
local MM, SIGNAL, TASK, EVENTS, CPUS = S + 0x1000, S + 0x1200, S + 0x1240, S + 0x1300, S + 0x1340
local SECOND <const> = 1000000000

-- As 6.1 prints it; the table has other columns in 7.2.
local GLOBAL <const> = {
  "hog invoked oom-killer: gfp_mask=0x140dca(GFP_HIGHUSER_MOVABLE|__GFP_COMP|__GFP_ZERO), order=0, oom_score_adj=0",
  "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name",
  "[    225]     0   225      578      348    36864       12             0 sleep 5",
  "[    642]     0   642   104763   104137   872448      398         -1000 a (hog)",
  "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/,task=a (hog),pid=642,uid=0",
  "Out of memory: Killed process 642 (a (hog)) total-vm:419052kB, anon-rss:2048kB, file-rss:4kB, shmem-rss:1388kB, UID:0 pgtables:852kB "
    .. "oom_score_adj:0",
}
local GROUP <const> = {
  "hog invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
  "[  pid  ]   uid  tgid total_vm      rss rss_anon rss_file rss_shmem pgtables_bytes swapents oom_score_adj name",
  "[    650]     0   650   100897   100711   100363        1       347   847872        0             0 hog",
  "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/lab,task_memcg=/lab/in,task=hog,pid=650,uid=0",
  "Memory cgroup out of memory: Killed process 650 (hog) total-vm:62372kB, anon-rss:19592kB, file-rss:4kB, shmem-rss:1388kB, UID:0",
}

describe("kvm.linux.check.oom", function()
  harness.guard()
  local k, symbols, log, now, tasks
  before_each(function()
    k = memory.open(files.DECLARATIONS .. [[
      struct cpumask { unsigned long bits[1]; };
      enum vm_event_item { PGFAULT, OOM_KILL, NR_VM_EVENT_ITEMS };
      struct signal_struct { struct mm_struct *oom_mm; };
      struct task_struct { struct mm_struct *mm; struct signal_struct *signal; };
    ]])
    symbols, log, tasks, now = memory.one_cpu(k, CPUS, 0), {}, {}, 100 * SECOND
    symbols.vm_event_states = EVENTS
    memory.symbols(symbols)
    assert(k:write(EVENTS, ("<i8i8"):pack(5, 0)))
  end)
  after_each(memory.forget)

  local function say(lines, seconds, facility)
    for _, line in ipairs(lines) do log[#log + 1] = {text = line, time_ns = seconds * SECOND, facility = facility or 0} end
    assert(k:write(EVENTS + 8, ("<i8"):pack(k:u64(EVENTS + 8) + 1)))
  end

  local function findings()
    local out = {}
    check.run({k = k, log = function() return log end, now_ns = function() return now end, tasks = function() return tasks end,
      stack = function() return {{pc = 0x1234}} end, symbol_text = function() return "stuck+0x4" end}, function(f) out[#out + 1] = f end)
    return out
  end

  it("is quiet where none was killed", function()
    log = {{text = "hello", time_ns = 0}, {code = "excluded"}}
    assert.are.same({}, findings())
  end)

  it("names the victim, what it had, and who asked", function()
    say(GLOBAL, 90)
    local f = findings()
    assert.are.same({1, "error", "certain", {642}}, {#f, f[1].severity, f[1].confidence, f[1].pids})
    assert.are.equal("OOM killer: memory was exhausted, the kernel killed a (hog) (pid 642), which had 2.0 MiB of anonymous memory, "
      .. "10.000 s before the dump; hog asked for memory", f[1].title)
    local evidence = table.concat(f[1].evidence, "\n")
    assert.matches("asked for by hog: order 0, 0x140dca(GFP_HIGHUSER_MOVABLE|__GFP_COMP|__GFP_ZERO)", evidence, 1, true)
    assert.matches("largest then: process 642 (a (hog)) with 407 MiB\nlargest then: process 225 (sleep 5) with 1.4 MiB", evidence, 1, true)
    now = 3600 * SECOND
    assert.are.equal("warning", findings()[1].severity)
  end)

  it("tells of control groups, and how often", function()
    say(GROUP, 80)
    say(GROUP, 95)
    local f = findings()
    assert.are.same({1, "warning", {650, 650}}, {#f, f[1].severity, f[1].pids})
    local evidence = table.concat(f[1].evidence, "\n")
    assert.matches("control group /lab reached its limit and killed 2 processes, the largest hog (pid 650), which had 19 MiB", f[1].title,
      1, true)
    assert.matches("CONSTRAINT_MEMCG, control group of the victim: /lab/in, out of memory: /lab", evidence, 1, true)
    assert.matches("2 killed, from 20.000 s before the dump to 5.000 s before the dump: hog 2", evidence, 1, true)
    say(GLOBAL, 99)
    assert.are.equal(2, #findings())
  end)

  it("tells other reasons, and kills of which the log has lost the beginning", function()
    say({(GLOBAL[5]:gsub("_NONE", "_CPUSET")), GLOBAL[6]}, 90)
    assert.matches("the memory of a cpuset's nodes was exhausted, .*; a task of which the log does not tell asked", findings()[1].title)
    log = {}
    say({(GLOBAL[1]:gsub("order=0", "order=-1")), GLOBAL[6]}, 90)
    assert.matches("asked for by sysrq, the kernel killed", findings()[1].title)
  end)

  it("does not believe what user space says", function()
    say(GLOBAL, 90, 1)
    assert(k:write(EVENTS + 8, ("<i8"):pack(0)))
    assert.are.same({}, findings())
  end)

  it("tells of panics", function()
    say({GLOBAL[1], "Kernel panic - not syncing: System is deadlocked on memory"}, 90)
    assert(k:write(EVENTS + 8, ("<i8"):pack(0)))
    local f = findings()
    assert.are.same({"critical", "out of memory: Kernel panic - not syncing: System is deadlocked on memory"}, {f[1].severity, f[1].title})
    say(GLOBAL, 80)
    f = findings()
    assert.are.same({1, "error"}, {#f, f[1].severity})
    assert.matches("10.000 s before the dump: Kernel panic - not syncing: System is deadlocked on memory",
      f[1].evidence[#f[1].evidence], 1, true)
    log = {}
    assert(k:write(EVENTS + 8, ("<i8"):pack(0)))
    say({"Out of memory and no killable processes..."}, 90)
    assert.are.equal("out of memory: Out of memory and no killable processes...", findings()[1].title)
  end)

  it("tells of kills that the log has no more", function()
    assert(k:write(EVENTS + 8, ("<i8"):pack(3)))
    local f = findings()
    assert.are.same({"warning", "OOM killer: 3 tasks were killed of which the log does not tell"}, {f[1].severity, f[1].title})
    symbols.vm_event_states = nil -- it counts no events
    assert.are.same({}, findings())
  end)

  it("tells of a victim that has not gone", function()
    memory.set(k, "struct signal_struct", SIGNAL, {oom_mm = MM})
    memory.set(k, "struct task_struct", TASK, {mm = MM, signal = SIGNAL})
    memory.set(k, "struct mm_struct", MM, {["rss_stat.count[1].counter"] = 512})
    tasks = {{pid = 9, tgid = 7, task = k:object(TASK, "struct task_struct")}, {pid = 642, tgid = 642, comm = "hog", state = "D",
      task = k:object(TASK, "struct task_struct")}}
    local f = findings()
    assert.are.same({"error", "OOM victim hog (pid 642) has not gone: it is in state D and holds 2.0 MiB", {642}, "stuck+0x4"},
      {f[1].severity, f[1].title, f[1].pids, f[1].evidence[2]})
    say(GLOBAL, 99)
    assert.are.same({"info", true}, {findings()[2].severity, findings()[2].title:find "has not gone for 1.000 s" ~= nil})
    memory.set(k, "struct task_struct", TASK, {signal = memory.UNMAPPED})
    local _, err = kvm.try(findings)
    assert.are.equal("fault", err.code)
  end)
end)

describe("kvm.linux.check.oom of control groups", function()
  harness.guard()
  after_each(memory.forget)

  it("names those that were out of memory", function()
    local k, set = groups.open()
    kvm.cdef(k, [[struct cpumask { unsigned long bits[1]; }; enum vm_event_item { OOM_KILL, NR_VM_EVENT_ITEMS };
      struct signal_struct { int x; };]])
    local symbols = memory.one_cpu(k, CPUS, 0)
    symbols.vm_event_states, symbols.cgrp_dfl_root = EVENTS, groups.at.ROOT
    memory.symbols(symbols)
    assert(k:write(EVENTS, ("<i8"):pack(2)))
    set("mem_cgroup", groups.at.MEMORY, {["memory.max"] = 256, ["memory_events_local[1].counter"] = 2})
    local found
    check.run({k = k, log = function() return {} end}, function(f) found = f end)
    assert.are.same({"the kernel counted 2 kills (oom_kill), the log has 0", "control group /lab: 2 kills, memory.max 1.0 MiB"},
      found.evidence)
  end)
end)
