-- SPDX-License-Identifier: BSD-2-Clause
-- linux/nsproxy.h, linux/ns_common.h: the namespaces of a task, as /proc/PID/ns has them: those of its nsproxy, the pid namespace of its
-- own id, the user namespace of its credentials. Each has its number (inum), by which two can be told apart. Time namespaces since 5.6.
-- Checked against Linux 5.10, 6.1, 6.12 and 7.2.
local kvm_error = require "kvm.error"
local object = require "kvm.object"
local pid = require "kvm.linux.pid"

local M = {}

-- The names of /proc/PID/ns and the members of struct nsproxy.
local MEMBERS <const> = {
  cgroup = "cgroup_ns", ipc = "ipc_ns", mnt = "mnt_ns", net = "net_ns", pid_for_children = "pid_ns_for_children", time = "time_ns",
  time_for_children = "time_ns_for_children", uts = "uts_ns",
}

--- Names of kinds of namespaces, sorted, as files of /proc/PID/ns.
M.KINDS = {"cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "time", "time_for_children", "user", "uts"}

--- A namespace of a task.
-- @param task `struct task_struct`
-- @tparam string kind one of KINDS
-- @return the namespace (`struct uts_namespace`, `struct net`, ...); nil where the task has none: one that has ended keeps "pid" and
--  "user" alone, and the kernel may be built without some
-- @raise kvm.Error `inval`: no such kind; `fault`, `excluded`
-- @usage assert(kvm.addr(kvm.linux.nsproxy.of_task(k:object("init_task"), "net")) == k:symbol("init_net").value)
function M.of_task(task, kind)
  if kind == "user" then return task.real_cred.user_ns end
  if kind == "pid" then
    local own = task.thread_pid
    return own and pid.ns_of_pid(own)
  end
  local member, proxy = MEMBERS[kind], task.nsproxy
  if not member then kvm_error.fail("inval", "there are no namespaces of kind %s", kind) end
  return proxy and object.typeof(proxy):strip():field(member) and proxy[member] or nil
end

--- The number of a namespace, as in "net:[4026531840]".
-- @param ns a namespace
-- @treturn integer
-- @raise kvm.Error
-- @usage assert(kvm.linux.nsproxy.inum(kvm.linux.nsproxy.of_task(k:object("init_task"), "user")) == 0xeffffffd)
function M.inum(ns)
  return ns.ns.inum & 0xffffffff
end

--- The numbers of a task's namespaces.
-- @param task `struct task_struct`
-- @treturn {[string]=integer,...} by kind; those that the task has
-- @raise kvm.Error
-- @usage assert(kvm.linux.nsproxy.inums(k:object("init_task")).uts == 0xeffffffe)
function M.inums(task)
  local out = {}
  for _, kind in ipairs(M.KINDS) do
    local ns = M.of_task(task, kind)
    if ns then out[kind] = M.inum(ns) end
  end
  return out
end

return M
