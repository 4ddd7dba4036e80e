-- SPDX-License-Identifier: BSD-2-Clause
-- The tasks of a built kernel: task_struct, signal_struct, pid, cred, mm_struct, the lists that tie them together, and
-- user pages with arguments and environment.
local linux_types = require "spec.support.build.linux_types"
local pagetable = require "spec.support.build.pagetable"

local M = {}

-- A task: pid, comm, state (letter), ppid, pgid, sid, uid, gid, nice, start_ns, args and environ (none: a kernel
-- thread), total_vm (pages), rss (pages), tty, threads (a list of {tid=, comm=, state=}).
M.default = {
  {pid = 1, comm = "init", args = {"/sbin/init", "splash"}, environ = {"HOME=/", "TERM=linux"}, start_ns = 10000000},
  {pid = 2, comm = "kthreadd", ppid = 0},
  {pid = 3, comm = "rcu_gp", ppid = 2, state = "I", nice = -20},
  {
    pid = 100, comm = "server", ppid = 1, uid = 33, gid = 34, nice = 5, state = "R", total_vm = 5000, rss = 321, tty = true,
    args = {"server", "--name", "a b", ""}, environ = {"PATH=/bin", "EMPTY=", "LONG=" .. ("x"):rep(5000)},
    threads = {{tid = 101, comm = "worker/0", state = "R"}, {tid = 102, comm = "worker/1", state = "D"}},
  },
  {pid = 200, comm = "odd n)ame (", ppid = 100, pgid = 100, sid = 100, state = "T", args = {"odd"}, environ = {}},
  {pid = 201, comm = "gone", ppid = 100, pgid = 100, sid = 100, state = "Z"},
  {pid = 4194303, comm = "fifteen_letters", ppid = 1, args = {"x"}, environ = {"A=1"}, start_ns = 59000000000},
}

-- include/linux/sched.h: __state and exit_state of the letters that /proc shows.
local STATE = {
  R = {0, 0}, S = {1, 0}, D = {2, 0}, T = {4, 0}, t = {8, 0}, X = {0x80, 0x10}, Z = {0x80, 0x20}, P = {0x40, 0}, I = {0x402, 0},
}
local PF_KTHREAD, PF_EXITING = 0x00200000, 4
local STACK_TOP = 0x7ffd12346000

