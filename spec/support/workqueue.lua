-- SPDX-License-Identifier: BSD-2-Clause
-- Memory with a workqueue whose pool has a worker that runs something and one that does not, with works that wait, for the specs of what
-- walks them: as of 7.2, or as of 5.10.
local memory = require "spec.support.memory"

local M = {}

local S = memory.START
M.at = {QUEUES = S, WQ = S + 0x100, PWQ = S + 0x200, POOL = S + 0x300, BUSY = S + 0x400, IDLE = S + 0x500, RESCUER = S + 0x600,
  TASK = S + 0x700, IDLER = S + 0x780, WORK = S + 0x800, WAITING = S + 0x840, HELD = S + 0x880, TABLE = S + 0x900, NODE = S + 0x940,
  TICKS = S + 0xc00, KTHREAD = S + 0xd00, ATTRS = S + 0xd80, FUNCS = 0x4000}

local COMMON = [[
  struct atomic_long { long counter; };
  struct xarray { unsigned int xa_lock, xa_flags; void *xa_head; };
  struct xa_node { unsigned char shift, offset, count, nr_values; struct xa_node *parent; struct xarray *array; void *slots[64];
    unsigned long marks[3][1]; };
  struct idr { struct xarray idr_rt; unsigned int idr_base, idr_next; };
  struct timekeeper { unsigned long ntp_tick; };
  struct work_struct { struct atomic_long data; struct list_head entry; void (*func)(void); };
  struct sched_entity { unsigned long sum_exec_runtime; };
  struct workqueue_attrs { int nice; };
  struct cpumask { unsigned long bits[1]; };
  struct delayed_work { struct work_struct work; struct workqueue_struct *wq; };
]]
local NEW = [[
  enum wq_flags { WQ_BH = 1, WQ_UNBOUND = 2, WQ_MEM_RECLAIM = 8, __WQ_ORDERED = 131072, __WQ_BOTH = 10 };
  enum work_bits { WORK_STRUCT_PENDING_BIT, WORK_STRUCT_PWQ_SHIFT = 9 };
  enum worker_pool_flags { POOL_BH = 1, POOL_MANAGER_ACTIVE = 2 };
  struct worker_pool { int cpu, id; unsigned int flags; unsigned long last_progress_ts; struct list_head worklist; int nr_workers, nr_idle;
    struct list_head workers; struct workqueue_attrs *attrs; };
  struct workqueue_struct { struct list_head pwqs, list; struct worker *rescuer; int saved_max_active; char name[32]; unsigned int flags; };
  struct pool_workqueue { struct worker_pool *pool; struct workqueue_struct *wq; int nr_active; struct list_head inactive_works,
    pwqs_node; };
  struct task_struct { unsigned int flags; int pid; char comm[16]; struct sched_entity se; void *worker_private; };
  struct worker { struct work_struct *current_work; void (*current_func)(void); struct pool_workqueue *current_pwq;
    unsigned long current_at, current_start; struct task_struct *task; struct worker_pool *pool; struct list_head node; unsigned int flags;
    char desc[32]; struct workqueue_struct *rescue_wq; };
  struct kthread { int (*threadfn)(void *); void *data; char *full_name; };
]]
local OLD = [[
  struct worker_pool { int cpu, id; unsigned int flags; unsigned long watchdog_ts; struct list_head worklist; int nr_workers, nr_idle;
    struct list_head workers; struct workqueue_attrs *attrs; };
  struct workqueue_struct { struct list_head pwqs, list; struct worker *rescuer; int saved_max_active; char name[24]; unsigned int flags; };
  struct pool_workqueue { struct worker_pool *pool; struct workqueue_struct *wq; int nr_active; struct list_head delayed_works,
    pwqs_node; };
  struct task_struct { unsigned int flags; int pid; char comm[16]; struct sched_entity se; int *set_child_tid; };
  struct worker { struct work_struct *current_work; void (*current_func)(void); struct pool_workqueue *current_pwq;
    struct task_struct *task; struct worker_pool *pool; struct list_head node; unsigned int flags; char desc[24];
    struct workqueue_struct *rescue_wq; };
  struct kthread { int (*threadfn)(void *); void *data; };
]]
M.layouts = {{name = "of 7.2", declarations = NEW, is_new = true, stamp = "last_progress_ts", held = "inactive_works",
  own = "worker_private"}, {name = "of 5.10", declarations = OLD, stamp = "watchdog_ts", held = "delayed_works", own = "set_child_tid"}}

