-- SPDX-License-Identifier: BSD-2-Clause
local harness = require "spec.support.harness"
local kvm = require "kvm"
local memory = require "spec.support.memory"
local rcupdate = require "kvm.linux.rcupdate"

local S = memory.START
local STATE, OFFSET, NAMES, TASKS, WORDS, TICK = S + 0x100, S + 0x600, S + 0x900, S + 0xa00, S + 0xc00, S + 0xd00
local DECLARATIONS = [[
  struct cpumask { unsigned long bits[1]; };
  struct task_struct { int pid; struct list_head rcu_node_entry; };
  struct rcu_node { unsigned long qsmask; int grplo, grphi; unsigned char level; struct list_head blkd_tasks, *gp_tasks; };
  struct rcu_state { struct rcu_node node[5]; unsigned long gp_seq; struct task_struct *gp_kthread; short gp_state;
    unsigned long gp_start, gp_activity; };
  struct along { long counter; };
  struct rcu_segcblist { %s len; };
  struct rcu_data { unsigned long gp_seq, gp_seq_needed; struct rcu_segcblist cblist; };
  struct timekeeper { unsigned long ntp_tick; };
]]

describe("kvm.linux.rcupdate", function()
  harness.guard()
  local k, set, symbols
  local function open(len)
    k = memory.open(DECLARATIONS:format(len))
    set = function(t, at, members) memory.set(k, "struct " .. t, at, members) end
    symbols = memory.one_cpu(k, S, OFFSET)
    for name, at in pairs {rcu_state = STATE, rcu_data = 8, gp_state_names = NAMES, rcu_num_nodes = WORDS, rcu_num_lvls = WORDS + 4,
      jiffies_64 = WORDS + 8, shadow_timekeeper = TICK} do symbols[name] = at end
    memory.symbols(symbols, {gp_state_names = 16})
    assert(k:write(NAMES, ("<I8I8"):pack(NAMES + 32, NAMES + 48)))
    assert(k:write(NAMES + 32, "RCU_GP_IDLE\0"))
    assert(k:write(NAMES + 48, "RCU_GP_WAIT\0"))
    assert(k:write(WORDS, ("<i4i4I8"):pack(3, 2, 1000)))
    set("timekeeper", TICK, {ntp_tick = 4000000 << 32})
    -- node 0 stands for those below it; 1 for the CPUs 0 and 1, 2 for 2 and 3
    for i, own in pairs {[0] = {0, 3, 0}, {0, 1, 1}, {2, 3, 1}} do
      local at = STATE + i * k:type("struct rcu_node"):size()
      local blocked = at + k:type("struct rcu_node"):strip():field("blkd_tasks").offset
      set("rcu_node", at, {grplo = own[1], grphi = own[2], level = own[3]})
      assert(k:write(blocked, ("<I8I8"):pack(blocked, blocked)))
    end
  end
  before_each(function() open "long" end)
  after_each(memory.forget)

  it("tells the grace period", function()
    set("task_struct", TASKS, {pid = 13})
    set("rcu_state", STATE, {gp_seq = 50 << 2 | 1, gp_kthread = TASKS, gp_state = 1, gp_start = 750, gp_activity = 990})
    local gp = rcupdate.grace_period(k)
    assert.are.same({50, true, 1000000000, 40000000, 13, "RCU_GP_WAIT"}, {gp.sequence, gp.running, gp.age_ns, gp.idle_ns, gp.thread.pid,
      gp.thread_state})
    set("rcu_state", STATE, {gp_seq = 50 << 2, gp_state = 7})
    gp = rcupdate.grace_period(k)
    assert.are.same({false, nil, "7"}, {gp.running, gp.age_ns, gp.thread_state})
  end)

  it("tells who holds it up", function()
    local size = k:type("struct rcu_node"):size()
    local blocked = k:type("struct rcu_node"):strip():field("blkd_tasks").offset
    local link = k:type("struct task_struct"):strip():field("rcu_node_entry").offset
    set("rcu_node", STATE + size, {qsmask = 2})
    set("rcu_node", STATE + 2 * size, {qsmask = 3})
    local ring = {STATE + size + blocked, TASKS + link, TASKS + 0x40 + link, TASKS + 0x80 + link}
    for i, at in ipairs(ring) do
      assert(k:write(at, ("<I8"):pack(ring[i % 4 + 1])))
      assert(k:write(ring[i % 4 + 1] + 8, ("<I8"):pack(at)))
    end
    for i = 0, 2 do set("task_struct", TASKS + 0x40 * i, {pid = i}) end
    local function told()
      local cpus, tasks = rcupdate.holdouts(k)
      for i, task in ipairs(tasks) do tasks[i] = task.pid end
      return {cpus, tasks}
    end
    assert.are.same({{1, 2, 3}, {}}, told()) -- those that are blocked hold up the next one only
    set("rcu_node", STATE + size, {gp_tasks = ring[3]})
    assert.are.same({{1, 2, 3}, {1, 2}}, told())
  end)

  it("refuses more nodes than there can be", function()
    assert(k:write(WORDS, ("<i4"):pack(6)))
    assert.are.equal("format", select(2, kvm.try(rcupdate.holdouts, k)).code)
  end)

  for _, len in ipairs {"long", "struct along"} do
    it("tells what CPUs wait for, callbacks counted in a " .. len, function()
      open(len)
      local own = OFFSET + 8
      set("rcu_data", own, {gp_seq = 50 << 2, gp_seq_needed = 51 << 2})
      assert(k:write(own + 16, ("<i8"):pack(77)))
      assert.are.same({{cpu = 0, callbacks = 77, sequence = 50, needed = 51, addr = own}}, (memory.collect(rcupdate.for_each_cpu(k))))
    end)
  end

  it("says what a kernel of one CPU lacks", function()
    symbols.rcu_state = nil
    local _, err = kvm.try(rcupdate.grace_period, k)
    assert.matches("CONFIG_TREE_RCU", err.message, 1, true)
  end)
end)