-- The strings, their NULs, and where they begin: they end 64 bytes in front of STACK_TOP and may cross pages.
local function user_memory(self, mm, args, environ)
  local function join(list) return list[1] and table.concat(list, "\0") .. "\0" or "" end
  local a, e = join(args), join(environ)
  local at = STACK_TOP - 64 - #a - #e
  local first = at // 4096 * 4096
  local bytes = ("\0"):rep(at - first) .. a .. e .. ("\0"):rep(64)
  local tables = pagetable.new(self.memory, function() return self:frame() end,
    {levels = self.levels, encryption = self.encryption})
  for off = 0, #bytes - 1, 4096 do
    local pa = self:frame()
    self.memory:write(pa, bytes:sub(off + 1, off + 4096))
    self.user_pfns[pa // 4096] = true
    tables:map(first + off, pa)
  end
  mm.pgd = tables.root + self.page_offset
  mm.arg_start, mm.arg_end, mm.env_start, mm.env_end = at, at + #a, at + #a, at + #a + #e
end

-- Pages in the first of four counters, a few more in the second; a percpu_counter keeps some of them per CPU.
local function rss_of(self, pages)
  if not linux_types.at_least(self.release, "6.12") then
    return {count = ("<i8i8"):pack(pages - 3, 3)}
  end
  return {{count = pages - 3, counters = self.empty_percpu}, {count = 3, counters = self.empty_percpu}}
end

local function make_mm(self, t)
  if not t.args then return 0 end
  local mm = {total_vm = t.total_vm or 100, rss_stat = rss_of(self, t.rss or 10)}
  user_memory(self, mm, t.args, t.environ or {})
  return self:new("struct mm_struct", mm)
end

local function make_pid(self, nr)
  if nr == 0 then return 0 end
  if not self.pids[nr] then self.pids[nr] = self:new("struct pid", {count = {counter = 1}, numbers = {{nr = nr, ns = 0}}}) end
  return self.pids[nr]
end

local function make_tty(self)
  local driver = self:new("struct tty_driver", {major = 4, minor_start = 64})
  return self:new("struct tty_struct", {index = 1, driver = driver, name = "ttyS1"})
end

local function make_signal(self, t)
  local pgid, sid = t.pgid or (t.args and t.pid or 0), t.sid or (t.args and t.pid or 0)
  return self:new("struct signal_struct", {
    nr_threads = 1 + #(t.threads or {}), tty = t.tty and make_tty(self) or 0,
    pids = {make_pid(self, t.pid), make_pid(self, t.pid), make_pid(self, pgid), make_pid(self, sid)},
  })
end

local function id(n) return {val = n} end
local function make_cred(self, t)
  local u, g = id(t.uid or 0), id(t.gid or 0)
  return self:new("struct cred", {usage = {counter = 1}, uid = u, suid = u, euid = u, gid = g, sgid = g, egid = g})
end

local function fill(self, va, t, leader, shared)
  local state = STATE[t.state or "S"]
  local cpu = t.cpu or 0
  local values = {
    [self.release == "5.10" and "state" or "__state"] = state[1], exit_state = state[2],
    flags = (leader.args and 0 or PF_KTHREAD) | (state[2] ~= 0 and PF_EXITING or 0), prio = 120 + (leader.nice or 0),
    static_prio = 120 + (leader.nice or 0), normal_prio = 120 + (leader.nice or 0), mm = shared.mm, active_mm = shared.mm,
    pid = t.tid or t.pid, tgid = leader.pid, real_parent = shared.parent, parent = shared.parent,
    group_leader = self.task_addr[leader.pid], thread_pid = make_pid(self, t.tid or t.pid), utime = 20000000,
    stime = 10000000, se = {sum_exec_runtime = 30000000}, start_time = t.start_ns or leader.start_ns or 5000000000,
    start_boottime = t.start_ns or leader.start_ns or 5000000000, real_cred = shared.cred, cred = shared.cred,
    comm = t.comm, signal = shared.signal,
  }
  if state[2] ~= 0 then values.mm, values.active_mm = 0, 0 end
  if self.release == "5.10" then values.cpu = cpu else values.thread_info = {cpu = cpu} end
  self:poke(va, self.types:pack("struct task_struct", values))
end

local function link_threads(self, t, signal)
  local node, group = self.types:offset("task_struct", "thread_node"), {}
  local nodes = {self.task_addr[t.pid] + node}
  for _, thread in ipairs(t.threads or {}) do nodes[#nodes + 1] = self.task_addr[thread.tid] + node end
  self:link(signal + self.types:offset("signal_struct", "thread_head"), nodes)
  if not linux_types.at_least(self.release, "6.12") then
    local off = self.types:offset("task_struct", "thread_group")
    for i = 2, #nodes do group[i - 1] = nodes[i] - node + off end
    self:link(nodes[1] - node + off, group)
  end
end

local function make_swapper(self)
  local signal = self:new("struct signal_struct", {nr_threads = 1})
  local cred = make_cred(self, {})
  local va = self:static("init_task", "struct task_struct", {})
  self.task_addr[0] = va
  fill(self, va, {tid = 0, comm = "swapper/0", state = "R", start_ns = 0}, {pid = 0},
    {mm = 0, parent = va, cred = cred, signal = signal})
  link_threads(self, {pid = 0}, signal)
end

--- Puts the tasks into a kernel: self.tasks, self.task_addr {tid = address}, self.user_pfns.
function M.make(self, tasks)
  self.tasks, self.task_addr, self.user_pfns, self.pids = tasks, {}, {}, {}
  make_swapper(self)
  local size = self.types:sizeof "struct task_struct"
  for _, t in ipairs(tasks) do
    self.task_addr[t.pid] = self:heap(size)
    for _, thread in ipairs(t.threads or {}) do self.task_addr[thread.tid] = self:heap(size) end
  end
  local links, off = {}, self.types:offset("task_struct", "tasks")
  for i, t in ipairs(tasks) do
    local shared = {
      mm = make_mm(self, t), cred = make_cred(self, t), signal = make_signal(self, t),
      parent = self.task_addr[t.ppid or 0],
    }
    fill(self, self.task_addr[t.pid], t, t, shared)
    for _, thread in ipairs(t.threads or {}) do fill(self, self.task_addr[thread.tid], thread, t, shared) end
    link_threads(self, t, shared.signal)
    links[i] = self.task_addr[t.pid] + off
  end
  self:link(self.task_addr[0] + off, links)
end

--- What a reader must find: a list of {pid, tid, ppid, comm, state, ...}, one for each thread, as k:procs gives them.
function M.expected(tasks, all_threads)
  local out = {}
  for _, t in ipairs(tasks) do
    local function add(tid, comm, state, start_ns)
      out[#out + 1] = {
        pid = t.pid, tid = tid, ppid = t.ppid or 0, comm = comm, state = state or "S", pgid = t.pgid or (t.args and t.pid or 0),
        sid = t.sid or (t.args and t.pid or 0), uid = t.uid or 0, gid = t.gid or 0, nice = t.nice or 0,
        threads = 1 + #(t.threads or {}), start_ns = start_ns or 5000000000,
      }
    end
    add(t.pid, t.comm, t.state, t.start_ns)
    for _, thread in ipairs(all_threads and t.threads or {}) do add(thread.tid, thread.comm, thread.state, t.start_ns) end
  end
  return out
end

return M
