-- SPDX-License-Identifier: BSD-2-Clause
-- Memory with a set of semaphores and a queue of two messages, for the specs of what walks them.
local ipc = require "kvm.linux.ipc"
local memory = require "spec.support.memory"

local M = {}

local S = memory.START
local NS, QUEUE, FIRST, SECOND, SEMS, PID, PAGES = S, S + 0x200, S + 0x300, S + 0x380, S + 0x400, S + 0x600, S + 0x1000
M.at = {NS = NS, QUEUE = QUEUE, FIRST = FIRST, SECOND = SECOND, SEMS = SEMS, PID = PID, PAGES = PAGES}

--- An open handle, and what else the specs need; memory.forget behind the test.
function M.open()
  local k, ns
  k = memory.open [[
    struct xarray { unsigned int xa_lock, xa_flags; void *xa_head; };
    struct xa_node { unsigned char shift, offset, count, nr_values; struct xa_node *parent; struct xarray *array; void *slots[64];
      unsigned long marks[3][1]; };
    struct idr { struct xarray idr_rt; unsigned int idr_base, idr_next; };
    struct ipc_ids { struct idr ipcs_idr; };
    struct ipc_namespace { struct ipc_ids ids[3]; int shm_ctlmni; };
    typedef struct { unsigned int val; } kuid_t;
    struct kern_ipc_perm { int id, key; kuid_t uid, gid, cuid, cgid; unsigned short mode; };
    struct upid { int nr; };
    struct pid { struct upid numbers[1]; };
    struct msg_msgseg { struct msg_msgseg *next; };
    struct msg_msg { struct list_head m_list; long m_type; unsigned long m_ts; struct msg_msgseg *next; };
    struct msg_queue { struct kern_ipc_perm q_perm; long q_stime, q_rtime, q_ctime; unsigned long q_cbytes, q_qnum;
      struct pid *q_lspid, *q_lrpid; struct list_head q_messages; };
    struct sem { int semval; struct pid *sempid; };
    struct sem_array { struct kern_ipc_perm sem_perm; long sem_ctime; int sem_nsems; struct sem sems[0]; };
    struct shmid_kernel { struct kern_ipc_perm shm_perm; };
  ]]
  memory.symbols {shm_init_ns = NS, init_ipc_ns = NS}
  ns = ipc.init_ns(k)
  memory.set(k, "struct ipc_namespace", NS, {})
  local ids = k:type("struct ipc_ids"):size()
  memory.set(k, "struct ipc_ids", NS, {["ipcs_idr.idr_rt.xa_head"] = SEMS})
  memory.set(k, "struct ipc_ids", NS + ids, {["ipcs_idr.idr_rt.xa_head"] = QUEUE})
  memory.set(k, "struct sem_array", SEMS, {["sem_perm.id"] = 4, sem_nsems = 2})
  local sems = SEMS + k:type("struct sem_array"):strip():field("sems").offset
  memory.set(k, "struct sem", sems, {semval = 5, sempid = PID})
  memory.set(k, "struct sem", sems + 16, {semval = 6})
  memory.set(k, "struct pid", PID, {["numbers"] = 0})
  assert(k:write(PID, ("<i4"):pack(123)))
  local list = QUEUE + k:type("struct msg_queue"):strip():field("q_messages").offset
  local ring = {list, FIRST, SECOND}
  for i, at in ipairs(ring) do
    assert(k:write(at, ("<I8"):pack(ring[i % 3 + 1])))
    assert(k:write(ring[i % 3 + 1] + 8, ("<I8"):pack(at)))
  end
  memory.set(k, "struct msg_msg", FIRST, {m_type = 7, m_ts = 5})
  memory.set(k, "struct msg_msg", SECOND, {m_type = 8, m_ts = 0})
  assert(k:write(FIRST + k:type("struct msg_msg"):size(), "hello"))
  return k, ns
end

return M
