-- SPDX-License-Identifier: BSD-2-Clause
-- Mounts whose server is elsewhere (NFS, CIFS, Ceph, 9p, AFS) or a process (FUSE), and the tasks that sleep in their functions. Which of
-- several mounts of one kind a task waits for, its stack does not tell: all of them are named. Stacks are looked at where there are such
-- mounts, and of tasks that sleep uninterruptibly (D), which all of these do while they wait for an answer. Checked against Linux 5.10,
-- 6.1, 6.12 and 7.2.
local attempt = require "kvm.linux.check.attempt"
local code = require "kvm.linux.check.code"
local kvm_error = require "kvm.error"
local mount = require "kvm.linux.mount"
local object = require "kvm.object"
local rq = require "kvm.linux.rq"
local types = require "kvm.type"

local M = {name = "network_mounts", title = "tasks that wait for a file server"}

local S <const> = 1000000000
local WARNING_NS <const>, ERROR_NS <const> = 10 * S, 30 * S -- a server that lives answers in less; NFS says "not responding" after 60 s
local MOST_NAMED <const>, MOST_MOUNTS <const> = 10, 100000

-- Kinds: the types of file systems, and what the functions begin with.
local KINDS <const> = {
  {name = "NFS", types = {"^nfs4?$"}, functions = {"^nfs4?_", "^nfs%d?_", "^rpc_", "^__rpc_", "^xprt_", "^xs_"}},
  {name = "CIFS", types = {"^cifs$", "^smb3$"}, functions = {"^cifs_", "^smb[23]_", "^SMB2_", "^wait_for_response", "^compound_send_recv",
    "^CIFSSMB"}},
  {name = "Ceph", types = {"^ceph$"}, functions = {"^ceph_", "^__ceph_", "^wait_caps"}},
  {name = "FUSE", types = {"^fuse", "^virtiofs$"}, functions = {"^fuse_", "^__fuse_", "^request_wait_answer", "^virtio_fs_"}},
  {name = "9p", types = {"^9p$"}, functions = {"^p9_", "^v9fs_"}}, {name = "AFS", types = {"^afs$"}, functions = {"^afs_", "^rxrpc_"}},
}

local function matches(patterns, text)
  for _, pattern in ipairs(patterns) do
    if text:find(pattern) then return true end
  end
  return false
end

-- Mounts by kind: {name = {"server:/export on /mnt (nfs4)", ...}}, each file system once.
local function mounts_of(context, attempts)
  local k, out, seen, count = context.k, {}, {}, 0
  local function add(m)
    local sb = k:ptr(object.addr(m, "mnt.mnt_sb"))
    if seen[sb] then return end
    seen[sb] = true
    local fstype = mount.fstype(m)
    for _, kind in ipairs(KINDS) do
      if matches(kind.types, fstype) then
        out[kind.name] = out[kind.name] or {}
        table.insert(out[kind.name], ("%s on %s (%s)"):format(mount.device(m), kvm_error.try(mount.dir, m) or "?", fstype))
      end
    end
  end
  local offset, is_known = types.offsetof(k, "struct task_struct", "nsproxy"), {}
  for _, t in ipairs(context:tasks()) do
    local at = t.pid == t.tgid and kvm_error.try(k.ptr, k, t.addr + offset) or 0
    local ns = at ~= 0 and not is_known[at] and kvm_error.try(function() return t.task.nsproxy.mnt_ns end)
    is_known[at] = true
    if ns and not is_known[object.addr(ns)] then
      is_known[object.addr(ns)] = true
      attempts:call(function()
        for m in mount.for_each_mount(ns) do
          count = count + 1
          if count > MOST_MOUNTS then kvm_error.fail("format", "more than %d mounts", MOST_MOUNTS) end
          add(m)
        end
      end)
    end
  end
  return out
end

local function kind_of(context, t, mounts)
  for _, name in ipairs(kvm_error.try(context.functions, context, t) or {}) do -- a stack may be missing in the dump
    for _, kind in ipairs(KINDS) do
      if mounts[kind.name] and matches(kind.functions, name) then return kind, name end
    end
  end
end

-- The tasks by kind, the longest waiting first.
local function waiters_of(context, mounts)
  local out, now = {}, nil
  for _, t in ipairs(context:tasks()) do
    local kind, name
    if t.state == "D" then kind, name = kind_of(context, t, mounts) end
    if kind then
      now = now or rq.clock(context.k)
      local ns = rq.asleep(t.task, now) or 0
      out[kind.name] = out[kind.name] or {}
      table.insert(out[kind.name], {t = t, ns = ns, name = name})
    end
  end
  for _, list in pairs(out) do table.sort(list, function(a, b) return a.ns > b.ns end) end
  return out
end

local function severity(ns) return ns >= ERROR_NS and "error" or ns >= WARNING_NS and "warning" or "info" end

local function tell(report, kind, mounts, waiters)
  local lines, pids, functions, seen = {}, {}, {}, {}
  for i, m in ipairs(mounts) do lines[i] = "mount: " .. m end
  lines = code.shortened(lines, MOST_NAMED)
  for i, w in ipairs(waiters) do
    pids[i] = w.t.pid
    if not seen[w.name] then functions[#functions + 1] = w.name end
    seen[w.name] = true
    if i <= MOST_NAMED then lines[#lines + 1] = ("pid %d (%s) has slept in %s for %.1f s"):format(w.t.pid, w.t.comm, w.name, w.ns / S) end
  end
  local first, which = waiters[1], #mounts == 1 and mounts[1] or ("one of %d mounts, such as %s"):format(#mounts, mounts[1])
  report {severity = severity(first.ns), confidence = #mounts == 1 and "likely" or "possible", pids = pids, functions = functions,
    evidence = lines, title = ("%d tasks wait in %s's functions for %s, pid %d (%s) in %s for %.1f s"):format(#waiters, kind, which,
      first.t.pid, first.t.comm, first.name, first.ns / S)}
end

--- Looks for mounts of such kinds, and for tasks in their functions.
-- @param context of the checks
-- @tparam function report takes findings
-- @raise kvm.Error where a list of mounts is damaged, behind what was found
function M.run(context, report)
  local attempts = attempt.new()
  local mounts = mounts_of(context, attempts)
  local waiters = next(mounts) and waiters_of(context, mounts) or {}
  for _, kind in ipairs(KINDS) do
    if waiters[kind.name] then tell(report, kind.name, mounts[kind.name], waiters[kind.name]) end
  end
  attempts:finish()
end

return M
