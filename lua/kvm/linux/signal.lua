-- SPDX-License-Identifier: BSD-2-Clause
-- linux/sched/signal.h: the signals of a task and its limits, as /proc/PID/status and /proc/PID/limits have them. Names are those of x86,
-- arm and most others (include/uapi/asm-generic/signal.h). Checked against Linux 5.10, 6.1, 6.12 and 7.2.
local kvm_error = require "kvm.error"
local list = require "kvm.linux.list"
local object = require "kvm.object"

local M = {}

local MOST <const> = 1 << 20 -- queued signals

--- Names of signals by number, without SIG.
M.NAMES = {"HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM", "STKFLT",
  "CHLD",
  "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS"}

--- The name of a signal.
-- @tparam integer number
-- @treturn string "TERM"; of real time signals "RTMIN+3"
-- @usage assert(kvm.linux.signal.name(15) == "TERM" and kvm.linux.signal.name(35) == "RTMIN+3")
function M.name(number)
  return M.NAMES[number] or ("RTMIN+%d"):format(number - 32)
end

--- The signals of a mask.
-- @tparam integer mask bit N - 1 is signal N
-- @treturn {string,...} names
-- @usage assert(kvm.linux.signal.names(1 << 14)[1] == "TERM")
function M.names(mask)
  local out = {}
  for n = 1, 64 do
    if mask >> (n - 1) & 1 == 1 then out[#out + 1] = M.name(n) end
  end
  return out
end

--- The masks of a task.
-- @param task `struct task_struct`
-- @treturn table masks of 64 bits: blocked, pending (for this thread), shared (for its process); ignored and caught of its process, nil
--  for a task that has ended
-- @raise kvm.Error
-- @usage assert(kvm.linux.signal.masks(k:object("init_task")).pending == 0)
function M.masks(task)
  local out = {blocked = task.blocked.sig[0], pending = task.pending.signal.sig[0], shared = task.signal.shared_pending.signal.sig[0]}
  local hand = task.sighand
  if not hand then return out end
  out.ignored, out.caught = 0, 0
  for n = 0, 63 do
    local handler = hand.action[n].sa.sa_handler
    local at = handler and object.addr(handler) or 0
    if at == 1 then out.ignored = out.ignored | 1 << n elseif at ~= 0 then out.caught = out.caught | 1 << n end
  end
  return out
end

--- How a process handles a signal.
-- @param task `struct task_struct`
-- @tparam integer number
-- @treturn string "default", "ignore", or the handler's address "0x..."
-- @treturn integer flags (SA_*)
-- @treturn integer mask of what is blocked meanwhile
-- @raise kvm.Error `notfound` for a task that has ended
-- @usage assert(kvm.linux.signal.action(k:object("init_task"), 9) == "default")
function M.action(task, number)
  local hand = task.sighand
  if not hand then kvm_error.fail("notfound", "task %d has ended", task.pid) end
  local sa = hand.action[number - 1].sa
  local at = sa.sa_handler and object.addr(sa.sa_handler) or 0
  return at == 0 and "default" or at == 1 and "ignore" or ("0x%x"):format(at), sa.sa_flags, sa.sa_mask.sig[0]
end

--- The signals that are queued with their sender.
-- @param pending `struct sigpending`: `task.pending`, or `task.signal.shared_pending`
-- @treturn function an iterator of tables: number, code (SI_*), pid and uid (of who sent it; what they mean depends on code), addr
--  (`struct sigqueue *`)
-- @raise kvm.Error `format` where the list is damaged; `fault`, `excluded`
-- @usage for s in kvm.linux.signal.for_each_queued(k:object("init_task").pending) do assert(s.number > 0) end
function M.for_each_queued(pending)
  local step = list.for_each_entry("struct sigqueue", pending.list, "list", MOST)
  return function()
    local q = step()
    if not q then return nil end
    local info = q.info
    return {number = info.si_signo, code = info.si_code, pid = info._sifields._kill._pid, uid = info._sifields._kill._uid,
      addr = object.addr(q)}
  end
end

-- include/uapi/asm-generic/resource.h, in the order and with the words of /proc/PID/limits (fs/proc/base.c, lnames)
local LIMITS <const> = {{"Max cpu time", "seconds"}, {"Max file size", "bytes"}, {"Max data size", "bytes"}, {"Max stack size", "bytes"},
  {"Max core file size", "bytes"}, {"Max resident set", "bytes"}, {"Max processes", "processes"}, {"Max open files", "files"},
  {"Max locked memory", "bytes"}, {"Max address space", "bytes"}, {"Max file locks", "locks"}, {"Max pending signals", "signals"},
  {"Max msgqueue size", "bytes"}, {"Max nice priority", ""}, {"Max realtime priority", ""}, {"Max realtime timeout", "us"}}

--- The resource limits of a process.
-- @param task `struct task_struct`
-- @treturn {table,...} name ("Max open files"), unit, soft and hard (integers; -1: unlimited), in the order of /proc/PID/limits
-- @raise kvm.Error
-- @usage assert(kvm.linux.signal.limits(k:object("init_task"))[8].name == "Max open files")
function M.limits(task)
  local out, rlim = {}, task.signal.rlim
  for i, limit in ipairs(LIMITS) do
    out[i] = {name = limit[1], unit = limit[2], soft = rlim[i - 1].rlim_cur, hard = rlim[i - 1].rlim_max}
  end
  return out
end

return M
