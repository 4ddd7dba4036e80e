-- SPDX-License-Identifier: BSD-2-Clause
-- luakvm ps: the tasks of the kernel. Arguments are read from user memory, which most dumps leave out: a record then
-- has no args, but args_code ("excluded": its page was filtered out; "fault": not in memory).
local words = require "kvm.cmd.words"

local M = {
  name = "ps",
  summary = "processes, or all threads",
  options = {
    {flags = "-t --threads", help = "every thread, not just processes"},
    {flags = "-p --pid", value = "PID[,PID...]", type = "integers", help = "only these process ids"},
    {flags = "-u --uid", value = "UID[,UID...]", type = "integers", help = "only these effective user ids"},
    {flags = "-s --state", value = "LETTERS", help = "only tasks in one of these states, such as RD"},
    {flags = "-c --comm", value = "NAME", help = "only tasks of that name; * stands for any text"},
    {flags = "--no-args", key = "no_args", help = "don't read the arguments"},
  },
  columns = {
    {name = "pid", kind = "integer", title = "PID", width = 7},
    {name = "tid", kind = "integer", title = "TID", width = 7, only = "threads"},
    {name = "ppid", kind = "integer", title = "PPID", width = 7},
    {name = "pgid", kind = "integer"},
    {name = "sid", kind = "integer"},
    {name = "uid", kind = "integer", title = "UID", width = 5},
    {name = "ruid", kind = "integer"},
    {name = "gid", kind = "integer"},
    {name = "comm", kind = "string"},
    {name = "state", kind = "string", title = "S", width = 1},
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
    {name = "partial", kind = "strings"},
    {name = "args", kind = "strings"},
    {name = "args_code", kind = "string"},
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
  local comm = opts.comm and words.glob(opts.comm)
  return function(p)
    return (not pids or pids[p.pid] or pids[p.tid]) and (not uids or uids[p.uid])
      and (not opts.state or opts.state:find(p.state, 1, true)) and (not comm or p.comm:find(comm))
  end
end

-- The COMMAND of the text form: the arguments; [name] for a task without any, as ps(1) has it; the name and a remark
-- where the arguments are not in the dump; {name} for a thread but the first, as pstree(1) has it.
local function command(p)
  if p.tid ~= p.pid then return "{" .. p.comm .. "}" end
  if p.args and p.args[1] then
    local text = table.concat(p.args, " ")
    if text:find "%S" then return text end
  end
  if p.args_code then return ("%s (%s)"):format(p.comm, p.args_code) end
  return "[" .. p.comm .. "]"
end

--- The tasks of an open kernel.
-- @param k an open handle
-- @tparam[opt] table opts threads, pid (integer or list), uid (likewise), state (letters), comm, no_args
-- @treturn function an iterator of records of k:procs with args ({string,...},
-- or nil and args_code) added
-- @raise kvm.Error
-- @usage for p in require "kvm.cmd.ps".run(k, {state = "D"}) do assert(p.pid and p.comm) end
function M.run(k, opts)
  opts = opts or {}
  local wanted = filter(opts)
  local step, state, control = k:procs("all", nil, opts.threads or false)
  local by_mm = {} -- threads share their arguments
  local function add_args(p)
    local known = by_mm[p.mm]
    if not known then
      local args, _, code = k:argv(p)
      known = {args, code}
      if code == "notfound" then known[2] = nil end -- a kernel thread has none
      by_mm[p.mm] = known
    end
    p.args, p.args_code = known[1], known[2]
  end
  return function()
    while true do
      control = step(state, control)
      if control == nil then return nil end
      local p = control
      if wanted(p) then
        if p.mm ~= 0 and not opts.no_args then add_args(p) end
        p.command = command(p)
        p.time_ns = p.utime_ns and p.stime_ns and p.utime_ns + p.stime_ns
        return p
      end
    end
  end
end

return M
