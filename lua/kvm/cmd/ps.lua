-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm ps: the tasks of the kernel. Arguments are read from user memory, which most dumps leave out: a record then
-- has no args, but args_code ("excluded": its page was filtered out; "fault": not in memory).
local kvm_error = require "kvm.error"
local task_parts = require "kvm.cmd.task_parts"
local task_tree = require "kvm.cmd.task_tree"
local tasks = require "kvm.cmd.tasks"
local words = require "kvm.cmd.words"

local M = {
  name = "ps",
  summary = "processes, or all threads",
  operands = {tasks.OPERAND},
  foreach = {"-t"}, -- what `luakvm foreach ps` means
  options = {
    {flags = "-t --threads", help = "every thread, not just processes"},
    {flags = "-p --pid", value = "PID[,PID...]", type = "integers", help = "only these process ids"},
    {flags = "-u --uid", value = "UID[,UID...]", type = "integers", help = "only these effective user ids"},
    {flags = "-s --state", value = "LETTERS", help = "only tasks in one of these states, such as RD"},
    {flags = "-c --comm", value = "NAME", help = "only tasks of that name; * stands for any text"},
    {flags = "-g --cgroup", value = "PATH", help = "only tasks in that control group or below it"},
    {flags = "-T --tree", help = "each below its parent"},
    {flags = "-e --environ", help = "their environments"},
    {flags = "-C --credentials", help = "all ids, groups, capabilities, seccomp"},
    {flags = "-n --namespaces", help = "namespaces; in text those that are not the first task's"},
    {flags = "-G --cgroups", help = "control groups"},
    {flags = "-P --paths", help = "root, working directory, program, umask"},
    {flags = "-l --limits", help = "resource limits"},
    {flags = "-L --last-run", help = "how long they have not run"},
    {flags = "--no-args", key = "no_args", help = "don't read the arguments"},
  },
  columns = {
    {name = "pid", kind = "integer", title = "PID", width = 7},
    {name = "tid", kind = "integer", title = "TID", width = 7, only = "threads"},
    {name = "ppid", kind = "integer", title = "PPID", width = 7},
    {name = "pgid", kind = "integer"},
    {name = "sid", kind = "integer"},
    {name = "uid", kind = "integer", title = "UID", width = 5},
    {name = "ruid", kind = "integer", title = "RUID", width = 5, only = "credentials"},
    {name = "svuid", kind = "integer"},
    {name = "fsuid", kind = "integer"},
    {name = "gid", kind = "integer", title = "GID", width = 5, only = "credentials"},
    {name = "rgid", kind = "integer"},
    {name = "svgid", kind = "integer"},
    {name = "fsgid", kind = "integer"},
    {name = "groups", kind = "numbers", title = "GROUPS", width = 10, left = true, only = "credentials"},
    {name = "comm", kind = "string"},
    {name = "state", kind = "string", title = "S", styles = {D = "bad", Z = "warn"}, width = 1},
    {name = "cpu", kind = "integer", title = "CPU", width = 4},
    {name = "nice", kind = "integer", title = "NI", width = 3},
    {name = "threads", kind = "integer", title = "THR", width = 4},
    {name = "prio", kind = "integer"},
    {name = "rt_priority", kind = "integer"},
    {name = "policy", kind = "integer"},
    {name = "flags", kind = "hex"},
    {name = "start_ns", kind = "duration", title = "START", width = 10},
    {name = "utime_ns", kind = "duration"},
    {name = "stime_ns", kind = "duration"},
    {name = "time_ns", kind = "duration", title = "TIME", width = 9, json = false},
    {name = "vsz_bytes", kind = "size", title = "VSZ", width = 7},
    {name = "rss_bytes", kind = "size", title = "RSS", width = 7},
    {name = "tty", kind = "string", title = "TTY", width = 7, left = true},
    {name = "addr", kind = "hex", title = "TASK", width = 18},
    {name = "no_new_privs", kind = "boolean"},
    {name = "seccomp", kind = "integer", title = "SECCOMP", width = 7, only = "credentials"},
    {name = "cap_inheritable", kind = "hex"},
    {name = "cap_permitted", kind = "hex"},
    {name = "cap_effective", kind = "hex", title = "CAPEFF", width = 13, left = true, only = "credentials"},
    {name = "cap_bounding", kind = "hex"},
    {name = "cap_ambient", kind = "hex"},
    {name = "capabilities", kind = "strings"},
    {name = "namespaces", kind = "records", columns = {{name = "kind", kind = "string"}, {name = "inum", kind = "integer"},
      {name = "addr", kind = "hex"}}},
    {name = "ns_pids", kind = "numbers"},
    {name = "ns", kind = "string", title = "NS", width = 14, left = true, only = "namespaces", json = false},
    {name = "cgroups", kind = "records", columns = {{name = "hierarchy", kind = "integer"}, {name = "path", kind = "string"}}},
    {name = "cgroup_words", kind = "string", title = "CGROUPS", width = 16, left = true, only = "cgroups", json = false},
    {name = "root", kind = "string", title = "ROOT", width = 6, left = true, only = "paths"},
    {name = "cwd", kind = "string", title = "CWD", width = 16, left = true, only = "paths"},
    {name = "exe", kind = "string", title = "EXE", width = 20, left = true, only = "paths"},
    {name = "umask", kind = "integer"},
    {name = "limits", kind = "records", columns = {{name = "name", kind = "string"}, {name = "unit", kind = "string"},
      {name = "soft", kind = "integer"}, {name = "hard", kind = "integer"}}},
    {name = "limit_words", kind = "string", title = "LIMITS", width = 20, left = true, only = "limits", json = false},
    {name = "asleep_ns", kind = "duration", title = "ASLEEP", width = 10, only = "last_run"},
    {name = "ran_from_ns", kind = "duration"},
    {name = "ran_until_ns", kind = "duration"},
    {name = "depth", kind = "integer"},
    {name = "partial", kind = "strings"},
    {name = "args", kind = "strings"},
    {name = "args_code", kind = "string"},
    {name = "environ", kind = "strings"},
    {name = "environ_code", kind = "string"},
    {name = "command", kind = "string", title = "COMMAND", left = true, width = 0, json = false},
  },
  no_match = "no task matches",
}

