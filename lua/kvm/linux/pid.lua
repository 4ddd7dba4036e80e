-- SPDX-License-Identifier: BSD-2-Clause
-- linux/pid.h, linux/pid_namespace.h: process ids: a struct pid has a number in its own pid namespace and in each above it, and leads to
-- the tasks that use it as their thread, process, group or session id. Numbers are found in the namespace's IDR (since 4.15), types of
-- ids are those of enum pid_type, kept in signal_struct.pids but the thread's own (since 4.19). Checked against Linux 5.10, 6.1, 6.12
-- and 7.2.
local kvm_error = require "kvm.error"
local hlist = require "kvm.linux.hlist"
local idr = require "kvm.linux.idr"
local kallsyms = require "kvm.linux.kallsyms"
local object = require "kvm.object"
local types = require "kvm.type"

local M = {}

local MAX_LEVEL <const> = 32 -- MAX_PID_NS_LEVEL, include/linux/pid_namespace.h
local MOST_TASKS <const> = 1 << 22 -- PID_MAX_LIMIT, include/linux/threads.h

local function type_number(k, name)
  for _, e in ipairs(types.of(k, "enum pid_type"):strip():enumerators()) do
    if e.name == "PIDTYPE_" .. name then return e.value end
  end
  return kvm_error.fail("inval", "there is no type of id %s", name)
end

--- The first pid namespace, whose numbers /proc shows.
-- @param k an open handle
-- @return `struct pid_namespace`
-- @raise kvm.Error
-- @usage assert(kvm.linux.pid.init_ns(k).level == 0)
function M.init_ns(k)
  return kvm_error.check(k:object(kallsyms.address(k, "init_pid_ns"), "struct pid_namespace"))
end

--- An id of a task.
-- @param task `struct task_struct`
-- @tparam[opt="PID"] string name "PID" (the thread's own), "TGID" (its process's), "PGID" (its group's) or "SID" (its session's)
-- @return `struct pid`; nil for a task that has been released
-- @raise kvm.Error `inval` for another name
-- @usage assert(kvm.linux.pid.of_task(k:object("init_task"), "SID").numbers[0].nr == 0)
function M.of_task(task, name)
  if not name or name == "PID" then return task.thread_pid end
  return task.signal.pids[type_number(object.handle(task), name)]
end

--- The numbers of an id, in the first namespace, in that below it, down to its own.
-- @param pid `struct pid`
-- @treturn {table,...} nr (integer), ns (`struct pid_namespace`)
-- @raise kvm.Error `format`: more namespaces than there can be
-- @usage assert(kvm.linux.pid.numbers(kvm.linux.pid.of_task(k:object("init_task")))[1].nr == 0)
function M.numbers(pid)
  local k, level, out = object.handle(pid), pid.level, {}
  if level > MAX_LEVEL then kvm_error.fail("format", "the pid at 0x%x is %d namespaces deep", object.addr(pid), level) end
  local at, size = object.addr(pid, "numbers"), types.sizeof(k, "struct upid")
  for i = 0, level do -- numbers[] is as long as the id is deep
    local upid = kvm_error.check(k:object(at + i * size, "struct upid"))
    out[i + 1] = {nr = upid.nr, ns = upid.ns}
  end
  return out
end

--- The namespace that an id was made in.
-- @param pid `struct pid`
-- @return `struct pid_namespace`
-- @raise kvm.Error as numbers
-- @usage assert(kvm.linux.pid.ns_of_pid(kvm.linux.pid.of_task(k:object("init_task"))).level == 0)
function M.ns_of_pid(pid)
  local all = M.numbers(pid)
  return all[#all].ns
end

--- The number of an id in a namespace.
-- @param pid `struct pid`
-- @param[opt] ns `struct pid_namespace`; without it the first
-- @treturn integer 0 where the namespace does not see it
-- @raise kvm.Error as numbers
-- @usage assert(kvm.linux.pid.nr(kvm.linux.pid.of_task(k:object("init_task"))) == 0)
function M.nr(pid, ns)
  local all = M.numbers(pid)
  if not ns then return all[1].nr end
  local level = ns.level
  local own = level >= 0 and level < #all and all[level + 1]
  return own and own.ns and object.addr(own.ns) == object.addr(ns) and own.nr or 0
end

--- The numbers of a task's id in the task's own pid namespace and those above it, as NSpid, NStgid, NSpgid and NSsid of
-- /proc/PID/status: outermost first.
-- @param task `struct task_struct`
-- @tparam[opt="PID"] string name as of_task
-- @treturn ?{integer,...} nil for a task that has been released
-- @raise kvm.Error
-- @usage assert(kvm.linux.pid.ns_numbers(k:object("init_task"))[1] == 0)
function M.ns_numbers(task, name)
  local own, pid = M.of_task(task), M.of_task(task, name)
  if not own or not pid then return nil end
  local out = {}
  for i, upid in ipairs(M.numbers(own)) do out[i] = M.nr(pid, upid.ns) end
  return out
end

--- The id that has a number.
-- @param ns `struct pid_namespace`
-- @tparam integer nr
-- @return `struct pid`; nil when there is none
-- @raise kvm.Error `format` where the IDR is damaged; `fault`, `excluded`
-- @usage assert(kvm.linux.pid.nr(kvm.linux.pid.find(kvm.linux.pid.init_ns(k), 1)) == 1)
function M.find(ns, nr)
  if nr < 0 then return nil end
  local ptr = idr.find(ns.idr, nr)
  return ptr ~= 0 and kvm_error.check(object.handle(ns):object(ptr, "struct pid")) or nil
end

--- The ids of a namespace, by number.
-- @param ns `struct pid_namespace`
-- @treturn function an iterator of number and `struct pid`
-- @raise kvm.Error as find
-- @usage for nr, pid in kvm.linux.pid.for_each(kvm.linux.pid.init_ns(k)) do assert(kvm.linux.pid.nr(pid) == nr) end
function M.for_each(ns)
  return idr.for_each_entry("struct pid", ns.idr)
end

--- The tasks that have an id.
-- @param pid `struct pid`
-- @tparam[opt="PID"] string name as what: as of_task
-- @treturn function an iterator of `struct task_struct`; of processes, groups and sessions the first thread of each process
-- @raise kvm.Error `format`: a broken link; `fault`, `excluded`
-- @usage local pid = kvm.linux.pid.find(kvm.linux.pid.init_ns(k), 1)
-- assert(kvm.linux.pid.for_each_task(pid, "TGID")().tgid == 1)
function M.for_each_task(pid, name)
  local n = type_number(object.handle(pid), name or "PID")
  return hlist.for_each_entry("struct task_struct", pid.tasks[n], ("pid_links[%d]"):format(n), MOST_TASKS)
end

return M
