-- SPDX-License-Identifier: BSD-2-Clause
-- Memory with the run queue of a CPU: a task runs, one waits in CFS, one in a group there, one of real time, for the specs of what walks
-- it.
local memory = require "spec.support.memory"

local M = {}

local S = memory.START
local OFFSET = 0x40
local CPUS, RQ, GROUP = S, S + 0x100, S + 0x600
M.at = {RQ = RQ, GROUP = GROUP}
function M.at.task(i) return S + 0x800 + 0x200 * i end

--- An open handle, a function that sets members; memory.forget behind the test.
function M.open()
  local k = memory.open [[
    struct rb_node { unsigned long __rb_parent_color; struct rb_node *rb_right, *rb_left; };
    struct rb_root { struct rb_node *rb_node; };
    struct rb_root_cached { struct rb_root rb_root; struct rb_node *rb_leftmost; };
    struct cpumask { unsigned long bits[1]; };
    struct sched_info { unsigned long run_delay, last_queued; };
    struct sched_avg { unsigned long load_avg, util_avg; };
    struct sched_entity { struct rb_node run_node; unsigned long vruntime, exec_start; struct sched_avg avg;
      struct cfs_rq *my_q; unsigned char sched_delayed; };
    struct sched_rt_entity { struct list_head run_list; };
    struct sched_dl_entity { struct rb_node rb_node; unsigned long deadline; unsigned int dl_server:1; };
    struct cfs_rq { struct rb_root_cached tasks_timeline; struct sched_entity *curr; struct sched_avg avg; };
    struct rt_rq { struct { struct list_head queue[3]; } active; };
    struct dl_rq { struct rb_root_cached root; };
    struct task_struct { int pid, prio, on_rq; char comm[16]; struct sched_entity se; struct sched_rt_entity rt; struct sched_dl_entity dl;
      struct sched_info sched_info; };
    struct rq { unsigned int nr_running; struct task_struct *curr; struct cfs_rq cfs; struct rt_rq rt; struct dl_rq dl;
      unsigned long clock, clock_task; unsigned int nr_uninterruptible;
      int cpu; };
  ]]
  local symbols = memory.one_cpu(k, CPUS, OFFSET)
  symbols.runqueues = RQ - OFFSET
  memory.symbols(symbols)
  local function set(t, at, members) memory.set(k, "struct " .. t, at, members) end
  local task = k:type("struct task_struct"):strip()
  local function inside(i, member) return M.at.task(i) + task:field(member).offset end
  local run_queue = k:type("struct rq"):strip()
  set("rq", RQ, {nr_running = 4, curr = M.at.task(0), clock = 1000, clock_task = 950, nr_uninterruptible = -3,
    ["cfs.avg.load_avg"] = 77, ["cfs.avg.util_avg"] = 88,
    ["cfs.tasks_timeline.rb_root.rb_node"] = inside(1, "se")})
  for i = 0, 3 do
    set("task_struct", M.at.task(i), {pid = 100 + i, prio = 120, ["se.vruntime"] = 10 * i, ["sched_info.run_delay"] = i,
      ["sched_info.last_queued"] = i > 0 and 900 or 0})
  end
  -- Task 1 is in the tree, the group's entity to the right of it; the group has task 2.
  set("sched_entity", inside(1, "se"), {["run_node.__rb_parent_color"] = 1, ["run_node.rb_right"] = GROUP, sched_delayed = 1})
  set("sched_entity", GROUP, {["run_node.__rb_parent_color"] = inside(1, "se"), my_q = GROUP + 0x80})
  set("cfs_rq", GROUP + 0x80, {["tasks_timeline.rb_root.rb_node"] = inside(2, "se")})
  set("sched_entity", inside(2, "se"), {["run_node.__rb_parent_color"] = 1})
  local heads = RQ + run_queue:field("rt").offset
  for i = 0, 2 do assert(k:write(heads + 16 * i, ("<I8I8"):pack(heads + 16 * i, heads + 16 * i))) end
  assert(k:write(heads + 16, ("<I8I8"):pack(inside(3, "rt"), inside(3, "rt"))))
  assert(k:write(inside(3, "rt"), ("<I8I8"):pack(heads + 16, heads + 16)))
  return k, set
end

return M