--- An open handle of a kernel of one CPU, a function that sets members, one that links lists, one that gives a member's address.
--- memory.forget behind the test.
function M.open(layout)
  local k, at = memory.open(COMMON .. layout.declarations), M.at
  local function set(t, where, members) memory.set(k, "struct " .. t, where, members) end
  local function place(t, where, member) return where + k:type("struct " .. t):strip():field(member).offset end
  local function ring(...)
    local nodes = {...}
    for i, node in ipairs(nodes) do
      local next_node = nodes[i % #nodes + 1]
      assert(k:write(node, ("<I8"):pack(next_node)))
      assert(k:write(next_node + 8, ("<I8"):pack(node)))
    end
  end
  local function text(t, where, member, s) assert(k:write(place(t, where, member), s .. "\0")) end
  local symbols = memory.one_cpu(k, S + 0x1800, 0)
  for name, addr in pairs {workqueues = at.QUEUES, worker_pool_idr = at.TABLE, jiffies_64 = at.TICKS, shadow_timekeeper = at.TICKS + 8,
    do_busy = at.FUNCS, do_wait = at.FUNCS + 16, worker_thread = at.FUNCS + 32} do symbols[name] = addr end
  memory.symbols(symbols)
  assert(k:write(at.TICKS, ("<I8I8"):pack(5000, 4000000 << 32)))
  ring(at.QUEUES, place("workqueue_struct", at.WQ, "list"))
  ring(place("workqueue_struct", at.WQ, "pwqs"), place("pool_workqueue", at.PWQ, "pwqs_node"))
  set("workqueue_struct", at.WQ, {rescuer = at.RESCUER, saved_max_active = 4, flags = 8 | 131072})
  text("workqueue_struct", at.WQ, "name", "queue")
  set("pool_workqueue", at.PWQ, {pool = at.POOL, wq = at.WQ, nr_active = 2})
  ring(place("pool_workqueue", at.PWQ, layout.held), place("work_struct", at.HELD, "entry"))
  set("idr", at.TABLE, {["idr_rt.xa_head"] = at.NODE + 2})
  set("xa_node", at.NODE, {array = at.TABLE})
  assert(k:write(place("xa_node", at.NODE, "slots") + 8 * 3, ("<I8"):pack(at.POOL)))
  set("worker_pool", at.POOL, {cpu = 1, id = 3, nr_workers = 2, nr_idle = 1, attrs = at.ATTRS, [layout.stamp] = 4000})
  set("workqueue_attrs", at.ATTRS, {nice = -20})
  ring(place("worker_pool", at.POOL, "worklist"), place("work_struct", at.WAITING, "entry"))
  ring(place("worker_pool", at.POOL, "workers"), place("worker", at.BUSY, "node"), place("worker", at.IDLE, "node"))
  set("worker", at.BUSY, {current_work = at.WORK, current_func = at.FUNCS, current_pwq = at.PWQ, task = at.TASK, pool = at.POOL})
  if layout.is_new then set("worker", at.BUSY, {current_at = 100, current_start = 4500}) end
  text("worker", at.BUSY, "desc", "what it does")
  set("worker", at.IDLE, {task = at.IDLER, pool = at.POOL, flags = 4})
  set("worker", at.RESCUER, {task = at.IDLER, rescue_wq = at.WQ})
  set("work_struct", at.WAITING, {["data.counter"] = at.PWQ | 5, func = at.FUNCS + 16})
  set("work_struct", at.HELD, {["data.counter"] = at.PWQ | 7 | (layout.is_new and 0x100 or 0), func = at.FUNCS + 16})
  set("work_struct", at.WORK, {["data.counter"] = 3 << 21})
  set("task_struct", at.TASK, {flags = 0x200020, pid = 70, ["se.sum_exec_runtime"] = 350, [layout.own] = at.KTHREAD})
  text("task_struct", at.TASK, "comm", "kworker/1:0H")
  set("task_struct", at.IDLER, {flags = 0x200020, pid = 71})
  text("task_struct", at.IDLER, "comm", "kworker/1:1H")
  set("kthread", at.KTHREAD, {threadfn = at.FUNCS + 32, data = at.BUSY})
  return k, set, ring, place
end

return M
