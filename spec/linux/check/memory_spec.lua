-- SPDX-License-Identifier: BSD-2-Clause
local areas = require "spec.support.vmalloc"
local check = require "kvm.linux.check.memory"
local files = require "spec.support.files"
local harness = require "spec.support.harness"
local kvm = require "kvm"
local meminfo = require "kvm.linux.meminfo"
local memory = require "spec.support.memory"

local S = memory.START
local NODES, STATES, CPUS, ZONE_NAME, MM, TASK, MODULE, TEXT, PCP, NODE = S, S + 0x10, S + 0x40, S + 0x80, S + 0x100, S + 0x240, S + 0x280,
  S + 0x2c0, S + 0x300, S + 0x1000
local MB <const> = 1 << 20
local all = meminfo.all

describe("kvm.linux.check.memory", function()
  harness.guard()
  local k, info, tasks, symbols
  before_each(function()
    k = memory.open(files.DECLARATIONS .. areas.TYPES .. [[
      typedef struct { unsigned long bits[1]; } nodemask_t;
      enum node_states { N_POSSIBLE, N_ONLINE };
      enum zone_stat_item { NR_FREE_PAGES };
      enum mod_mem_type { MOD_TEXT };
      struct cpumask { unsigned long bits[1]; };
      struct per_cpu_pages { int count; };
      struct zone { unsigned long present_pages, _watermark[3], watermark_boost; const char *name; struct { long counter; } vm_stat[1];
        struct per_cpu_pages *per_cpu_pageset; };
      struct pglist_data { struct zone node_zones[1]; int node_id; };
      struct task_struct { struct mm_struct *mm; struct vm_struct *stack_vm_area; };
      struct module_memory { void *base; unsigned int size; };
      struct module { struct module_memory mem[1]; unsigned long taints; };
    ]])
    symbols = memory.one_cpu(k, CPUS, 0)
    symbols.node_data, symbols.node_states = NODES, STATES
    areas.fill(k, symbols)
    for _, name in ipairs {"_text", "_etext", "__start_ro_after_init", "__end_ro_after_init", "_sdata", "_edata", "__bss_start",
      "__bss_stop"} do
      symbols[name] = S + 0x800
    end
    symbols.lab_take, symbols.alloc_pages = TEXT, S + 0x400
    memory.symbols(symbols, {lab_take = 0x20}, {lab_take = "labfault", a_caller = "labfault"})
    memory.modules {{name = "labfault", addr = MODULE}}
    assert(k:write(NODES, ("<i8"):pack(NODE)))
    assert(k:write(STATES, ("<i8i8"):pack(1, 1)))
    memory.set(k, "struct pglist_data", NODE, {["node_zones[0].present_pages"] = 25600, ["node_zones[0].name"] = ZONE_NAME,
      ["node_zones[0]._watermark[0]"] = 256, ["node_zones[0]._watermark[1]"] = 512, ["node_zones[0]._watermark[2]"] = 768,
      ["node_zones[0].vm_stat[0].counter"] = 1024, ["node_zones[0].per_cpu_pageset"] = PCP})
    assert(k:write(PCP, ("<i4"):pack(256))) -- 1 MB
    assert(k:write(ZONE_NAME, "Normal\0"))
    memory.set(k, "struct task_struct", TASK, {mm = MM, stack_vm_area = 0})
    memory.set(k, "struct mm_struct", MM, {["rss_stat.count[1].counter"] = 512, ["pgtables_bytes.counter"] = 8192})
    assert(k:write(MODULE, ("<i8i8i8"):pack(TEXT, 0x20, 1 << 12)))
    assert(k:write(TEXT + 4, "\xe8" .. ("<i4"):pack(symbols.alloc_pages - TEXT - 9)))
    tasks = {{pid = 7, tgid = 7, comm = "hog", task = k:object(TASK, "struct task_struct")},
      {pid = 8, tgid = 7, comm = "hog", task = k:object(TASK, "struct task_struct")}}
    info = {MemTotal = 100 * MB, MemFree = 50 * MB, MemAvailable = 60 * MB, AnonPages = 20 * MB, Cached = 15 * MB, Shmem = 5 * MB,
      SReclaimable = 3 * MB, SUnreclaim = 2 * MB, VmallocUsed = 5 * MB, KernelStack = 2 * MB, PageTables = MB, Percpu = MB,
      SwapTotal = 10 * MB, SwapFree = 9 * MB}
    meminfo.all = function() return info end
  end)
  after_each(function()
    meminfo.all = all
    memory.forget()
  end)

  local function findings()
    local out = {}
    local context = require "kvm.linux.check.context".new(k)
    function context.tasks() return tasks end
    check.run(context, function(f) out[#out + 1] = f end)
    return out
  end
  local function evidence() return table.concat(findings()[1].evidence, "\n") end

  it("tells where memory is", function()
    local f = findings()
    assert.are.same({1, "info", "certain"}, {#f, f[1].severity, f[1].confidence})
    assert.are.equal("60 MiB of 100 MiB of memory available (60 %); most of the rest is anonymous memory", f[1].title)
    local text = evidence()
    for _, line in ipairs {"50 MiB of 100 MiB free, 60 MiB available", "9.0 MiB of 10 MiB of swap free",
      "zone Normal of node 0: 4.0 MiB free; marks: min 1.0 MiB, low 2.0 MiB, high 3.0 MiB",
      "20 MiB, 20 %: anonymous memory: hog (pid 7) 2.0 MiB", "10 MiB, 10 %: page cache of files",
      "3.0 MiB, 3 %: vmalloc: a_caller+0x0 [labfault] 8.0 KiB in 1 areas", "1.0 MiB, 1 %: page tables: hog (pid 7) 8.0 KiB",
      "2.0 MiB, 2 %: kernel stacks: hog 32 KiB", "2.0 MiB, 2 %: memory that no counter has"} do
      assert.matches(line, text, 1, true)
    end
    assert.matches("slab caches: not known who: ", text, 1, true) -- this kernel has no such list
  end)

  it("counts stacks that are areas once", function()
    memory.set(k, "struct task_struct", TASK, {stack_vm_area = areas.at.VM})
    assert.is_nil(evidence():find("a_caller", 1, true))
  end)

  it("tells of memory that is short, or exhausted, and who has most of it", function()
    info.MemAvailable, info.MemFree, info.AnonPages = 4 * MB, 3 * MB, 80 * MB
    local f = findings()
    assert.are.same({1, "warning", {7}}, {#f, f[1].severity, f[1].pids})
    assert.are.equal("memory is short: 3.0 MiB of 100 MiB free, 4.0 MiB available; most is anonymous memory, 80 %: hog (pid 7) 2.0 MiB",
      f[1].title)
    info.MemAvailable, info.MemFree, info.SwapFree = 0, MB // 2, 0
    f = findings()
    assert.are.equal("error", f[1].severity)
    assert.matches("^memory is exhausted: 512 KiB of 100 MiB free, 0 B available, below the marks where allocations must wait;", f[1].title)
    info.SwapFree = 50 * MB -- what can be swapped out yet
    info.MemFree = 3 * MB // 2
    assert.matches("^memory is short: .* below the marks where it is reclaimed", findings()[1].title)
  end)

  it("tells of one that has too much", function()
    info.VmallocUsed = 42 * MB
    local f = findings()
    assert.are.same({1, "warning", "certain", {"labfault"}, {"a_caller"}},
      {#f, f[1].severity, f[1].confidence, f[1].modules, f[1].functions})
    assert.are.equal("vmalloc: 40 MiB, 40 % of all memory: a_caller+0x0 [labfault] 8.0 KiB in 1 areas", f[1].title)
    info.VmallocUsed, info.PageTables = 2 * MB, 20 * MB
    assert.matches("^page tables: 20 MiB, 20 %% of all memory: hog", findings()[1].title)
  end)

  it("tells of what no counter has, and which modules take pages", function()
    info.MemFree = 10 * MB
    local f = findings()
    assert.are.same({1, "warning", "possible", {"labfault"}, {"lab_take"}},
      {#f, f[1].severity, f[1].confidence, f[1].modules, f[1].functions})
    assert.matches("^memory that no counter has: 42 MiB, 42 %% of all memory: lab_take %[labfault%], which calls alloc_pages$", f[1].title)
    memory.set(k, "struct module", MODULE, {taints = 0})
    assert.are.same({}, findings()[1].modules)
  end)

  it("raises where counters or zones can't be read", function()
    info.MemAvailable = nil
    local _, err = kvm.try(findings)
    assert.matches("^this kernel has no counters for MemAvailable", err.message)
    info.MemAvailable = MB
    assert(k:write(NODES, ("<i8"):pack(memory.UNMAPPED)))
    _, err = kvm.try(findings)
    assert.are.equal("fault", err.code)
  end)
end)
