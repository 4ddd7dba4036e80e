-- SPDX-License-Identifier: BSD-2-Clause
-- Memory with a task that has credentials, namespaces, an id in two pid namespaces, a signal_struct, for the specs of what tells them.
local memory = require "spec.support.memory"

local M = {}

local S = memory.START
M.at = {TASK = S, CRED = S + 0x200, GROUPS = S + 0x300, SIGNAL = S + 0x340, PROXY = S + 0x400, UTS = S + 0x480, PID = S + 0x500,
  GROUP = S + 0x600, OUTER = S + 0x700, INNER = S + 0x740, USER = S + 0x780, ARRAY = S + 0x800, NODE = S + 0x840}

local DECLARATIONS = [[
  struct kid { unsigned int val; };
  typedef struct { %s; } kernel_cap_t;
  struct counted { int counter; };
  struct ns_common { unsigned int inum; };
  struct user_namespace { struct ns_common ns; };
  struct uts_namespace { struct ns_common ns; };
  struct xarray { unsigned int xa_lock, xa_flags; void *xa_head; };
  struct xa_node { unsigned char shift, offset, count, nr_values; struct xa_node *parent; struct xarray *array; void *slots[64];
    unsigned long marks[3][1]; };
  struct idr { struct xarray idr_rt; unsigned int idr_base, idr_next; };
  struct pid_namespace { struct idr idr; unsigned int level; struct ns_common ns; };
  struct group_info { int ngroups; struct kid gid[]; };
  struct cred { struct kid uid, gid, suid, sgid, euid, egid, fsuid, fsgid; kernel_cap_t cap_inheritable, cap_permitted, cap_effective,
    cap_bset, cap_ambient; struct user_namespace *user_ns; struct group_info *group_info; };
  enum pid_type { PIDTYPE_PID, PIDTYPE_TGID, PIDTYPE_PGID, PIDTYPE_SID, PIDTYPE_MAX };
  struct hlist_node { struct hlist_node *next, **pprev; };
  struct hlist_head { struct hlist_node *first; };
  struct upid { int nr; struct pid_namespace *ns; };
  struct pid { unsigned int level; struct hlist_head tasks[4]; struct upid numbers[1]; };
  struct signal_struct { struct pid *pids[4]; };
  struct nsproxy { struct uts_namespace *uts_ns; struct pid_namespace *pid_ns_for_children; };
  struct seccomp { int mode; struct counted filter_count; };
  struct task_struct { int pid, tgid; unsigned long atomic_flags; struct cred *real_cred; struct signal_struct *signal;
    struct pid *thread_pid; struct nsproxy *nsproxy; struct seccomp seccomp; struct hlist_node pid_links[4]; };
]]

--- An open handle, the task, a function that sets members. CAP: what kernel_cap_t holds.
function M.open(cap)
  local k, at = memory.open(DECLARATIONS:format(cap or "unsigned long val")), M.at
  local function set(t, where, members) memory.set(k, "struct " .. t, where, members) end
  set("task_struct", at.TASK, {pid = 9, tgid = 9, atomic_flags = 1, real_cred = at.CRED, signal = at.SIGNAL, thread_pid = at.PID,
    nsproxy = at.PROXY, ["seccomp.mode"] = 2, ["seccomp.filter_count.counter"] = 3})
  set("cred", at.CRED, {["uid.val"] = 1, ["gid.val"] = 2, ["suid.val"] = 3, ["sgid.val"] = 4, ["euid.val"] = 5, ["egid.val"] = 6,
    ["fsuid.val"] = 7, ["fsgid.val"] = 8, user_ns = at.USER, group_info = at.GROUPS})
  local caps = at.CRED + k:type("struct cred"):strip():field("cap_inheritable").offset
  assert(k:write(caps, ("<i8i8i8i8i8"):pack(1, 1 << 34 | 1, 1 << 34, -1, 0)))
  set("group_info", at.GROUPS, {ngroups = 2})
  assert(k:write(at.GROUPS + 4, ("<I4I4"):pack(20, 100)))
  set("nsproxy", at.PROXY, {uts_ns = at.UTS, pid_ns_for_children = at.INNER})
  set("uts_namespace", at.UTS, {["ns.inum"] = 77})
  set("user_namespace", at.USER, {["ns.inum"] = 78})
  set("pid_namespace", at.OUTER, {["ns.inum"] = 79, level = 0, ["idr.idr_rt.xa_head"] = at.NODE + 2})
  set("pid_namespace", at.INNER, {["ns.inum"] = 80, level = 1})
  set("xa_node", at.NODE, {array = at.OUTER})
  assert(k:write(at.NODE + k:type("struct xa_node"):strip():field("slots").offset + 8 * 9, ("<I8"):pack(at.PID)))
  local numbers = k:type("struct pid"):strip():field("numbers").offset
  set("pid", at.PID, {level = 1})
  assert(k:write(at.PID + numbers, ("<I8I8I8I8"):pack(9, at.OUTER, 1, at.INNER)))
  set("pid", at.GROUP, {level = 0})
  assert(k:write(at.GROUP + numbers, ("<I8I8"):pack(4, at.OUTER)))
  local link = at.TASK + k:type("struct task_struct"):strip():field("pid_links").offset
  assert(k:write(at.PID + k:type("struct pid"):strip():field("tasks").offset, ("<I8"):pack(link)))
  assert(k:write(link, ("<I8I8"):pack(0, at.PID + k:type("struct pid"):strip():field("tasks").offset)))
  assert(k:write(at.SIGNAL, ("<I8I8I8I8"):pack(0, at.PID, at.GROUP, at.GROUP)))
  memory.symbols {init_pid_ns = at.OUTER}
  return k, k:object(at.TASK, "struct task_struct"), set
end

return M
