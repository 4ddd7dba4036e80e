-- SPDX-License-Identifier: BSD-2-Clause
-- linux/cred.h, linux/capability.h, linux/seccomp.h: whom a task acts for and what it may do, as /proc/PID/status tells it: from its
-- objective credentials (real_cred). Ids are those of the first user namespace. Masks of capabilities are one word since 6.3, two halves
-- before. Checked against Linux 5.10, 6.1, 6.12 and 7.2. Leaves out keyrings and what security modules keep.
local kvm_error = require "kvm.error"
local object = require "kvm.object"

local M = {}

local NGROUPS_MAX <const> = 65536 -- include/uapi/linux/limits.h
local PFA_NO_NEW_PRIVS <const> = 0 -- bit of atomic_flags, include/linux/sched.h

--- The user and group ids of a task.
-- @param task `struct task_struct`
-- @treturn table uid (real), euid, suid, fsuid, gid, egid, sgid, fsgid
-- @raise kvm.Error
-- @usage assert(kvm.linux.cred.ids(k:object("init_task")).euid == 0)
function M.ids(task)
  local cred, out = task.real_cred, {}
  for _, key in ipairs {"uid", "euid", "suid", "fsuid", "gid", "egid", "sgid", "fsgid"} do out[key] = cred[key].val end
  return out
end

--- The other groups of a task.
-- @param task `struct task_struct`
-- @treturn {integer,...}
-- @raise kvm.Error `format`: more than there can be
-- @usage assert(#kvm.linux.cred.groups(k:object("init_task")) == 0)
function M.groups(task)
  local info = task.real_cred.group_info
  local k, n, out = object.handle(info), info.ngroups, {}
  if n < 0 or n > NGROUPS_MAX then kvm_error.fail("format", "%d groups at 0x%x", n, object.addr(info)) end
  local at = object.addr(info, "gid")
  local bytes = n > 0 and kvm_error.check(k:read(at, 4 * n)) or ""
  for i = 1, n do out[i] = (string.unpack(k:info().byte_order == "big" and ">I4" or "<I4", bytes, 4 * i - 3)) end
  return out
end

local function mask(capabilities)
  if object.typeof(capabilities):strip():field "val" then return capabilities.val end
  return capabilities.cap[0] | capabilities.cap[1] << 32
end

--- The capabilities of a task.
-- @param task `struct task_struct`
-- @treturn table masks of 64 bits, bit N is capability N: inheritable, permitted, effective, bounding, ambient
-- @raise kvm.Error
-- @usage assert(kvm.linux.cred.capabilities(k:object("init_task")).inheritable == 0)
function M.capabilities(task)
  local cred = task.real_cred
  return {inheritable = mask(cred.cap_inheritable), permitted = mask(cred.cap_permitted), effective = mask(cred.cap_effective),
    bounding = mask(cred.cap_bset), ambient = mask(cred.cap_ambient)}
end

--- Names of capabilities in the order of their numbers from 0 (include/uapi/linux/capability.h), without CAP_.
M.CAPABILITIES = {"chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap", "linux_immutable",
  "net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner", "sys_module", "sys_rawio", "sys_chroot",
  "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice", "sys_resource", "sys_time", "sys_tty_config", "mknod", "lease",
  "audit_write", "audit_control", "setfcap", "mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read", "perfmon",
  "bpf", "checkpoint_restore"}

--- The capabilities of a mask.
-- @tparam integer bits
-- @treturn {string,...} names; a number where there is no name
-- @usage assert(kvm.linux.cred.capability_names(1 << 21)[1] == "sys_admin")
function M.capability_names(bits)
  local out = {}
  for n = 0, 63 do
    if bits >> n & 1 == 1 then out[#out + 1] = M.CAPABILITIES[n + 1] or tostring(n) end
  end
  return out
end

--- Whether a task and what it executes can get no more privileges (PR_SET_NO_NEW_PRIVS).
-- @param task `struct task_struct`
-- @treturn boolean
-- @raise kvm.Error
-- @usage assert(not kvm.linux.cred.no_new_privs(k:object("init_task")))
function M.no_new_privs(task)
  return task.atomic_flags >> PFA_NO_NEW_PRIVS & 1 == 1
end

--- Which system calls a task may make.
-- @param task `struct task_struct`
-- @treturn integer mode: 0 all, 1 strict, 2 those that filters let through (include/uapi/linux/seccomp.h)
-- @treturn ?integer how many filters; nil where the kernel does not count them
-- @raise kvm.Error `notfound`: this kernel has no seccomp (CONFIG_SECCOMP)
-- @usage assert(kvm.linux.cred.seccomp(k:object("init_task")) == 0)
function M.seccomp(task)
  local seccomp = object.typeof(task):strip():field "seccomp" and task.seccomp
  local t = seccomp and object.typeof(seccomp):strip()
  if not t or not t:field "mode" then kvm_error.fail("notfound", "this kernel has no seccomp (CONFIG_SECCOMP)") end
  return seccomp.mode, t:field "filter_count" and seccomp.filter_count.counter or nil -- since 5.9
end

return M