local function set(list)
  if not list then return nil end
  local out = {}
  for _, v in ipairs(type(list) == "table" and list or {list}) do out[v] = true end
  return out
end

local function filter(opts)
  local pids, uids = set(opts.pid), set(opts.uid)
  local comm, is_named = opts.comm and words.glob(opts.comm), tasks.wanted(opts.pids)
  return function(p)
    return is_named(p) and (not pids or pids[p.pid] or pids[p.tid]) and (not uids or uids[p.uid])
      and (not opts.state or opts.state:find(p.state, 1, true)) and (not comm or p.comm:find(comm))
  end
end

local function is_in(rec, group)
  for _, own in ipairs(rec.cgroups or {}) do
    if own.path == group or group == "/" or own.path:sub(1, #group + 1) == group .. "/" then return true end
  end
  return false
end

-- The COMMAND of the text form: the arguments; [name] for a task without any, as ps(1) has it; the name and a remark
-- where the arguments are not in the dump; {name} for a thread but the first, as pstree(1) has it.
local function name_of(p)
  if p.tid ~= p.pid then return "{" .. p.comm .. "}" end
  if p.args and p.args[1] then
    local text = table.concat(p.args, " ")
    if text:find "%S" then return text end
  end
  if p.args_code then return ("%s (%s)"):format(p.comm, p.args_code) end
  return "[" .. p.comm .. "]"
end

local function command(p)
  local text = ("  "):rep(p.depth or 0) .. name_of(p)
  return p.environ and p.environ[1] and text .. " " .. table.concat(p.environ, " ") or text
end

-- A function that adds the arguments to a record; threads share them.
local function argument_reader(k)
  local by_mm = {}
  return function(p)
    local known = by_mm[p.mm]
    if not known then
      local args, _, code = k:argv(p)
      known = {args, code}
      if code == "notfound" then known[2] = nil end -- a kernel thread has none
      by_mm[p.mm] = known
    end
    p.args, p.args_code = known[1], known[2]
  end
end

-- The records, without the words of the text form.
local function listed(k, opts)
  local wanted, add_args = filter(opts), argument_reader(k)
  local group = opts.cgroup and ("/" .. opts.cgroup:match "^/*(.-)/*$")
  local parts = task_parts.of(k, group and setmetatable({cgroups = true}, {__index = opts}) or opts)
  local step, state, control = k:procs("all", nil, opts.threads or false)
  return function()
    while true do
      control = step(state, control)
      if control == nil then return nil end
      local p = control
      if wanted(p) then
        if p.mm ~= 0 and not opts.no_args then add_args(p) end
        local task = parts[1] and kvm_error.check(k:object(p.addr, "struct task_struct"))
        for _, add in ipairs(parts) do add(p, task) end
        if not group or is_in(p, group) then return p end
      end
    end
  end
end

-- All that STEP gives as a tree, and then its error.
local function as_tree(step)
  local list, ok, err = {}, pcall(step)
  while ok and err do
    list[#list + 1] = err
    ok, err = pcall(step)
  end
  local i = 0
  list = task_tree.sort(list)
  return function()
    i = i + 1
    if not list[i] and not ok then error(err, 0) end
    return list[i]
  end
end

--- The tasks of an open kernel.
-- @param k an open handle
-- @tparam[opt] table opts which: pid (integer or list), uid (likewise), state (letters), comm (* stands for any text), cgroup (path: in it
--  or below); threads; tree (each below its parent: depth is added); what more: environ, credentials, namespaces, cgroups, paths, limits,
--  last_run; no_args
-- @treturn function an iterator of records of k:procs with args ({string,...}, or nil and args_code) added; environ: environ
--  ({string,...}, or environ_code); credentials: fsuid, fsgid, groups, no_new_privs, seccomp (0 none, 1 strict, 2 filter), cap_inheritable,
--  cap_permitted, cap_effective, cap_bounding, cap_ambient (masks), capabilities (names of the effective ones); namespaces: namespaces
--  ({{kind, inum, addr},...}), ns_pids (its id in each pid namespace, the outermost first); cgroups: cgroups ({{hierarchy, path},...};
--  hierarchy 0 is version 2's); paths: root, cwd, exe, umask; limits: limits as kvm.linux.signal.limits; last_run: asleep_ns (how long it
--  has not run; nil of one that runs or wants to), ran_from_ns, ran_until_ns (when it was last on a CPU, by the clock of its run queue,
--  as kvm.linux.rq.last_run_reader tells it); partial (keys that could not be read)
-- @raise kvm.Error
-- @usage for p in require "kvm.cmd.ps".run(k, {state = "D", tree = true}) do assert(p.pid and p.comm and p.depth) end
function M.run(k, opts)
  opts = opts or {}
  local step = listed(k, opts)
  if opts.tree then step = as_tree(step) end
  return function()
    local p = step()
    if p then
      p.command = command(p)
      p.time_ns = p.utime_ns and p.stime_ns and p.utime_ns + p.stime_ns
    end
    return p
  end
end

return M
