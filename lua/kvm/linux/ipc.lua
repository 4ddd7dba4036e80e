-- SPDX-License-Identifier: BSD-2-Clause
-- linux/ipc_namespace.h: System V shared memory, semaphores and message queues of an IPC namespace, as /proc/sysvipc has them; contents of
-- messages (ipc/msgutil.c: struct msg_msg, and segments behind its first page). Checked against Linux 5.10, 6.1, 6.12 and 7.2.
local kvm_error = require "kvm.error"
local idr = require "kvm.linux.idr"
local kallsyms = require "kvm.linux.kallsyms"
local list = require "kvm.linux.list"
local object = require "kvm.object"
local types = require "kvm.type"

local M = {}

-- ipc/util.h: IPC_SEM_IDS, IPC_MSG_IDS, IPC_SHM_IDS
local KINDS <const> = {
  sem = {index = 0, type = "struct sem_array", perm = "sem_perm"},
  msg = {index = 1, type = "struct msg_queue", perm = "q_perm"},
  shm = {index = 2, type = "struct shmid_kernel", perm = "shm_perm"},
}
local MOST_MESSAGES <const> = 1 << 24
local MOST_BYTES <const> = 1 << 24 -- of a message
local PAGE <const> = 4096

--- The first IPC namespace.
-- @param k an open handle
-- @return `struct ipc_namespace`
-- @raise kvm.Error `notfound`: this kernel has no System V IPC (CONFIG_SYSVIPC)
-- @usage assert(kvm.linux.ipc.init_ns(k).shm_ctlmni > 0)
function M.init_ns(k)
  kallsyms.need(k, {"shm_init_ns"}, "System V IPC", "CONFIG_SYSVIPC")
  return kvm_error.check(k:object(kallsyms.address(k, "init_ipc_ns"), "struct ipc_namespace"))
end

--- The objects of a kind in a namespace.
-- @param ns `struct ipc_namespace`
-- @tparam string which "shm", "sem" or "msg"
-- @return iterator of objects `struct shmid_kernel`, `struct sem_array` or `struct msg_queue`, and their `struct kern_ipc_perm`
-- @raise kvm.Error `format` where the numbers are damaged; `fault`, `excluded`
-- @usage for q, perm in kvm.linux.ipc.for_each(kvm.linux.ipc.init_ns(k), "msg") do assert(q.q_qnum >= 0 and perm.id >= 0) end
function M.for_each(ns, which)
  local kind, k = KINDS[which], object.handle(ns)
  local step = idr.for_each_entry("struct kern_ipc_perm", ns.ids[kind.index].ipcs_idr)
  local t = types.of(k, kind.type)
  return function()
    local _, perm = step()
    if perm then return object.container_of(perm, t, kind.perm), perm end
  end
end

--- The process that a `struct pid *` member stands for.
-- @param pid `struct pid`, or nil
-- @treturn integer 0 for none
-- @raise kvm.Error
-- @usage assert(kvm.linux.ipc.pid_of(nil) == 0)
function M.pid_of(pid)
  return pid and pid.numbers[0].nr or 0
end

--- The semaphores of a set.
-- @param set `struct sem_array`
-- @treturn {table,...} `value` (integer), `pid` (that changed it last)
-- @raise kvm.Error `format` for a number of them that can't be
-- @usage for set in kvm.linux.ipc.for_each(kvm.linux.ipc.init_ns(k), "sem") do assert(#kvm.linux.ipc.semaphores(set) == set.sem_nsems) end
function M.semaphores(set)
  local k, count, out = object.handle(set), set.sem_nsems, {}
  if count < 0 or count > 1 << 20 then
    kvm_error.fail("format", "a set of %d semaphores at 0x%x", count, object.addr(set))
  end
  local t, at = types.of(k, "struct sem"), object.addr(set) + types.offsetof(k, "struct sem_array", "sems")
  for i = 0, count - 1 do
    local sem = kvm_error.check(k:object(at + i * t:size(), t))
    out[i + 1] = {value = sem.semval, pid = M.pid_of(sem.sempid)}
  end
  return out
end

--- What a message holds, of System V or of POSIX: behind its head up to the end of a page, then in segments of a page each.
-- @param message `struct msg_msg`
-- @treturn string
-- @raise kvm.Error `format` for a length that can't be; `fault`, `excluded`
-- @usage for q in kvm.linux.ipc.for_each(kvm.linux.ipc.init_ns(k), "msg") do
-- for m in kvm.linux.ipc.messages(q) do assert(kvm.linux.ipc.text(k:object(m.addr, "struct msg_msg")) == m.text) end end
function M.text(message)
  local k, len = object.handle(message), message.m_ts
  if len < 0 or len > MOST_BYTES then kvm_error.fail("format", "a message of %d bytes at 0x%x", len, object.addr(message)) end
  local out, from, head = {}, object.addr(message), types.sizeof(k, "struct msg_msg")
  local segment = message.next and object.addr(message.next) or 0
  while len > 0 do
    if from == 0 then kvm_error.fail("format", "the message at 0x%x ends %d bytes early", object.addr(message), len) end
    local n = math.min(len, PAGE - head)
    out[#out + 1] = kvm_error.check(k:read(from + head, n))
    len, from, head = len - n, segment, types.sizeof(k, "struct msg_msgseg")
    segment = from ~= 0 and k:ptr(from) or 0
  end
  return table.concat(out)
end

--- The messages that wait in a queue.
-- @param queue `struct msg_queue`
-- @treturn function an iterator of tables: `type` (integer), `text` (string), `addr` (`struct msg_msg *`)
-- @raise kvm.Error `format` where the list is damaged; `fault`, `excluded`
-- @usage for q in kvm.linux.ipc.for_each(kvm.linux.ipc.init_ns(k), "msg") do
-- for m in kvm.linux.ipc.messages(q) do assert(m.type > 0 and #m.text > 0) end end
function M.messages(queue)
  local step = list.for_each_entry("struct msg_msg", queue.q_messages, "m_list", MOST_MESSAGES)
  return function()
    local m = step()
    return m and {type = m.m_type, text = M.text(m), addr = object.addr(m)} or nil
  end
end

return M
